// The files of SslOptions, read into what a TLS context is made of. Read by the master, so that a key may belong to
// root; worker processes get bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "artel/ssl.hpp"
#include "src/net/tls.hpp"
#include "src/net/tls_certificate.hpp"

namespace artel {

struct TlsFiles {
  struct Certificate {
    std::string name;       ///< as in sniServerCerts; "" is the one for everybody
    std::string file, key;  ///< paths; the same when the key is in the certificate's file
    net::CertificateReport report;
  };
  net::TlsSettings settings;
  std::vector<Certificate> certificates;
  net::StapleReport staple;           ///< of ocspFile
  std::vector<std::string> warnings;  ///< one sentence each: expires soon, everybody may read the key

  /// Throws SetupError (E06) that names the files; `who` begins the sentence: "worker \"web\" (https://...)".
  /// `http`: artel's own HTTP or WebSocket, which get their ALPN. `scope`: what tells this listener from others.
  static TlsFiles read(const SslOptions& options, const std::string& who, bool http, const std::string& scope);
  /// The same of what encodeCertificates() has made of them before.
  static TlsFiles decode(const SslOptions& options, const std::string& who, bool http, const std::string& scope,
                         std::string_view certificates);
  /// The same for a client, which may do without a certificate of its own.
  static TlsFiles readForClient(const SslOptions& options, const std::string& who, bool http);
  /// Differs when one of the files is another, or has another content; "" where the system does not tell so cheaply.
  static std::string identity(const SslOptions& options);
  /// Byte for byte the same certificates, keys and authorities.
  bool sameAs(const TlsFiles& other) const;
};

/// What changes when certificates are renewed, on its way to a worker process.
std::string encodeCertificates(const net::TlsSettings& settings);
/// False: these are none, and nothing has changed.
bool decodeCertificates(std::string_view bytes, net::TlsSettings& settings);

/// "expires in 12 days (2026-12-10)", "has expired on 2026-11-01", "is valid from 2027-01-01 on"; "" when it is fine
/// for 14 more days. `now`: seconds since 1970.
std::string validityProblem(const net::CertificateReport& report, std::int64_t now);
/// "has expired on 2026-11-01; clients get none"; "" when it is sent.
std::string stapleProblem(const net::StapleReport& report, const std::string& certificate, std::int64_t now);
/// "2026-12-10", in UTC.
std::string dateText(std::int64_t seconds);

}  // namespace artel
