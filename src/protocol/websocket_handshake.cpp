#include "src/protocol/websocket_handshake.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "src/protocol/http_answer.hpp"
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

void appendRefusal(const Check& check, const http::ReplyContext& context, std::string& out) {
  if (check.status != 426) return http::appendError(check.status, check.reason, context, out);
  http::Response response{426};
  response.header("Upgrade", "websocket").header("Connection", "Upgrade, close").header("Sec-WebSocket-Version", "13");
  response.header("Content-Type", "text/plain;charset=utf-8").withBody(std::string(check.reason) + "\n");
  http::appendResponse(response, context, std::nullopt, out);
}

// ---- clients --------------------------------------------------------------------------------------------------------

namespace {

int countOf(const http::Answer& answer, std::string_view name) {
  int count = 0;
  for (const auto& [key, value] : answer.header()) count += http::equalNames(key, name) ? 1 : 0;
  return count;
}

/// Ours alone: one line more of these would be another handshake.
bool isOurs(std::string_view name) {
  return isReserved(name) || http::equalNames(name, "sec-websocket-key") ||
         http::equalNames(name, "sec-websocket-version");
}

bool listsTokens(std::string_view list) {
  bool good = true;
  eachElement(list, [&](std::string_view element) { good = good && isToken(element); });
  return good;
}

bool listNames(std::string_view list, std::string_view word) {  // section 4.1: the very same, letters in their case
  bool found = false;
  eachElement(list, [&](std::string_view element) { found = found || (!word.empty() && element == word); });
  return found;
}

}  // namespace

std::string newKey() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) throw std::runtime_error("the system gives no random numbers");
  unsigned char encoded[25];
  const int length = EVP_EncodeBlock(encoded, bytes, sizeof bytes);
  return {reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length)};
}

std::string appendUpgrade(const UpgradeRequest& request, const http::Headers& extra, std::string& out) {
  if (request.uri.empty() || request.uri[0] != '/' || !all(targetByte, request.uri))
    return "the path \"" + std::string(request.uri) + "\" is none: spaces and the like are written %20";
  if (!request.subprotocols.empty() && !listsTokens(request.subprotocols))
    return "websocketClientProtocol \"" + std::string(request.subprotocols) + "\" is no list of names";
  if (!isFieldValue(request.origin)) return "websocketOrigin has a control character in it";
  bool ownHost = false;
  for (const auto& [name, value] : extra) {
    if (!isToken(name) || !isFieldValue(value)) return "the header \"" + name + "\" or its value is not allowed";
    if (isOurs(name)) return "the header \"" + name + "\" belongs to the handshake itself";
    ownHost = ownHost || http::equalNames(name, "host");
  }
  // The zone of "[fe80::1%eth0]" means something to this machine only (RFC 6874).
  std::string host(request.host);
  if (const auto zone = host.find('%'); host.starts_with('[') && zone != std::string::npos)
    host.erase(zone, std::min(host.find(']'), host.size()) - zone);
  if (!ownHost && !http::syntax::isAuthority(host)) return "\"" + host + "\" is no host";
  out.append("GET ").append(request.uri).append(" HTTP/1.1\r\n");
  if (!ownHost) out.append("Host: ").append(host).append("\r\n");
  out.append("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
  out.append(request.key).append("\r\n");
  if (!request.origin.empty()) out.append("Origin: ").append(request.origin).append("\r\n");
  if (!request.subprotocols.empty()) out.append("Sec-WebSocket-Protocol: ").append(request.subprotocols).append("\r\n");
  if (request.deflate) out.append("Sec-WebSocket-Extensions: ").append(deflateOffer).append("\r\n");
  for (const auto& [name, value] : extra) out.append(name).append(": ").append(value).append("\r\n");
  out.append("\r\n");
  return {};
}

// RFC 6455 section 4.1, what a client has to look at, in its order.
UpgradeAnswer checkAnswer(const UpgradeRequest& request, const http::Answer& answer) {
  const auto refuse = [](std::string why) { return UpgradeAnswer{std::move(why), std::nullopt}; };
  if (answer.status() != 101) {
    const std::string elsewhere = answer.status() / 100 == 3 ? http::shown(answer.header("Location")) : "";
    return refuse("the server answered " + std::to_string(answer.status()) +
                  (answer.reason().empty() ? "" : " " + http::shown(answer.reason())) + " instead of 101" +
                  (elsewhere.empty() ? "" : "; it points to " + elsewhere + ", but redirects are not followed"));
  }
  if (!http::equalNames(answer.header("Upgrade"), "websocket"))
    return refuse("the answer has no \"Upgrade: websocket\"");
  if (!listHas(answer.header("Connection"), "upgrade")) return refuse("the answer has no \"Connection: Upgrade\"");
  if (countOf(answer, "Sec-WebSocket-Accept") != 1 || answer.header("Sec-WebSocket-Accept") != acceptKey(request.key))
    return refuse("Sec-WebSocket-Accept is missing or wrong: that is no WebSocket server, or a cache has answered");
  UpgradeAnswer accepted;
  const std::string extensions = answer.header("Sec-WebSocket-Extensions");
  if (request.deflate) {
    const auto deflate = readDeflateAnswer(extensions);
    if (!deflate.valid) return refuse("the server chose extensions that were not offered");
    accepted.deflate = deflate.agreed;
  } else if (const auto list = readExtensions(extensions); !list || !list->empty()) {
    return refuse("the server chose extensions that were not offered");
  }
  const int subprotocols = countOf(answer, "Sec-WebSocket-Protocol");
  if (subprotocols > 1 ||
      (subprotocols == 1 && !listNames(request.subprotocols, answer.header("Sec-WebSocket-Protocol"))))
    return refuse("the server chose a subprotocol that was not offered");
  return accepted;
}

}  // namespace artel::websocket
