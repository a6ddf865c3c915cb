// The floor: what a message costs when next to nothing is done with it. No limits, no timeouts, no validation.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct ssl_st;

namespace bench {

enum class FloorProtocol { http, text, tcp, websocket, broadcast };

struct FloorConnection {
  int fd = -1;
  ssl_st* tls = nullptr;   // https
  std::size_t place = 0;   // in the list of those who hear a broadcast
  bool upgraded = false;   // WebSocket: the handshake is over
  bool writing = false;    // epoll tells when it may be written to
  std::string incomplete;  // received, not a whole message
  std::string unsent;
};

/// Answers what is whole at the start of `bytes`. Returns how much that was, or -1 for a peer to drop.
/// `toAll` is what every connection gets: the mode broadcast.
std::ptrdiff_t floorAnswer(FloorProtocol protocol, FloorConnection& connection, char* bytes, std::size_t size,
                           std::string& out, std::string& toAll);

}  // namespace bench
