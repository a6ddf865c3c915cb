#include "src/worker/tls_files.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

#include "artel/error.hpp"
#include "artel/log.hpp"
#include "artel/worker.hpp"
#include "platform/platform.hpp"

namespace artel {

namespace {

using PairFault = net::CertificateReport::Fault;
constexpr std::int64_t secondsOfADay = 86'400, warnedDays = 14;
constexpr const char* developmentFile = "development.pem";

/// Of the first certificate; empty: there is none.
std::string firstFile(const SslOptions& options) {
  return options.development && options.localCert.empty() ? developmentFile : options.localCert;
}

/// `of`: which other file it belongs to, in brackets.
std::string readOption(const std::string& who, const std::string& option, const std::string& path,
                       const std::string& of = {}) {
  auto content = platform::readFile(path);
  if (content) return std::move(*content);
  throw SetupError(Exit::configuration,
                   who + ": " + option + " " + path + (of.empty() ? "" : " (" + of + ")") +
                       " cannot be read: " + content.error().message,
                   {{"try", content.error().code == Errc::permissionDenied
                                ? "sudo: the master reads it before its workers become another user"
                                : "another path; this one counts from the directory the program is started in"}});
}

/// What is wrong with the pair, in words that name both files.
[[noreturn]] void refusePair(const std::string& who, const TlsFiles::Certificate& one) {
  const bool both = one.file == one.key;
  const std::string certificate = "certificate " + one.file, key = both ? "key in " + one.file : "key " + one.key;
  const auto say = [&](const std::string& what, const std::string& remedy) {
    throw SetupError(Exit::configuration, who + ": " + what, {{"try", remedy}});
  };
  switch (one.report.fault) {
    case PairFault::noCertificate:
      say("the " + certificate + " has no certificate in it" + (both ? "" : " (its key is to be " + one.key + ")"),
          "a PEM file: it has a line -----BEGIN CERTIFICATE-----");
      break;
    case PairFault::noChain:
      say("the " + certificate + " has a certificate in it that cannot be read, behind the first one",
          "the file as the authority gave it: your certificate first, then those that lead to the authority");
      break;
    case PairFault::noKey:
      say(both ? "the certificate " + one.file + " has no key in it, and localPk names none"
               : "the key " + one.key + " of the certificate " + one.file + " has no key in it",
          both ? "worker.ssl.localPk = \"privkey.pem\"" : "a PEM file: it has a line -----BEGIN PRIVATE KEY-----");
      break;
    case PairFault::keyIsEncrypted:
      say("the " + key + (both ? "" : " of the certificate " + one.file) + " is encrypted, and there is no passphrase",
          "worker.ssl.passphrase, or without: openssl pkey -in " + one.key + " -out plain.pem");
      break;
    case PairFault::wrongPassphrase:
      say("the passphrase does not open the " + key + (both ? "" : " of the certificate " + one.file),
          "openssl pkey -in " + one.key + " -noout   (asks for it)");
      break;
    case PairFault::notAPair:
      say("the " + key + " is not the key of the " + certificate, "the two files of one order; was one renewed alone?");
      break;
    default:
      say("the " + certificate + " with the " + key + " is not taken: " + one.report.why,
          "RSA with 2048 bits, or EC with P-256");
  }
  throw SetupError(Exit::internal, who + ": certificate");
}

void addCertificate(TlsFiles& files, const std::string& who, const std::string& option, const std::string& name,
                    const SslCertificate& from, const std::string& ocspFile, std::string pem = {}) {
  TlsFiles::Certificate one;
  one.name = name;
  one.file = from.localCert;
  one.key = from.localPk.empty() ? from.localCert : from.localPk;
  net::TlsIdentity identity;
  identity.name = name;
  for (char& c : identity.name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  identity.chain = pem.empty() ? readOption(who, option + "localCert", one.file,
                                            from.localPk.empty() ? "" : "its key is to be " + one.key)
                               : std::move(pem);
  if (!from.localPk.empty())
    identity.key = readOption(who, option + "localPk", one.key, "of the certificate " + one.file);
  identity.passphrase = from.passphrase;
  if (!ocspFile.empty()) {
    // Never a reason to serve nothing, or the certificate before.
    if (auto content = platform::readFile(ocspFile)) {
      identity.staple = std::move(*content);
      files.staple = net::inspectStaple(identity);
    } else {
      files.staple.fault = net::StapleReport::Fault::noFile;
      files.staple.why = content.error().message;
    }
  }
  one.report = net::inspect(identity);
  if (one.report.fault != PairFault::none) refusePair(who, one);
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (const std::string problem = validityProblem(one.report, now); !problem.empty())
    files.warnings.push_back(who + ": the certificate " + one.file + " " + problem);
  if (!ocspFile.empty()) {
    if (const std::string problem = stapleProblem(files.staple, one.file, now); !problem.empty())
      files.warnings.push_back(who + ": ssl.ocspFile " + ocspFile + " " + problem);
  }
  if (platform::isReadableByAll(one.key))
    files.warnings.push_back(who + ": every user of this machine may read the key in " + one.key + "; chmod 600 " +
                             one.key);
  files.settings.identities.push_back(std::move(identity));
  files.certificates.push_back(std::move(one));
}

TlsFiles settingsOf(const SslOptions& options) {
  TlsFiles files;
  net::TlsSettings& settings = files.settings;
  settings.verify = options.verifyPeer.kind();
  settings.depth = options.verifyDepth;
  settings.allowSelfSigned = options.allowSelfSigned;
  settings.ciphers = options.ciphers;
  settings.alpn = options.alpnProtocols;
  return files;
}

void addAuthorities(TlsFiles& files, const std::string& who, const SslOptions& options) {
  if (options.caFile.empty()) return;
  files.settings.authorities = readOption(who, "ssl.caFile", options.caFile);
  if (net::countCertificates(files.settings.authorities) == 0)
    throw SetupError(Exit::configuration, who + ": ssl.caFile " + options.caFile + " has no certificate in it",
                     {{"try", "a PEM file with the certificates of the authorities"}});
}

/// The file's certificate, good for a day at least; else a new one, which is written unless this is only a check.
std::string developmentPem(const std::string& who, const std::string& path) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (auto there = platform::readFile(path)) {
    const auto report = net::inspect({"", *there, "", "", ""});
    if (report.fault != PairFault::none || now + secondsOfADay < report.notAfter) return std::move(*there);
  }
  auto made = net::makeDevelopmentCertificate(platform::localAddresses(), 365);
  if (!made) throw SetupError(Exit::failed, who + ": " + made.error().message);
  std::string both = made->certificate + made->key;
  if (Worker::checking()) return both;
  if (const auto written = platform::writeFile(path, both, true); !written)
    throw SetupError(Exit::configuration,
                     who + ": the development certificate " + path + " cannot be written: " + written.error().message,
                     {{"try", "worker.ssl.localCert = a path where this user may write"}});
  log::info(who + ": made the certificate " + path + " for development; clients believe it with it as their caFile");
  return both;
}

TlsFiles settingsOfServer(const SslOptions& options, bool http, const std::string& scope) {
  TlsFiles files = settingsOf(options);
  files.settings.scope = scope;
  if (files.settings.alpn.empty() && http) files.settings.alpn = {"http/1.1"};
  files.settings.alpnOrNothing = !files.settings.alpn.empty();
  return files;
}

}  // namespace

TlsFiles TlsFiles::read(const SslOptions& options, const std::string& who, bool http, const std::string& scope) {
  const SslCertificate first(firstFile(options), options.localPk, options.passphrase);
  std::string pem;
  if (options.development && first.localPk.empty()) pem = developmentPem(who, first.localCert);
  if (first.localCert.empty())
    throw SetupError(Exit::configuration, who + ": TLS needs a certificate",
                     {{"try", "worker.ssl.localCert = \"fullchain.pem\"; worker.ssl.localPk = \"privkey.pem\";"},
                      {"or", "worker.ssl.development = true; makes one for development"}});
  TlsFiles files = settingsOfServer(options, http, scope);
  addAuthorities(files, who, options);
  addCertificate(files, who, "ssl.", "", first, options.ocspFile, std::move(pem));
  for (const auto& [name, certificate] : options.sniServerCerts)
    addCertificate(files, who, "ssl.sniServerCerts[\"" + name + "\"].", name, certificate, "");
  return files;
}

TlsFiles TlsFiles::decode(const SslOptions& options, const std::string& who, bool http, const std::string& scope,
                          std::string_view certificates) {
  TlsFiles files = settingsOfServer(options, http, scope);
  if (!decodeCertificates(certificates, files.settings))
    throw SetupError(Exit::internal, who + ": the certificates of the trial cannot be read");
  std::vector<std::pair<std::string, SslCertificate>> all{{"", {firstFile(options), options.localPk, ""}}};
  for (const auto& one : options.sniServerCerts) all.emplace_back(one);
  for (std::size_t i = 0; i < std::min(all.size(), files.settings.identities.size()); ++i) {
    const auto& [name, from] = all[i];
    files.certificates.push_back({name, from.localCert, from.localPk.empty() ? from.localCert : from.localPk,
                                  net::inspect(files.settings.identities[i])});
  }
  if (const net::TlsIdentity& first = files.settings.identities.front(); !first.staple.empty())
    files.staple = net::inspectStaple(first);
  return files;
}

TlsFiles TlsFiles::readForClient(const SslOptions& options, const std::string& who, bool http) {
  TlsFiles files = settingsOf(options);
  addAuthorities(files, who, options);
  if (files.settings.alpn.empty() && http) files.settings.alpn = {"http/1.1"};
  if (!options.localCert.empty()) addCertificate(files, who, "ssl.", "", options, "");
  return files;
}

std::string TlsFiles::identity(const SslOptions& options) {
  const std::string first = firstFile(options);
  if (!first.empty() && platform::fileIdentity(first).empty()) return "";
  std::string all;
  const auto add = [&](const std::string& path) {
    if (!path.empty()) all += path + "=" + platform::fileIdentity(path) + "\n";
  };
  add(first);
  for (const std::string* path : {&options.localPk, &options.caFile, &options.ocspFile}) add(*path);
  for (const auto& [name, certificate] : options.sniServerCerts) add(certificate.localCert), add(certificate.localPk);
  return all;
}

bool TlsFiles::sameAs(const TlsFiles& other) const {
  const auto same = [](const net::TlsIdentity& a, const net::TlsIdentity& b) {
    return a.name == b.name && a.chain == b.chain && a.key == b.key && a.staple == b.staple;
  };
  return settings.authorities == other.settings.authorities &&
         std::equal(settings.identities.begin(), settings.identities.end(), other.settings.identities.begin(),
                    other.settings.identities.end(), same);
}

std::string encodeCertificates(const net::TlsSettings& settings) {
  std::string bytes;
  // In one piece, so that who wipes it wipes all of it: a text that grows leaves copies of itself behind.
  std::size_t most = 64 + settings.authorities.size();
  for (const net::TlsIdentity& one : settings.identities)
    most += 128 + one.name.size() + one.chain.size() + one.key.size() + one.passphrase.size() + one.staple.size();
  bytes.reserve(most);
  const auto add = [&](const std::string& field) { bytes += std::to_string(field.size()) + " " + field; };
  add(std::to_string(settings.identities.size()));
  add(settings.authorities);
  for (const net::TlsIdentity& one : settings.identities)
    for (const std::string* field : {&one.name, &one.chain, &one.key, &one.passphrase, &one.staple}) add(*field);
  return bytes;
}

bool decodeCertificates(std::string_view bytes, net::TlsSettings& settings) {
  bool whole = true;
  const auto take = [&](std::string& field) {
    std::size_t size = 0;
    const auto [end, failed] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size);
    const auto digits = static_cast<std::size_t>(end - bytes.data());
    whole = whole && failed == std::errc() && digits < bytes.size() && size <= bytes.size() - digits - 1;
    if (!whole) return;
    field = bytes.substr(digits + 1, size);
    bytes.remove_prefix(digits + 1 + size);
  };
  std::string count, authorities;
  std::vector<net::TlsIdentity> identities;
  take(count);
  take(authorities);
  while (whole && !bytes.empty()) {
    net::TlsIdentity& one = identities.emplace_back();
    for (std::string* field : {&one.name, &one.chain, &one.key, &one.passphrase, &one.staple}) take(*field);
  }
  if (!whole || identities.empty() || std::to_string(identities.size()) != count) return false;
  settings.authorities = std::move(authorities);
  settings.identities = std::move(identities);
  return true;
}

std::string dateText(std::int64_t seconds) {
  using namespace std::chrono;
  const year_month_day date{floor<days>(sys_seconds{std::chrono::seconds(seconds)})};
  const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::to_string(static_cast<int>(date.year())) + "-" + two(static_cast<unsigned>(date.month())) + "-" +
         two(static_cast<unsigned>(date.day()));
}

std::string stapleProblem(const net::StapleReport& report, const std::string& certificate, std::int64_t now) {
  using Fault = net::StapleReport::Fault;
  std::string problem;
  switch (report.fault) {
    case Fault::none:
      if (now < report.from) problem = "is valid from " + dateText(report.from) + " on; until then";
      if (report.until != 0 && now >= report.until) problem = "has expired on " + dateText(report.until) + ";";
      break;
    case Fault::noFile:
      problem = "cannot be read: " + report.why + ";";
      break;
    case Fault::noResponse:
      problem = "holds no OCSP response;";
      break;
    case Fault::noAnswer:
      problem = "holds no answer of the authority but \"" + report.why + "\";";
      break;
    case Fault::another:
      problem = "is about another certificate than " + certificate + ";";
      break;
    case Fault::notGood:
      problem = "says of the certificate " + certificate + ": " + report.why + ";";
  }
  return problem.empty() ? "" : problem + " clients get none";
}

std::string validityProblem(const net::CertificateReport& report, std::int64_t now) {
  if (now < report.notBefore) return "is valid from " + dateText(report.notBefore) + " on";
  if (now >= report.notAfter) return "has expired on " + dateText(report.notAfter);
  const std::int64_t left = (report.notAfter - now) / secondsOfADay;
  if (left >= warnedDays) return "";
  return "expires in " + std::to_string(left) + (left == 1 ? " day (" : " days (") + dateText(report.notAfter) + ")";
}

}  // namespace artel
