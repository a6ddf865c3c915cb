// TLS in tests: a certificate in files, and a client that speaks it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "artel/ssl.hpp"
#include "src/net/tls.hpp"
#include "src/net/tls_certificate.hpp"
#include "tests/support/program.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {

/// Made once for all tests of a program: PEM.
const net::DevelopmentCertificate& developmentCertificate(const std::string& name = "a.example");

/// The same in two files of a directory.
struct CertificateFiles {
  explicit CertificateFiles(const std::string& name = "a.example");
  /// Writes another pair, or only one half of it.
  void write(const std::string& certificate, const std::string& key) const;
  SslOptions options() const;
  Directory directory;
  std::string certificate, key;
};

/// Serves `worker` over TLS, with that certificate.
void secure(Worker& worker, const CertificateFiles& files);

class SecureClient {
 public:
  /// Believes the development certificate of `name`. `settings` null: with nothing of its own.
  explicit SecureClient(World& world, const net::TlsSettings* settings = nullptr,
                        const std::string& name = "a.example");
  /// As soon as the handshake is done.
  void send(std::string_view plain);
  /// close_notify and our end of the stream.
  void end();
  /// Decrypts what has come, sends what is to be sent: call it where the test waits.
  SecureClient& pump();
  bool open() const noexcept { return session->state() == net::TlsSession::State::open; }
  /// The server has said that it is done.
  bool told() const noexcept { return session->state() == net::TlsSession::State::peerEnded; }

  Client wire;
  std::unique_ptr<net::TlsSession> session;
  std::string received;

 private:
  std::string said_, toSend_;
  std::vector<char> room_;
};

}  // namespace artel::testing
