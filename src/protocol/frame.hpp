// The frame protocol (manual 1.17.7): four bytes, big-endian, the total length with themselves; then the payload.
#pragma once

#include <string>
#include <string_view>

#include "artel/protocol.hpp"

namespace artel::protocols {

class Frame {
 public:
  using Message = std::string_view;

  static Input input(std::string_view bytes, Peer& peer);
  static std::string_view decode(std::string_view packet, Peer& peer);
  /// A message whose length does not fit into four bytes is dropped: nothing is appended.
  static void encode(std::string_view message, Peer& peer, std::string& out);
};

}  // namespace artel::protocols
