#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#  include <sys/prctl.h>
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "platform/platform.hpp"
#include "platform/posix/procfs.hpp"
#include "platform/posix/signals.hpp"
#include "platform/posix/system_error.hpp"
#include "platform/sanitized.hpp"

#ifdef __GLIBC__
#  include <malloc.h>
#endif

namespace artel::platform {
namespace {

constexpr std::size_t allowedThreads = threadSanitizer ? 2 : 1;

/// Who forked this process, 0 in a process that spawnWorker did not make.
pid_t forkedBy = 0;

/// The ids of this process' threads; empty where the system does not tell.
std::vector<std::string> threadsNow() {
  std::vector<std::string> threads = procfs::entries("/proc/self/task");
  // A joined thread stays listed for a moment: join waits for its memory, not for the kernel's farewell. So a thread
  // too many is looked at again for a while, which only a start that is about to be refused pays.
  for (int look = 0; threads.size() > allowedThreads && look < 100; ++look) {
    const timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
    threads = procfs::entries("/proc/self/task");
  }
  return threads;
}

Error refuseThreads(const std::vector<std::string>& threads) {
  std::string names;
  for (const std::string& id : threads) {
    if (id == std::to_string(::getpid())) continue;  // the main thread's id is the process'
    if (const std::string name = procfs::firstLine("/proc/self/task/" + id + "/comm"); !name.empty()) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  return Error{Errc::system,
               "cannot fork with " + std::to_string(threads.size()) + " threads in the process" +
                   (names.empty() ? "" : " (beside the main one: " + names + ")") +
                   ": a worker would inherit their locks, but not them; start threads in onWorkerStart",
               0};
}

/// Not SIG_IGN, which programs that a worker starts would inherit.
extern "C" void artelOnNothing(int) {}

void restoreDefaultSignals() {
#ifdef SIGRTMAX
  const int last = SIGRTMAX;
#else
  const int last = NSIG - 1;
#endif
  for (int number = 1; number <= last; ++number) {
    // The sanitizers' reports come from their handlers.
    if (sanitized && (number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL)) continue;
    if (isUsersCrashHandler(number)) continue;
    struct sigaction action {};
    // With TTOU at its default a worker, being in a background group, is stopped by its first line under `stty tostop`.
    action.sa_handler = number == SIGPIPE || number == SIGTTOU ? SIG_IGN : SIG_DFL;
    // A stray alarm ends nothing, a user's comes with a handler; a file at the limit of its size is a failed write.
    if (number == SIGALRM || number == SIGXFSZ) {
      action.sa_handler = artelOnNothing;
      action.sa_flags = SA_RESTART;
    }
    ::sigaction(number, &action, nullptr);  // refused for KILL, STOP and the C library's own
  }
}

[[noreturn]] void runChild(const std::function<void()>& childFirst, const std::function<int()>& body) {
  int code = static_cast<int>(Exit::internal);
  try {
    if (childFirst) childFirst();
    restoreDefaultSignals();
    expectTraces();
    // An own group: Ctrl+C reaches the master only, which then stops its workers in order.
    ::setpgid(0, 0);
    const sigset_t later = noticeSet();
    ::pthread_sigmask(SIG_SETMASK, &later, nullptr);
    code = body();
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "artel: worker %ld ended by an exception: %s\n", static_cast<long>(::getpid()),
                 exception.what());
  } catch (...) {
    std::fprintf(stderr, "artel: worker %ld ended by an unknown exception\n", static_cast<long>(::getpid()));
  }
  endProcess(code);
}

}  // namespace

Result<void> mayFork() {
  if (const auto threads = threadsNow(); threads.size() > allowedThreads) return refuseThreads(threads);
  return {};
}

std::string describe(const ChildExit& exit) {
  if (exit.signal == 0) return "code " + std::to_string(exit.code);
  const std::string name(signalName(exit.signal));
  return "signal " + (name.empty() ? std::to_string(exit.signal) : name) + (exit.coreDumped ? " (core dumped)" : "");
}

Pid currentPid() noexcept { return ::getpid(); }
Pid parentPid() noexcept { return ::getppid(); }

Result<Pid> spawnWorker(const std::function<void()>& childFirst, const std::function<int()>& body) {
  if (const auto may = mayFork(); !may) return may.error();
  // What lies in the buffers would be written by the child once more.
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    forkedBy = parent;
    runChild(childFirst, body);
  }
  const int failed = errno;
  if (child > 0) ::setpgid(child, child);  // here too: whoever comes first, nobody sees the worker in our group
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    Error error = systemError("cannot start a process", failed);
    error.code = Errc::system;  // EAGAIN is the limit of processes here, nothing to wait for
    return error;
  }
  return Pid{child};
}

Result<void> notify(Pid pid, Notice notice) {
  int number = SIGTERM;
  switch (notice) {
    case Notice::stop:
      break;
    case Notice::stopGracefully:
      number = SIGQUIT;
      break;
    case Notice::stopNow:
      number = SIGKILL;
      break;
    case Notice::reload:
      number = SIGUSR1;
      break;
    case Notice::reloadGracefully:
      number = SIGUSR2;
      break;
    case Notice::reopenLogs:
      number = SIGHUP;
      break;
  }
  // kill(0) and kill(-1) mean "all of us" and "everybody".
  if (pid <= 0) return systemError(ESRCH);
  if (::kill(static_cast<pid_t>(pid), number) != 0) return systemError(errno);
  return {};
}

Result<void> killNow(Pid pid) { return notify(pid, Notice::stopNow); }

namespace {

timer_t killTimer{};
pid_t killTimerOwner = 0;
itimerspec graceTime{};

/// A fork does not inherit timers, only these variables.
bool prepareKillTimer() {
  if (killTimerOwner == ::getpid()) return true;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  if (::timer_create(CLOCK_MONOTONIC, &event, &killTimer) != 0) return false;
  killTimerOwner = ::getpid();
  return true;
}

itimerspec inTime(std::chrono::milliseconds timeout) {
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(timeout.count() / 1000);
  when.it_value.tv_nsec = static_cast<long>(timeout.count() % 1000) * 1'000'000;
  return when;
}

/// Both calls are safe in a signal handler. TERM asks the loop, or waits for it; the timer is for one that does not
/// answer.
void parentDied(int) {
  const int error = errno;
  ::timer_settime(killTimer, 0, &graceTime, nullptr);
  ::kill(::getpid(), SIGTERM);
  errno = error;
}

}  // namespace

void dieWithParent(std::chrono::milliseconds grace) {
  if (!prepareKillTimer()) return;
  graceTime = inTime(std::max(grace, std::chrono::milliseconds(1)));
#ifdef __linux__
  struct sigaction action {};
  action.sa_handler = parentDied;
  action.sa_flags = SA_RESTART;
  ::sigaction(parentDiedSignal(), &action, nullptr);
  ::prctl(PR_SET_PDEATHSIG, parentDiedSignal());
#endif
  // The parent may have died before the line above; then no signal comes.
  if (forkedBy != 0 && ::getppid() != forkedBy) parentDied(0);
}

void killSelfAfter(std::chrono::milliseconds timeout) {
  if (!prepareKillTimer()) return;
  const itimerspec when = inTime(timeout);
  ::timer_settime(killTimer, 0, &when, nullptr);
}

void releaseFreeMemory() noexcept {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace artel::platform
