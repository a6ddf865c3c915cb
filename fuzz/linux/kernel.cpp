// send() of the C library is replaced in the whole program. The library calls it for what streams send, and for nothing
// else; the clients of the harness write by other calls.
#include "fuzz/kernel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

extern "C" ssize_t send(int socket, const void* data, std::size_t size, int flags) {
  auto& kernel = artel::fuzz::kernel;
  if (std::exchange(kernel.fails, false)) {
    errno = EPIPE;
    return -1;
  }
  if (kernel.takes == 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::sendto(socket, data, std::min(size, kernel.takes), flags, nullptr, 0);
}
