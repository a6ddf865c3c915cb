// WebSocket as callbacks see it (RFC 6455; manual 1.17.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace artel::websocket {

enum class Type : std::uint8_t { text, binary };

/// One whole message, fragments joined. The payload is a view into the receive buffer, valid until the callback
/// returns. send(Message{...}) sends one of that type; send(text) sends a text message.
struct Message {
  std::string_view payload;
  Type type = Type::text;
};

/// Codes of RFC 6455 section 7.4.1, as far as an application meets them.
namespace closeCode {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t goingAway = 1001;
inline constexpr std::uint16_t protocolError = 1002;
inline constexpr std::uint16_t unsupportedData = 1003;
inline constexpr std::uint16_t none = 1005;      ///< never on the wire: the Close frame had no code
inline constexpr std::uint16_t abnormal = 1006;  ///< never on the wire: the connection ended without a Close frame
inline constexpr std::uint16_t invalidPayload = 1007;
inline constexpr std::uint16_t policyViolation = 1008;
inline constexpr std::uint16_t tooBig = 1009;
inline constexpr std::uint16_t internalError = 1011;
}  // namespace closeCode

/// A Close frame: received in onWebSocketClose, or sent by connection.close(Close{code, reason}).
struct Close {
  std::uint16_t code = closeCode::normal;
  std::string_view reason;
};

}  // namespace artel::websocket
