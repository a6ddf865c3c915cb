#include "src/protocol/text.hpp"

namespace artel::protocols {

Input Text::input(std::string_view bytes, Peer& peer) {
  const auto end = bytes.find('\n', scanned_);
  const std::size_t size = end == std::string_view::npos ? bytes.size() + 1 : end + 1;  // of the line, at least
  if (size > peer.packageLimit()) return Input::invalid("line is too long");
  if (end == std::string_view::npos) {
    scanned_ = bytes.size();
    return Input::needMore();
  }
  scanned_ = 0;
  return Input::packet(size);
}

std::string_view Text::decode(std::string_view packet, Peer&) const {
  const auto last = packet.find_last_not_of("\r\n");
  return packet.substr(0, last + 1);  // npos + 1 is 0: an empty line
}

void Text::encode(std::string_view message, Peer&, std::string& out) const { out.append(message).append(1, '\n'); }

}  // namespace artel::protocols
