// fork and exec, with an answer: what this process knows when it returns.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

namespace artel::platform {

struct Spawned {
  pid_t pid = -1;  ///< below 0: there is no process; otherwise it is to be reaped, failed or not
  int failed = 0;  ///< an errno: nothing runs
};

/// Forks, and waits until the child has become another program. `become(status)` is called in the child, with all
/// signals blocked, and does not return: it execs, or writes an errno to `status` and ends.
template <class Become>
Spawned spawn(Become&& become) {
  int status[2];
  if (::pipe2(status, O_CLOEXEC) != 0) return {-1, errno};
  std::cout.flush();
  std::fflush(nullptr);  // what is buffered would be written twice
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Spawned made;
  made.pid = ::fork();
  if (made.pid == 0) become(status[1]);
  if (made.pid < 0) made.failed = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(status[1]);
  // The end of this pipe is the exec: no longer than that.
  while (made.failed == 0 && ::read(status[0], &made.failed, sizeof made.failed) < 0 && errno == EINTR) {
  }
  ::close(status[0]);
  return made;
}

}  // namespace artel::platform
