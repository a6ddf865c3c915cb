// What the manual calls the ssl context: certificates, and what is asked of the other side's (rows 1.8.1, 1.8.2.5,
// 1.16.31). Files are PEM. docs/tls.md leads from a certificate to a service.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace artel {

/// What is asked of the other side: true is `required`, false is `off`.
class VerifyPeer {
 public:
  enum Kind : std::uint8_t {
    byRole,    ///< servers ask for nothing, clients require it
    off,       ///< nothing is asked for, nothing is looked at
    optional,  ///< of clients: one without a certificate is welcome, a bad one is not
    required
  };
  constexpr VerifyPeer(Kind kind = byRole) noexcept : kind_(kind) {}      // NOLINT(google-explicit-constructor)
  constexpr VerifyPeer(bool on) noexcept : kind_(on ? required : off) {}  // NOLINT(google-explicit-constructor)
  constexpr Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// One certificate: its file, which may hold the chain and the key, too, and the key's, when that is another.
struct SslCertificate {
  SslCertificate() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  SslCertificate(std::string cert, std::string key = {}, std::string password = {})
      : localCert(std::move(cert)), localPk(std::move(key)), passphrase(std::move(password)) {}
  SslCertificate(const char* cert) : localCert(cert) {}  // NOLINT(google-explicit-constructor)
  std::string localCert;   ///< the certificate first, then those that lead to an authority
  std::string localPk;     ///< empty: the key is in localCert
  std::string passphrase;  ///< of an encrypted key
};

/// Of a Worker (`worker.ssl`), and of a client connection. TLS 1.2 and 1.3 with ECDHE and AEAD only, whatever is set.
/// A Worker's files are read by the master: at the start, where one that cannot be used refuses the start (E06), at
/// each reload, and within ten seconds of a change. Then one that cannot be used is a line in the log, and what was
/// there stays.
struct SslOptions : SslCertificate {
  /// More certificates on the same port, by the name that the client asks for: {"a.example", "a.pem"}. "*.a.example"
  /// stands for one label. Any other name gets localCert.
  std::map<std::string, SslCertificate> sniServerCerts;
  /// For development: localCert ("development.pem" when it is empty) is made at the start if it is not there or has
  /// expired, with its key in it. It speaks for itself, for localhost and this machine's addresses; clients believe it
  /// with that file as their caFile. `worker.ssl.development = true;` is all that is needed.
  bool development = false;
  /// An OCSP response (DER), sent along with localCert to clients that ask for it while it is about that certificate,
  /// good and within its time. One that is not, or that cannot be read, is a warning and is not sent.
  std::string ocspFile;

  VerifyPeer verifyPeer;
  std::string caFile;            ///< whom to believe; empty: the system's authorities
  int verifyDepth = 10;          ///< certificates between the peer's own and the authority's
  bool allowSelfSigned = false;  ///< believe a certificate that only speaks for itself, too
  /// Clients: the certificate must be for this name; empty: for the host that is dialled. It is also what the server
  /// is asked for (SNI).
  std::string peerName;
  bool verifyPeerName = true;  ///< clients: false believes a valid certificate of anybody

  /// For TLS 1.2, in OpenSSL's form; only those with ECDHE and AEAD count. Empty: all of these.
  std::string ciphers;
  /// What is spoken inside, the best first (ALPN). Empty: "http/1.1" where HTTP or WebSocket is spoken, else nothing.
  std::vector<std::string> alpnProtocols;
};

}  // namespace artel
