// The floor's TLS: OpenSSL between two strings. One handshake after the other, in the order in which they are ready.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct ssl_st;

namespace bench {

/// With certificate.pem and key.pem of the directory.
void floorTlsBegin();
ssl_st* floorTlsAccept();
void floorTlsEnd(ssl_st* connection);

/// Adds the plain bytes to `plain`, and what TLS itself has to say to `out`. False: a peer to drop.
bool floorDecrypt(ssl_st* connection, std::string_view received, std::string& plain, std::string& out);
bool floorEncrypt(ssl_st* connection, std::string_view plain, std::string& out);

}  // namespace bench
