#include <array>
#include <cstdint>
#include <cstring>

#include "bench/linux/floor.hpp"
#include "src/protocol/websocket_handshake.hpp"

namespace bench {
namespace {

// As many bytes as artel's answer has: the kernel's part of the time grows with them.
constexpr std::string_view hello =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Connection: keep-alive\r\n\r\nhello world";

// The blank line is found by the C library, as the plain program would do it: more than half of a request's
// instructions here. A search of our own would be shorter, but then the floor would be a piece of work.
std::size_t http(std::string_view in, std::string& out) {
  std::size_t used = 0;
  while (const void* end = memmem(in.data() + used, in.size() - used, "\r\n\r\n", 4)) {
    used = static_cast<std::size_t>(static_cast<const char*>(end) - in.data()) + 4;
    out += hello;
  }
  return used;
}

std::size_t text(std::string_view in, std::string& out) {
  std::size_t used = 0;
  for (auto end = in.find('\n'); end != std::string_view::npos; end = in.find('\n', used)) {
    out += in.substr(used, end + 1 - used);
    used = end + 1;
  }
  return used;
}

std::ptrdiff_t upgrade(std::string_view in, std::string& out) {
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  constexpr std::string_view name = "Sec-WebSocket-Key: ";
  const auto key = in.substr(0, end).find(name);
  if (key == std::string_view::npos) return -1;
  out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  out += artel::websocket::acceptKey(in.substr(key + name.size(), 24));
  out += "\r\n\r\n";
  return static_cast<std::ptrdiff_t>(end + 4);
}

void unmask(char* bytes, std::size_t size, const char* mask) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, mask, 4);
  eight |= eight << 32;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, 8);
    word ^= eight;
    std::memcpy(bytes + i, &word, 8);
  }
  for (; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i % 4]);
}

// Whole masked frames of a client; every one is answered with the same first byte, unmasked.
std::ptrdiff_t frames(char* bytes, std::size_t size, std::string& out) {
  std::size_t used = 0;
  while (size - used >= 6) {
    char* at = bytes + used;
    auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(at[i])}; };
    std::size_t head = 2, length = byte(1) & 127;
    if (byte(1) < 128) return -1;
    if (length == 126) {
      if (size - used < 8) break;
      length = byte(2) << 8 | byte(3);
      head = 4;
    } else if (length == 127) {
      if (size - used < 14) break;
      length = 0;
      for (std::size_t i = 2; i < 10; ++i) length = length << 8 | byte(i);
      head = 10;
    }
    if (size - used < head + 4 + length) break;
    char* payload = at + head + 4;
    unmask(payload, length, payload - 4);
    at[1] = static_cast<char>(at[1] & 127);
    out.append(at, head).append(payload, length);
    used += head + 4 + length;
  }
  return static_cast<std::ptrdiff_t>(used);
}

}  // namespace

std::ptrdiff_t floorAnswer(FloorProtocol protocol, FloorConnection& connection, char* bytes, std::size_t size,
                           std::string& out, std::string& toAll) {
  const std::string_view in(bytes, size);
  switch (protocol) {
    case FloorProtocol::http:
      return static_cast<std::ptrdiff_t>(http(in, out));
    case FloorProtocol::text:
      return static_cast<std::ptrdiff_t>(text(in, out));
    case FloorProtocol::tcp:
      out += in;
      return static_cast<std::ptrdiff_t>(size);
    case FloorProtocol::websocket:
    case FloorProtocol::broadcast:
      break;
  }
  std::ptrdiff_t used = 0;
  if (!connection.upgraded) {
    used = upgrade(in, out);
    if (used <= 0) return used;
    connection.upgraded = true;
  }
  const auto more =
      frames(bytes + used, size - static_cast<std::size_t>(used), protocol == FloorProtocol::broadcast ? toAll : out);
  return more < 0 ? more : used + more;
}

}  // namespace bench
