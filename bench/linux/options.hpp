// The words of artel-load's command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Options {
  std::string mode;      // http, text, tcp, websocket, connect, broadcast, hold, flood
  std::string protocol;  // http, text, tcp, websocket: what is spoken; for the first four modes the mode itself
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t connections = 64;
  std::size_t pipeline = 1;    // requests of one connection in flight; of the speaker in the mode "broadcast"
  std::size_t size = 64;       // bytes of a message
  std::size_t big = 0;         // hold: each connection also sends one message of that size
  std::size_t urls = 1;        // http: distinct targets
  std::size_t sources = 1;     // client addresses, from 127.0.0.2
  double seconds = 5;          // of the window that counts
  double warmup = 0.3;         // before it, with the full load
  double rate = 0;             // requests per second over all connections: open loop; flood: MiB per second
  std::uint64_t requests = 0;  // stop after so many answers, and count from the first
  std::uint64_t flood = 256;   // flood: MiB
  std::string tls;             // "", full, resumed: whether and how connections are encrypted
  std::string body;            // http: what the body must be; empty: like the first one
  std::vector<int> pids;       // the server's, for its CPU time: whole process trees
};

/// Ends the program with the help or an error when the words are not right.
Options parseOptions(int argc, char** argv);

}  // namespace bench
