// The master's sleep. Signals become bytes in a pipe that the master itself holds; poll sees them beside the channels.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <deque>
#include <iterator>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/signals.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {
namespace {

// XFSZ: a log at the limit of its size is a full disk, no end of the service.
constexpr int watched[] = {SIGINT,  SIGTERM, SIGHUP,  SIGTSTP, SIGQUIT, SIGUSR1,
                           SIGUSR2, SIGCHLD, SIGPIPE, SIGALRM, SIGXFSZ};

// Signals belong to the process, so there is one of these; the handler may touch the write end only.
std::atomic<int> wakeWrite{-1};
static_assert(std::atomic<int>::is_always_lock_free);
struct {
  int wakeRead = -1;
  struct sigaction before[std::size(watched)];
  std::deque<Notice> notices;
  bool stopAsked = false;
  bool hangupStops = false;
} held;

extern "C" void artelOnSignal(int number) {
  const int saved = errno;
  const auto byte = static_cast<char>(number);
  // A full pipe loses the byte; 64 Ki signals would have to arrive within one turn of the master.
  while (::write(wakeWrite.load(std::memory_order_relaxed), &byte, 1) < 0 && errno == EINTR) {
  }
  errno = saved;
}

void closePipe() {
  ::close(wakeWrite.exchange(-1));
  ::close(std::exchange(held.wakeRead, -1));
}

bool hasTerminal() {
  const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (terminal < 0) return false;
  ::close(terminal);
  return true;
}

/// Each stop signal counts by itself, so that of two that arrive in one sleep the second still means "now".
void decode(int number) {
  switch (number) {
    case SIGINT:
    case SIGTERM:
      held.notices.push_back(std::exchange(held.stopAsked, true) ? Notice::stopNow : Notice::stop);
      break;
    case SIGTSTP:
      held.notices.push_back(Notice::stop);
      break;
    case SIGQUIT:
      held.notices.push_back(Notice::stopGracefully);
      break;
    case SIGUSR1:
      held.notices.push_back(Notice::reload);
      break;
    case SIGUSR2:
      held.notices.push_back(Notice::reloadGracefully);
      break;
    case SIGHUP:
      held.notices.push_back(held.hangupStops ? Notice::stop : Notice::reopenLogs);
      break;
    default:  // CHLD, ALRM, XFSZ: the byte's work was to end the sleep
      break;
  }
}

void drainPipe() {
  char bytes[256];
  ssize_t got = 0;
  while ((got = ::read(held.wakeRead, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
    for (ssize_t i = 0; i < got; ++i) decode(static_cast<unsigned char>(bytes[i]));
  }
}

void reap(std::vector<ChildExit>& exits) {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return;
    ChildExit exit;
    exit.pid = pid;
    if (WIFSIGNALED(status)) {
      exit.signal = WTERMSIG(status);
#ifdef WCOREDUMP
      exit.coreDumped = WCOREDUMP(status);
#endif
    } else {
      exit.code = WEXITSTATUS(status);
    }
    exits.push_back(exit);
  }
}

}  // namespace

Supervisor::Supervisor() {
  assert(held.wakeRead == -1 && "one Supervisor a process");
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    // Without it no signal would be heard, and the master could only be killed.
    std::fprintf(stderr, "artel: cannot open a pipe for signals: %s\n", systemText(errno).c_str());
    endProcess(static_cast<int>(Exit::failed));
  }
  held.wakeRead = ends[0];
  wakeWrite = ends[1];
  held.notices.clear();
  held.stopAsked = false;

  sigset_t unblocked;
  ::sigemptyset(&unblocked);
  for (std::size_t i = 0; i < std::size(watched); ++i) {
    struct sigaction action {};
    action.sa_handler = watched[i] == SIGPIPE ? SIG_IGN : artelOnSignal;
    action.sa_flags = SA_RESTART | (watched[i] == SIGCHLD ? SA_NOCLDSTOP : 0);
    ::sigaction(watched[i], nullptr, &held.before[i]);
    // A stray ALRM is nobody's wish to end the service. Who has set an alarm of its own keeps it.
    const bool mayStay = watched[i] == SIGALRM || watched[i] == SIGXFSZ;
    if (mayStay && held.before[i].sa_handler != SIG_DFL) continue;
    ::sigaction(watched[i], &action, nullptr);
    ::sigaddset(&unblocked, watched[i]);
    // Asked now, not when the signal comes: a terminal that hangs up is taken away before its HUP arrives. Who started
    // us under nohup wants to outlive the terminal, too.
    if (watched[i] == SIGHUP) held.hangupStops = hasTerminal() && held.before[i].sa_handler != SIG_IGN;
  }
  // A mask outlives exec: whoever started us, the handover included, may have left signals blocked.
  ::pthread_sigmask(SIG_UNBLOCK, &unblocked, nullptr);
}

Supervisor::~Supervisor() {
  if (held.wakeRead == -1) return;  // leaveInChild was here
  for (std::size_t i = 0; i < std::size(watched); ++i) ::sigaction(watched[i], &held.before[i], nullptr);
  closePipe();  // after the handlers are gone
}

void Supervisor::leaveInChild() {
  if (held.wakeRead == -1) return;
  for (const int number : watched) {
    struct sigaction action {};
    action.sa_handler = number == SIGPIPE ? SIG_IGN : SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
  closePipe();
  held.notices.clear();
}

bool Supervisor::hangupStops() const noexcept { return held.hangupStops; }

void Supervisor::setHangupStops(bool stops) noexcept { held.hangupStops = stops; }

bool noticeWaits() {
  if (held.wakeRead != -1) drainPipe();
  return !held.notices.empty();
}

Wakeup Supervisor::wait(const std::vector<NativeSocket>& channels, std::chrono::milliseconds timeout,
                        const std::vector<NativeSocket>& writers) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + timeout;
  std::vector<pollfd> polled{{held.wakeRead, POLLIN, 0}};
  for (const NativeSocket channel : channels) polled.push_back({static_cast<int>(channel), POLLIN, 0});
  for (const NativeSocket writer : writers) polled.push_back({static_cast<int>(writer), POLLOUT, 0});

  Wakeup wakeup;
  for (;;) {
    reap(wakeup.exits);
    // What is known already is told at once, together with what the channels have.
    const bool known = !wakeup.exits.empty() || !held.notices.empty();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const auto sleep = known ? 0 : std::clamp<std::int64_t>(left, 0, INT_MAX);
    const int ready = ::poll(polled.data(), static_cast<nfds_t>(polled.size()), static_cast<int>(sleep));
    if (ready > 0) {
      for (std::size_t i = 0; i < channels.size(); ++i) {
        if (polled[i + 1].revents != 0) wakeup.readable.push_back(i);
      }
      for (std::size_t i = 0; i < writers.size(); ++i) {
        if (polled[i + 1 + channels.size()].revents != 0) wakeup.writable.push_back(i);
      }
    }
    drainPipe();
    reap(wakeup.exits);
    if (!held.notices.empty()) {
      wakeup.notice = held.notices.front();
      held.notices.pop_front();
    }
    if (wakeup.notice || !wakeup.exits.empty() || !wakeup.readable.empty() || !wakeup.writable.empty() ||
        Clock::now() >= deadline) {
      return wakeup;
    }
  }
}

namespace {

constexpr std::array noticesOfAWorker{NoticeSignal{SIGINT, Notice::stop},
                                      NoticeSignal{SIGTERM, Notice::stop},
                                      NoticeSignal{SIGHUP, Notice::stop},
                                      NoticeSignal{SIGTSTP, Notice::stop},
                                      NoticeSignal{SIGQUIT, Notice::stopGracefully},
                                      NoticeSignal{SIGUSR1, Notice::reload},
                                      NoticeSignal{SIGUSR2, Notice::reloadGracefully}};

}  // namespace

std::vector<NoticeSignal> noticeSignals() { return {noticesOfAWorker.begin(), noticesOfAWorker.end()}; }

sigset_t noticeSet() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  for (const auto& [number, notice] : noticesOfAWorker) ::sigaddset(&set, number);
  return set;
}

void hearNotices() noexcept {
  const sigset_t heard = noticeSet();
  ::pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
}

void onNotice(std::function<void(Notice)>, bool) {}  // NOLINT(performance-unnecessary-value-param)

bool consoleEvent(unsigned) { return false; }

}  // namespace artel::platform
