#include "src/worker/tls_files.hpp"

#include <gtest/gtest.h>

#include "artel/error.hpp"
#include "tests/support/tls.hpp"

namespace artel::testing {
namespace {

std::string refusal(const SslOptions& options) {
  try {
    TlsFiles::read(options, "worker \"web\"", true, "tcp 0.0.0.0:443");
  } catch (const SetupError& refused) {
    EXPECT_EQ(refused.exit(), Exit::configuration);
    return refused.what();
  }
  return "";
}

TEST(TlsFiles, NamesBothFilesOfAPairThatDoesNotFit) {
  const CertificateFiles files, others("other.example");
  EXPECT_EQ(refusal(files.options()), "");
  SslOptions mixed = files.options();
  mixed.localPk = others.key;
  EXPECT_EQ(refusal(mixed),
            "worker \"web\": the key " + others.key + " is not the key of the certificate " + files.certificate);
  mixed.localPk = "";
  EXPECT_EQ(refusal(mixed),
            "worker \"web\": the certificate " + files.certificate + " has no key in it, and localPk names none");
  mixed.localPk = files.directory.file("nothing.pem");
  EXPECT_EQ(refusal(mixed).rfind("worker \"web\": ssl.localPk " + mixed.localPk + " (of the certificate " +
                                     files.certificate + ") cannot be read: ",
                                 0),
            0U)
      << refusal(mixed);
  mixed.localCert = files.directory.file("none.pem");
  EXPECT_EQ(refusal(mixed).rfind("worker \"web\": ssl.localCert " + mixed.localCert + " (its key is to be " +
                                     mixed.localPk + ") cannot be read: ",
                                 0),
            0U)
      << refusal(mixed);
  EXPECT_EQ(refusal(SslOptions{}), "worker \"web\": TLS needs a certificate");
  SslOptions trusting = files.options();
  trusting.caFile = files.key;
  EXPECT_EQ(refusal(trusting), "worker \"web\": ssl.caFile " + files.key + " has no certificate in it");
  SslOptions named = files.options();
  named.sniServerCerts["b.example"] = {others.certificate, files.key};
  EXPECT_EQ(refusal(named),
            "worker \"web\": the key " + files.key + " is not the key of the certificate " + others.certificate);
}

TEST(TlsFiles, AnOcspResponseThatCannotBeReadIsAWarning) {
  const CertificateFiles files;
  SslOptions options = files.options();
  options.ocspFile = files.directory.file("none.der");
  const TlsFiles read = TlsFiles::read(options, "worker \"web\"", true, "scope");
  EXPECT_EQ(read.staple.fault, net::StapleReport::Fault::noFile);
  EXPECT_EQ(read.settings.identities[0].staple, "");
  ASSERT_EQ(read.warnings.size(), 1U);
  const std::string begin = "worker \"web\": ssl.ocspFile " + options.ocspFile + " cannot be read: ";
  EXPECT_EQ(read.warnings[0].rfind(begin, 0), 0U) << read.warnings[0];
  EXPECT_TRUE(read.warnings[0].ends_with("; clients get none")) << read.warnings[0];
}

TEST(TlsFiles, TellsWhenSomethingHasChanged) {
  const CertificateFiles files, others("other.example");
  const auto read = [](const SslOptions& options) { return TlsFiles::read(options, "web", false, "scope"); };
  const TlsFiles before = read(files.options());
  EXPECT_TRUE(before.sameAs(read(files.options())));
  EXPECT_TRUE(before.settings.alpn.empty());
  EXPECT_FALSE(before.sameAs(read(others.options())));
  SslOptions more = files.options();
  more.sniServerCerts["Other.Example"] = {others.certificate, others.key};
  EXPECT_FALSE(before.sameAs(read(more)));
  EXPECT_EQ(read(more).settings.identities[1].name, "other.example");
}

TEST(TlsFiles, CertificatesTravelToAnotherProcess) {
  net::TlsSettings settings, there;
  settings.authorities = "a b";
  settings.identities = {{"", "chain", "key", "", std::string("\0\1", 2)}, {"b.example", "", "12 3", "secret", ""}};
  const std::string bytes = encodeCertificates(settings);
  ASSERT_TRUE(decodeCertificates(bytes, there));
  EXPECT_EQ(there.authorities, "a b");
  ASSERT_EQ(there.identities.size(), 2U);
  EXPECT_EQ(there.identities[0].staple, std::string("\0\1", 2));
  EXPECT_EQ(there.identities[1].key, "12 3");
  EXPECT_EQ(there.identities[1].passphrase, "secret");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decodeCertificates(std::string_view(bytes).substr(0, size), there)) << size;
  EXPECT_EQ(there.identities.size(), 2U);
}

TEST(TlsFiles, ValidityIsSaidFourteenDaysAhead) {
  net::CertificateReport report;
  report.notBefore = 1'000'000'000;
  report.notAfter = 1'100'000'000;
  EXPECT_EQ(validityProblem(report, 1'050'000'000), "");
  EXPECT_EQ(validityProblem(report, 999'999'999), "is valid from 2001-09-09 on");
  EXPECT_EQ(validityProblem(report, 1'100'000'000 - 14 * 86'400), "");
  EXPECT_EQ(validityProblem(report, 1'100'000'000 - 86'400), "expires in 1 day (2004-11-09)");
  EXPECT_EQ(validityProblem(report, 1'100'000'000 - 5 * 86'400 - 1), "expires in 5 days (2004-11-09)");
  EXPECT_EQ(validityProblem(report, 1'100'000'000), "has expired on 2004-11-09");
}

TEST(TlsFiles, ADevelopmentCertificateIsMadeOnceAndServesItsOwnAuthority) {
  const Directory directory;
  SslOptions options;
  options.development = true;
  options.localCert = directory.file("development.pem");
  const TlsFiles first = TlsFiles::read(options, "web", true, "scope");
  EXPECT_TRUE(first.warnings.empty()) << first.warnings.front();
  EXPECT_EQ(first.settings.alpn, (std::vector<std::string>{"http/1.1"}));
  EXPECT_TRUE(first.sameAs(TlsFiles::read(options, "web", true, "scope")));
  EXPECT_EQ(net::countCertificates(directory.read("development.pem")), 1U);
}

}  // namespace
}  // namespace artel::testing
