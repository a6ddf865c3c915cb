// Certificates and keys as OpenSSL has them. For tls*.cpp only: it needs OpenSSL's names.
#pragma once

#include <string>

#include "artel/error.hpp"

struct ssl_ctx_st;
struct x509_st;

namespace artel::net::pem {

/// OpenSSL's words for what went wrong last in this thread, which are then forgotten.
std::string lastError();
/// The messages say what is wrong with what: "the key", "the certificate".
Result<void> use(ssl_ctx_st* context, const std::string& chain, const std::string& key, const std::string& passphrase);
/// Empty: the system's. `announce`: tell clients these names when their certificate is asked for.
Result<void> trust(ssl_ctx_st* context, const std::string& authorities, bool announce);
std::string subjectOf(const x509_st* certificate);

}  // namespace artel::net::pem
