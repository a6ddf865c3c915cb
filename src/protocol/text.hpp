// The text protocol (manual 1.17.6): a packet is a line. Telnet-friendly.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "artel/protocol.hpp"

namespace artel::protocols {

class Text {
 public:
  using Message = std::string_view;

  Input input(std::string_view bytes, Peer& peer) {
    const auto* const end =
        static_cast<const char*>(std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_));
    const std::size_t before = end == nullptr ? bytes.size() : static_cast<std::size_t>(end - bytes.data());
    if (before >= peer.packageLimit()) return Input::invalid("line is too long");
    if (end == nullptr) {
      scanned_ = before;
      return Input::needMore();
    }
    scanned_ = 0;
    return Input::packet(before + 1);
  }
  /// The line without any carriage return and line feed at its end.
  std::string_view decode(std::string_view packet, Peer&) const {
    while (!packet.empty() && (packet.back() == '\n' || packet.back() == '\r')) packet.remove_suffix(1);
    return packet;
  }
  void encode(std::string_view message, Peer&, std::string& out) const {
    out.append(message);
    out.push_back('\n');
  }

 private:
  std::size_t scanned_ = 0;  // without it, a long line in many small pieces would be searched again for each of them
};

}  // namespace artel::protocols
