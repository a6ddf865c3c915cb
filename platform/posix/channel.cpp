#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Channel::Channel(Channel&& other) noexcept : end_(std::exchange(other.end_, noSocket)) {}

Channel& Channel::operator=(Channel&& other) noexcept {
  if (this != &other) {
    close();
    end_ = std::exchange(other.end_, noSocket);
  }
  return *this;
}

Channel::~Channel() { close(); }

void Channel::close() { closeSocket(std::exchange(end_, noSocket)); }

Result<void> Channel::put(char message) const {
  for (;;) {
    if (::send(static_cast<int>(end_), &message, 1, MSG_NOSIGNAL) == 1) return {};
    if (errno != EINTR) return systemError(errno);
  }
}

Result<char> Channel::take() const {
  for (;;) {
    char message = 0;
    const ssize_t got = ::recv(static_cast<int>(end_), &message, 1, 0);
    if (got == 1) return message;
    // A peer that closed with something unread left shows as a reset; what it means is the same: nobody is there.
    if (got == 0 || errno == ECONNRESET) return '\0';
    if (errno != EINTR) return systemError(errno);
  }
}

Result<ChannelPair> openChannel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return systemError("cannot open a channel", errno);
  }
  return ChannelPair{Channel(ends[0]), Channel(ends[1])};
}

}  // namespace artel::platform
