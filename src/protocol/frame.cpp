#include "src/protocol/frame.hpp"

#include <cstdint>

namespace artel::protocols {

namespace {
constexpr std::size_t headerSize = 4;
}

Input Frame::input(std::string_view bytes, Peer& peer) {
  if (bytes.size() < headerSize) return Input::needMore();
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < headerSize; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (size < headerSize) return Input::invalid("frame length is less than its own four bytes");
  if (size > peer.packageLimit()) return Input::invalid("frame is too long");
  return Input::packet(size);
}

std::string_view Frame::decode(std::string_view packet, Peer&) { return packet.substr(headerSize); }

void Frame::encode(std::string_view message, Peer&, std::string& out) {
  if (message.size() > UINT32_MAX - headerSize) return;
  const auto size = static_cast<std::uint32_t>(message.size() + headerSize);
  const char header[] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16 & 0xff),
                         static_cast<char>(size >> 8 & 0xff), static_cast<char>(size & 0xff)};
  out.append(header, sizeof header).append(message);
}

}  // namespace artel::protocols
