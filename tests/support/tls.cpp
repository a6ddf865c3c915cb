#include "tests/support/tls.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <utility>

namespace artel::testing {

const net::DevelopmentCertificate& developmentCertificate(const std::string& name) {
  static std::map<std::string, net::DevelopmentCertificate> all;
  auto& one = all[name];
  if (one.certificate.empty()) {
    auto made = net::makeDevelopmentCertificate({name}, 30);
    EXPECT_TRUE(made);
    one = std::move(*made);
  }
  return one;
}

CertificateFiles::CertificateFiles(const std::string& name)
    : certificate(directory.file("certificate.pem")), key(directory.file("key.pem")) {
  write(developmentCertificate(name).certificate, developmentCertificate(name).key);
}

void CertificateFiles::write(const std::string& newCertificate, const std::string& newKey) const {
  EXPECT_TRUE(newCertificate.empty() || platform::writeFile(certificate, newCertificate));
  EXPECT_TRUE(newKey.empty() || platform::writeFile(key, newKey, true));
}

SslOptions CertificateFiles::options() const {
  SslOptions options;
  options.localCert = certificate;
  options.localPk = key;
  return options;
}

void secure(Worker& worker, const CertificateFiles& files) {
  worker.transport = "ssl";
  worker.ssl = files.options();
}

SecureClient::SecureClient(World& world, const net::TlsSettings* settings, const std::string& name)
    : wire(world), room_(300 * 1024 + net::TlsSession::plainRoom) {
  net::TlsSettings own;
  if (settings != nullptr) own = *settings;
  if (own.authorities.empty()) own.authorities = developmentCertificate(name).certificate;
  auto context = net::TlsContext::client(own);
  EXPECT_TRUE(context);
  session = net::TlsSession::connect(*context, name, true);
  session->start(said_);
  pump();
}

void SecureClient::send(std::string_view plain) {
  toSend_ += plain;
  pump();
}

void SecureClient::end() {
  pump();
  session->end(said_);
  pump();
  wire.shutdown();
}

SecureClient& SecureClient::pump() {
  std::string cipher = std::exchange(wire.received, {});
  for (std::string_view rest = cipher; !rest.empty();) {
    const auto part = rest.substr(0, 256 * 1024);
    rest.remove_prefix(part.size());
    received.append(room_.data(), session->read({part.data(), part.size()}, room_, said_));
  }
  if (!toSend_.empty() && open()) {
    session->write(toSend_, said_);
    toSend_.clear();
  }
  if (!said_.empty()) wire.send(std::exchange(said_, {}));
  return *this;
}

}  // namespace artel::testing
