// What a WebSocket client of a loop test sends, and what it is to get.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/protocol/websocket_frames.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {

namespace opcode = websocket::opcode;

inline std::string hello(const std::string& more = {}) {
  return "GET /chat?x=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         more + "\r\n";
}
inline std::string frame(std::uint8_t code, std::string_view payload, bool last = true) {
  std::string bytes;
  websocket::appendMaskedFrame(bytes, code, payload, 0x01020304);
  if (!last) bytes[0] = static_cast<char>(bytes[0] & 0x7f);
  return bytes;
}
inline std::string closeFrame(std::uint16_t code, std::string_view reason = {}) {
  return frame(opcode::close, websocket::closePayload(code, reason));
}
inline std::string answer(websocket::Type type, std::string_view payload) {
  std::string bytes;
  websocket::appendFrame(bytes, type, payload);
  return bytes;
}
inline std::string text(std::string_view payload) { return answer(websocket::Type::text, payload); }
inline std::string closed(std::uint16_t code, std::string_view reason = {}) {
  std::string bytes;
  websocket::appendClose(bytes, code, reason);
  return bytes;
}

/// What came after the 101.
inline std::string after101(const Client& client) {
  const auto at = client.received.find("\r\n\r\n");
  return at == std::string::npos || client.received.rfind("HTTP/1.1 101", 0) != 0 ? "" : client.received.substr(at + 4);
}

}  // namespace artel::testing
