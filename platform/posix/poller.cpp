#include "platform/platform.hpp"

#ifdef __linux__
#  include <sys/epoll.h>
#  include <unistd.h>

#  include <algorithm>
#  include <cerrno>

#  include "platform/posix/system_error.hpp"
#endif

namespace artel::platform {

#ifdef __linux__

namespace {
constexpr std::size_t atOnce = 512;

constexpr std::uint32_t toSystem(std::uint8_t events) noexcept {
  return ((events & Poller::readable) != 0 ? EPOLLIN : 0U) | ((events & Poller::writable) != 0 ? EPOLLOUT : 0U);
}
constexpr std::uint8_t fromSystem(std::uint32_t events) noexcept {
  constexpr std::uint32_t both = EPOLLERR | EPOLLHUP;
  return static_cast<std::uint8_t>(((events & (EPOLLIN | both)) != 0 ? Poller::readable : 0) |
                                   ((events & (EPOLLOUT | both)) != 0 ? Poller::writable : 0));
}
}  // namespace

Result<Poller> Poller::open() {
  Poller poller;
  poller.descriptor_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (poller.descriptor_ < 0) return systemError(errno);
  return poller;
}

Poller::~Poller() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int Poller::watch(NativeSocket socket, void* who, std::uint8_t before, std::uint8_t wanted) noexcept {
  if (before == wanted) return 0;
  // Not "watched for nothing": the system would go on reporting a hang-up.
  const int how = before == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  epoll_event event{};
  event.events = toSystem(wanted);
  event.data.ptr = who;
  return ::epoll_ctl(descriptor_, how, static_cast<int>(socket), &event) == 0 ? 0 : -errno;
}

std::size_t Poller::wait(std::span<Ready> ready, int milliseconds) noexcept {
  epoll_event events[atOnce];
  const auto room = static_cast<int>(std::min(ready.size(), atOnce));
  const int count = ::epoll_wait(descriptor_, events, room, milliseconds);
  if (count <= 0) return 0;  // a signal may end the sleep: whoever it is for hears of it by another way
  for (int i = 0; i < count; ++i)
    ready[static_cast<std::size_t>(i)] = {events[i].data.ptr, fromSystem(events[i].events)};
  return static_cast<std::size_t>(count);
}

#else  // libuv polls, see directIo()

Result<Poller> Poller::open() { return Error{Errc::unsupported, "libuv polls on this system", 0}; }
Poller::~Poller() = default;
int Poller::watch(NativeSocket, void*, std::uint8_t, std::uint8_t) noexcept { return -1; }
std::size_t Poller::wait(std::span<Ready>, int) noexcept { return 0; }

#endif

}  // namespace artel::platform
