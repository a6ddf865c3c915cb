#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<Background> goToBackground() {
  if (const auto may = mayFork(); !may) return may.error();
  auto pair = openChannel();
  if (!pair) return pair.error();
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  const pid_t between = ::fork();
  if (between < 0) return systemError("cannot start a process", errno);
  if (between > 0) {
    pair->worker.close();
    while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
    }
    return Background{true, std::move(pair->master)};
  }
  // A session of its own: no terminal whose end would be ours. Not its leader: none can be gained again.
  ::setsid();
  const pid_t service = ::fork();
  if (service != 0) ::_exit(service < 0 ? 1 : 0);  // the launcher sees the end of the channel
  pair->master.close();
  ::umask(022);
  return Background{false, std::move(pair->worker)};
}

bool hasServiceManager() noexcept {
  const char* path = std::getenv("NOTIFY_SOCKET");
  return path != nullptr && *path != '\0';
}

std::optional<std::chrono::milliseconds> watchdogTime() noexcept {
  const char* time = std::getenv("WATCHDOG_USEC");
  const char* whose = std::getenv("WATCHDOG_PID");
  if (time == nullptr || (whose != nullptr && std::atoll(whose) != currentPid())) return std::nullopt;
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(std::atoll(time)));
  if (whole.count() <= 0) return std::nullopt;
  return whole;
}

void tellServiceManager(std::string_view state) noexcept {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) < 2 || std::strlen(path) >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address),
           size);
  ::close(socket);
}

}  // namespace artel::platform
