// The text protocol (manual 1.17.6): a packet is a line. Telnet-friendly.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "artel/protocol.hpp"
#include "src/protocol/quick_append.hpp"

namespace artel::protocols {

class Text {
 public:
  using Message = std::string_view;

  /// A line beyond the limit is a packet all the same when it has come whole: the connection refuses it, as it does
  /// with every protocol's.
  Input input(std::string_view bytes, Peer& peer) {
    const auto* const end =
        static_cast<const char*>(std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_));
    if (end == nullptr) {
      scanned_ = bytes.size();
      return scanned_ < peer.packageLimit() ? Input::needMore() : Input::invalid("line is too long");
    }
    scanned_ = 0;
    return Input::packet(static_cast<std::size_t>(end - bytes.data()) + 1);
  }
  /// The line without any carriage return and line feed at its end.
  std::string_view decode(std::string_view packet, Peer&) const {
    packet.remove_suffix(1);
    while (packet.ends_with('\r')) packet.remove_suffix(1);
    return packet;
  }
  void encode(std::string_view message, Peer&, std::string& out) const {
    quickAppend(out, message);
    quickAppend(out, '\n');
  }

 private:
  std::size_t scanned_ = 0;  // without it, a long line in many small pieces would be searched again for each of them
};

}  // namespace artel::protocols
