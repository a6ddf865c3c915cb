// The text protocol (manual 1.17.6): a packet is a line. Telnet-friendly.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "artel/protocol.hpp"

namespace artel::protocols {

class Text {
 public:
  using Message = std::string_view;

  Input input(std::string_view bytes, Peer& peer);
  /// The line without any carriage return and line feed at its end.
  std::string_view decode(std::string_view packet, Peer& peer) const;
  void encode(std::string_view message, Peer& peer, std::string& out) const;

 private:
  std::size_t scanned_ = 0;  // without it, a long line in many small pieces would be searched again for each of them
};

}  // namespace artel::protocols
