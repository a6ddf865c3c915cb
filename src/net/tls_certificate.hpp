// What a certificate and its key say, before anything is served with them. Bytes in, words out: who read them from
// which file knows the names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/net/tls.hpp"

namespace artel::net {

struct CertificateReport {
  enum class Fault {
    none,
    noCertificate,   ///< no PEM with a certificate in it
    noKey,           ///< no PEM with a key in it
    keyIsEncrypted,  ///< and there is no passphrase
    wrongPassphrase,
    notAPair,  ///< the key is another certificate's
    noChain,   ///< one of the certificates that follow cannot be read
    weak       ///< OpenSSL does not take it: too short a key, a broken hash; `why` says it
  };
  Fault fault = Fault::none;
  std::string why;                           ///< OpenSSL's words
  std::string subject, issuer;               ///< RFC 2253
  std::vector<std::string> names;            ///< whom it is for: subjectAltName
  std::string key;                           ///< "RSA 2048", "EC P-256"
  std::int64_t notBefore = 0, notAfter = 0;  ///< seconds since 1970
  bool selfSigned = false;
  std::size_t chain = 0;  ///< certificates that follow the first
};
CertificateReport inspect(const TlsIdentity& identity);

/// What an OCSP response says. Clients get it only while it is a good answer for that very certificate.
struct StapleReport {
  enum class Fault {
    none,
    noFile,  ///< it cannot be read: `why`
    noResponse,
    noAnswer,  ///< the authority has not answered: `why` is its reason
    another,   ///< it is about other certificates
    notGood    ///< `why`: "revoked", "unknown"
  };
  Fault fault = Fault::none;
  std::string why;
  std::int64_t from = 0, until = 0;  ///< seconds since 1970; `until` 0: it does not say
  /// It will not become good any more.
  bool over(std::int64_t now) const noexcept { return fault != Fault::none || (until != 0 && now >= until); }
};
StapleReport inspectStaple(const TlsIdentity& identity);

/// How many certificates there are in that PEM; 0 when it is none.
std::size_t countCertificates(const std::string& pem);

/// A certificate that speaks for itself, for development: for localhost, this machine's own addresses and `names`. PEM.
struct DevelopmentCertificate {
  std::string certificate, key;
};
Result<DevelopmentCertificate> makeDevelopmentCertificate(const std::vector<std::string>& names, int days);

}  // namespace artel::net
