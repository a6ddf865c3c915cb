// Messages with their boundaries (SOCK_SEQPACKET), so that a reader never has half of one, and an end of file that the
// kernel sends for whoever dies.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

namespace {

/// 0 or errno.
int send(NativeSocket end, char kind, std::string_view body, NativeSocket passed) noexcept {
  iovec parts[2] = {{&kind, 1}, {const_cast<char*>(body.data()), body.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (passed != noSocket) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = static_cast<int>(passed);
    std::memcpy(CMSG_DATA(header), &number, sizeof number);
  }
  for (;;) {
    if (::sendmsg(static_cast<int>(end), &message, MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

Result<void> Channel::put(char kind, std::string_view body, NativeSocket passed) const {
  if (const int failed = send(end_, kind, body, passed); failed != 0) return systemError(failed);
  return {};
}

bool Channel::tryPut(char kind, std::string_view body) const noexcept { return send(end_, kind, body, noSocket) == 0; }

Result<ChannelMessage> Channel::take() const {
  // One thread a process takes messages, one at a time.
  static char bytes[1 + maxBody];
  iovec part{bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  for (;;) {
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(static_cast<int>(end_), &message, MSG_CMSG_CLOEXEC);
    if (got == 0) return ChannelMessage{};
    if (got < 0) {
      // A peer that closed with something unread left shows as a reset, once; its own last words are behind that.
      if (errno == EINTR || errno == ECONNRESET) continue;
      return systemError(errno);
    }
    ChannelMessage taken{bytes[0], std::string(bytes + 1, static_cast<std::size_t>(got - 1)), noSocket,
                         (message.msg_flags & MSG_CTRUNC) != 0};
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header), sizeof number);
      taken.descriptor = number;
    }
    return taken;
  }
}

Result<ChannelPair> openChannel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return systemError("cannot open a channel", errno);
  }
  return ChannelPair{Channel(ends[0]), Channel(ends[1])};
}

bool awaitReadable(NativeSocket socket, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    pollfd one{static_cast<int>(socket), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int ready = ::poll(&one, 1, left < 0 ? 0 : left > 1'000'000 ? 1'000'000 : static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return true;  // reading will say what is wrong
  }
}

}  // namespace artel::platform
