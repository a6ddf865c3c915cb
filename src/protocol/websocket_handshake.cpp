#include "src/protocol/websocket_handshake.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "src/protocol/http_response.hpp"
#include "src/protocol/http_syntax.hpp"
#include "src/protocol/websocket_extensions.hpp"

namespace artel::websocket {

using namespace http::syntax;

namespace {

int countOf(const http::Request& request, std::string_view name) {
  int count = 0;
  for (const auto& [key, value] : request.header()) count += http::equalNames(key, name) ? 1 : 0;
  return count;
}

// 16 bytes in base64 are 22 characters and two equal signs (RFC 6455 section 4.1).
bool isKey(std::string_view key) { return key.size() == 24 && key.ends_with("==") && all(base64, key.substr(0, 22)); }

// These must be ours alone: a second line of one of them would be another handshake.
bool isReserved(std::string_view name) {
  constexpr std::string_view reserved[] = {"upgrade",
                                           "connection",
                                           "sec-websocket-accept",
                                           "transfer-encoding",
                                           "content-length",
                                           "sec-websocket-extensions",
                                           "sec-websocket-protocol"};
  return std::any_of(std::begin(reserved), std::end(reserved),
                     [name](std::string_view other) { return http::equalNames(name, other); });
}

}  // namespace

// RFC 6455 section 4.2.1, in its order.
Check checkHandshake(const http::Request& request) {
  if (request.method() != "GET") return {400, "WebSocket needs GET"};
  if (request.protocolVersion() != "1.1") return {400, "WebSocket needs HTTP/1.1"};
  if (request.header("Host").empty()) return {400, "no Host line"};
  if (!listHas(request.header("Upgrade"), "websocket")) return {400, "no \"Upgrade: websocket\""};
  if (!listHas(request.header("Connection"), "upgrade")) return {400, "no \"Connection: Upgrade\""};
  // A body would have to be read before the first frame; no client sends one.
  if (!request.rawBody().empty()) return {400, "WebSocket handshake with a body"};
  // Section 4.2.2: no version is a bad request, another one is 426 with the version we speak.
  if (countOf(request, "Sec-WebSocket-Version") == 0) return {400, "no Sec-WebSocket-Version; this is version 13"};
  if (request.header("Sec-WebSocket-Version") != "13") return {426, "only WebSocket version 13 is spoken here"};
  if (countOf(request, "Sec-WebSocket-Key") != 1) return {400, "not one Sec-WebSocket-Key"};
  if (!isKey(request.header("Sec-WebSocket-Key"))) return {400, "Sec-WebSocket-Key is not 16 bytes in base64"};
  // Section 9.1: a header that breaks the grammar ends the handshake; one that asks for what is not here does not.
  if (!readExtensions(request.header("Sec-WebSocket-Extensions"))) return {400, "Sec-WebSocket-Extensions is no list"};
  return {};
}

std::string acceptKey(std::string_view key) {
  std::string text(key);
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");  // RFC 6455 section 1.3
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  unsigned char encoded[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(encoded, digest, static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length)};
}

std::vector<std::string_view> offeredSubprotocols(const http::Request& request) {
  std::vector<std::string_view> offered;
  for (const auto& [name, value] : request.header()) {
    if (!http::equalNames(name, "Sec-WebSocket-Protocol")) continue;
    eachElement(value, [&](std::string_view element) {
      if (isToken(element)) offered.push_back(element);
    });
  }
  return offered;
}

bool appendAccept(const http::Request& request, std::string_view subprotocol, const http::Headers& extra,
                  std::string& out, std::string_view extension) {
  if (!subprotocol.empty()) {
    // Section 4.1: a client fails the connection when it gets a subprotocol that it did not offer.
    const auto offered = offeredSubprotocols(request);
    if (std::find(offered.begin(), offered.end(), subprotocol) == offered.end()) return false;
  }
  for (const auto& [name, value] : extra) {
    if (!isToken(name) || !isFieldValue(value) || isReserved(name)) return false;
  }
  out.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
  out.append(acceptKey(request.header("Sec-WebSocket-Key"))).append("\r\n");
  if (!subprotocol.empty()) out.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  if (!extension.empty()) out.append("Sec-WebSocket-Extensions: ").append(extension).append("\r\n");
  for (const auto& [name, value] : extra) out.append(name).append(": ").append(value).append("\r\n");
  out.append("\r\n");
  return true;
}

void appendRefusal(const Check& check, std::string& out) {
  if (check.status != 426) return http::appendError(check.status, check.reason, out);
  http::Response response{426};
  response.header("Upgrade", "websocket").header("Connection", "Upgrade, close").header("Sec-WebSocket-Version", "13");
  response.header("Content-Type", "text/plain;charset=utf-8").withBody(std::string(check.reason) + "\n");
  http::appendResponse(response, {}, std::nullopt, out);
}

}  // namespace artel::websocket
