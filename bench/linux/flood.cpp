#include "bench/linux/flood.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>

#include "bench/linux/sockets.hpp"
#include "bench/linux/tally.hpp"

namespace bench {
namespace {

bool ready(int fd, short what, int milliseconds) {
  pollfd wish{fd, what, 0};
  return poll(&wish, 1, milliseconds) == 1;
}

void sleepUntil(std::uint64_t time) {
  const timespec wanted{static_cast<time_t>(time / 1'000'000'000), static_cast<long>(time % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wanted, nullptr);
}

// The answer to the handshake is the one thing that is read.
bool upgrade(int fd, const Protocol& protocol) {
  const auto& request = protocol.handshake();
  if (request.empty()) return true;
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return false;
  std::string answer;
  char byte = 0;
  while (Protocol::handshakeAnswer(answer) == 0) {
    if (!ready(fd, POLLIN, 2000) || recv(fd, &byte, 1, 0) != 1) return false;
    answer += byte;
  }
  return Protocol::handshakeAnswer(answer) > 0;
}

}  // namespace

int flood(const Options& options, Protocol& protocol) {
  const int fd = startConnecting(options, 0);
  if (fd < 0 || !ready(fd, POLLOUT, 2000) || connectError(fd) != 0 || !upgrade(fd, protocol)) {
    std::fputs("artel-load: no connection\n", stderr);
    return 3;
  }
  // Whole requests, in pieces of about 64 KiB.
  std::string piece;
  while (piece.size() < 65536) piece += protocol.exchange().request;
  const auto total = options.flood << 20;
  const auto begin = now();
  std::uint64_t sent = 0;
  bool taken = true;
  while (taken && sent < total) {
    if (options.rate > 0)
      sleepUntil(begin + static_cast<std::uint64_t>(static_cast<double>(sent) * 1e9 / (options.rate * 1048576)));
    const auto offset = static_cast<std::size_t>(sent % piece.size());
    const auto size = send(fd, piece.data() + offset, piece.size() - offset, MSG_NOSIGNAL);
    if (size > 0)
      sent += static_cast<std::uint64_t>(size);
    else
      taken = errno == EAGAIN && ready(fd, POLLOUT, 2000);
  }
  std::printf("FLOODED %llu\n", static_cast<unsigned long long>(sent));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  close(fd);
  return 0;
}

}  // namespace bench
