// WebSocket frames and UTF-8, read the slow way (RFC 6455 section 5, RFC 3629): one frame after the other from bytes
// that are all there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace artel::fuzz::reference {

enum class Utf8 { valid, unfinished, wrong };

/// By decoding every character. unfinished: valid so far, the last character is not complete.
inline Utf8 utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first >= 0xf8) return Utf8::wrong;
    // The characters that can still come of these bytes.
    std::uint32_t lowest = first & (0x7fu >> size), highest = lowest;
    for (std::size_t i = 1; i < size; ++i) {
      if (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return Utf8::wrong;
      const std::uint32_t bits = i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3fu : 0;
      lowest = lowest << 6 | bits;
      highest = highest << 6 | (i < text.size() ? bits : 0x3fu);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (highest < smallest[size] || lowest > 0x10ffff) return Utf8::wrong;
    if (lowest >= 0xd800 && highest <= 0xdfff) return Utf8::wrong;
    if (text.size() < size) return Utf8::unfinished;
    text.remove_prefix(size);
  }
  return Utf8::valid;
}

/// "text[...]", "binary[...]", "ping[...]", "pong[...]", "close 1000[...]", and at the end "more" or the code of a
/// violation.
inline std::string frames(std::string_view in, bool masked, std::size_t limit) {
  std::string seen, message;
  int type = 0;  // of the message that has begun
  const auto code = [&](int number) { return seen + std::to_string(number); };
  const auto more = [&] { return seen + "more"; };
  while (!in.empty()) {
    const int first = static_cast<unsigned char>(in[0]), opcode = first & 15;
    const bool fin = (first & 0x80) != 0, control = opcode >= 8;
    if ((first & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10) return code(1002);
    if (control ? !fin : (opcode == 0) != (type != 0)) return code(1002);
    if (in.size() < 2) return more();
    const int second = static_cast<unsigned char>(in[1]), small = second & 0x7f;
    if (((second & 0x80) != 0) != masked || (control && small > 125)) return code(1002);
    const std::size_t extended = small < 126 ? 0 : small == 126 ? 2 : 8;
    std::size_t header = 2 + extended;
    if (in.size() < header) return more();
    std::uint64_t length = extended == 0 ? static_cast<std::uint64_t>(small) : 0;
    for (std::size_t i = 0; i < extended; ++i) length = length << 8 | static_cast<unsigned char>(in[2 + i]);
    if ((extended == 2 && length < 126) || (extended == 8 && (length < 65536 || (length >> 63) != 0)))
      return code(1002);
    if (!control && length > limit - std::min(limit, message.size())) return code(1009);
    if (masked) header += 4;
    if (in.size() < header) return more();
    std::string payload(in.substr(header, static_cast<std::size_t>(std::min<std::uint64_t>(length, in.size()))));
    for (std::size_t i = 0; masked && i < payload.size(); ++i)
      payload[i] = static_cast<char>(payload[i] ^ in[header - 4 + i % 4]);
    const bool whole = payload.size() == length, text = type == 1 || (type == 0 && opcode == 1);
    if (!control && text) {
      const Utf8 state = utf8(message + payload);
      if (state == Utf8::wrong || (whole && fin && state == Utf8::unfinished)) return code(1007);
    }
    if (!whole) return more();
    in.remove_prefix(header + payload.size());
    if (opcode == 8) {
      if (payload.empty()) {
        seen += "close 1005[]";
        continue;
      }
      if (payload.size() == 1) return code(1002);
      const int why = static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
      const bool known = why >= 1000 && why <= 1014 && why != 1004 && why != 1005 && why != 1006;
      if (!known && (why < 3000 || why > 4999)) return code(1002);
      if (utf8(payload.substr(2)) != Utf8::valid) return code(1007);
      seen += "close " + std::to_string(why) + "[" + payload.substr(2) + "]";
    } else if (control) {
      seen += (opcode == 9 ? "ping[" : "pong[") + payload + "]";
    } else {
      message += payload;
      if (opcode != 0) type = opcode;
      if (!fin) continue;
      seen += (type == 1 ? "text[" : "binary[") + message + "]";
      message.clear();
      type = 0;
    }
  }
  return more();
}

}  // namespace artel::fuzz::reference
