#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<Background> goToBackground() {
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

}  // namespace artel::platform
