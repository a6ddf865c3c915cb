// A terminal that is taken for a while, and given back on every way out.
//
//   TSTP, CONT, WINCH ─► a byte in a pipe ─► take(): the master's sleep ends as for a key
//   SEGV ... PROF     ─► given back in the handler, then what would have come without it
//   INT, TERM, HUP    ─► the Supervisor's: whoever sleeps in it ends, and the destructor gives back
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <string>
#include <utility>

#include "platform/platform.hpp"

namespace artel::platform {
namespace {

constexpr std::array told{SIGTSTP, SIGCONT, SIGWINCH};
constexpr std::array endings{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGSYS, SIGTRAP, SIGVTALRM, SIGPROF};

// Signals and the terminal belong to the process, so there is one of these. Handlers use what is atomic, and what does
// not change while `taken` is set.
std::atomic<int> eventWrite{-1};
std::atomic<bool> taken{false};
struct {
  int eventRead = -1;
  bool terminal = false;  ///< standard output is one
  bool keys = false;      ///< so is standard input
  bool hungUp = false;    ///< and has ended
  std::string enter, leave;
  termios before;
  std::array<struct sigaction, told.size()> toldBefore;
  std::array<struct sigaction, endings.size()> crashesBefore;
} screen;

/// Also of a terminal that is not this session's: nobody stops whoever writes to it.
bool isForeground() noexcept {
  const pid_t group = ::tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == ::getpgrp();
}

void put(const std::string& text) noexcept {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (wrote < 0 && errno != EINTR) return;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
}

void setMode(const termios& mode) noexcept {
  while (::tcsetattr(STDIN_FILENO, TCSANOW, &mode) != 0 && errno == EINTR) {
  }
}

/// What was taken before is taken once more: a shell may have used the terminal while this process was stopped.
void takeTerminal() {
  if (!screen.terminal) return;
  if (!isForeground()) return taken.store(false);  // whoever has it now has made of it what he needs
  if (!taken && screen.keys) screen.keys = ::tcgetattr(STDIN_FILENO, &screen.before) == 0;
  taken = true;
  if (screen.keys) {
    termios mode = screen.before;
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    setMode(mode);
  }
  put(screen.enter);
}

/// Also in a signal handler. In the background the terminal is another's, and touching it would stop this process.
void giveTerminalBack() noexcept {
  if (!taken.exchange(false) || !isForeground()) return;
  put(screen.leave);
  if (screen.keys) setMode(screen.before);
}

extern "C" void artelOnTerminal(int number) {
  const int saved = errno;
  const auto byte = static_cast<char>(number);
  while (::write(eventWrite.load(std::memory_order_relaxed), &byte, 1) < 0 && errno == EINTR) {
  }
  errno = saved;
}

extern "C" void artelOnCrashOfLive(int number, siginfo_t* info, void*) {
  giveTerminalBack();
  for (std::size_t i = 0; i < endings.size(); ++i) {
    if (endings[i] == number) ::sigaction(number, &screen.crashesBefore[i], nullptr);
  }
  // A fault happens once more when this returns. What was sent does not, nor what came from a limit, a trap or a
  // filter.
  const bool fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
  if (!fault || info->si_code <= 0) ::raise(number);
}

void onTerminal(int number) noexcept {
  struct sigaction action {};
  action.sa_handler = artelOnTerminal;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

void dropEvents() noexcept {
  char bytes[64];
  while (::read(screen.eventRead, bytes, sizeof bytes) > 0) {
  }
}

/// Ctrl+Z. The shell has its terminal until it continues this process.
void stopHere() {
  giveTerminalBack();
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &action, nullptr);
  ::raise(SIGTSTP);
  onTerminal(SIGTSTP);
  dropEvents();  // the CONT that has brought us here is one
  takeTerminal();
}

bool hasInput() noexcept {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) > 0;
}

}  // namespace

LiveTerminal::LiveTerminal(std::string_view enter, std::string_view leave) {
  assert(screen.eventRead == -1 && "one LiveTerminal a process");
  screen.terminal = ::isatty(STDOUT_FILENO) == 1;
  screen.keys = screen.terminal && ::isatty(STDIN_FILENO) == 1;
  screen.hungUp = false;
  screen.enter = enter;
  screen.leave = leave;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0) {
    screen.eventRead = ends[0];
    eventWrite = ends[1];
    for (std::size_t i = 0; i < told.size(); ++i) {
      ::sigaction(told[i], nullptr, &screen.toldBefore[i]);
      onTerminal(told[i]);
    }
  }
  for (std::size_t i = 0; i < endings.size(); ++i) {
    struct sigaction action {};
    action.sa_sigaction = artelOnCrashOfLive;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(endings[i], &action, &screen.crashesBefore[i]);
  }
  takeTerminal();
}

LiveTerminal::~LiveTerminal() {
  giveTerminalBack();
  for (std::size_t i = 0; i < endings.size(); ++i) ::sigaction(endings[i], &screen.crashesBefore[i], nullptr);
  if (screen.eventRead < 0) return;
  for (std::size_t i = 0; i < told.size(); ++i) ::sigaction(told[i], &screen.toldBefore[i], nullptr);
  ::close(eventWrite.exchange(-1));  // after the handlers are gone
  ::close(std::exchange(screen.eventRead, -1));
}

std::vector<NativeSocket> LiveTerminal::sockets() const {
  std::vector<NativeSocket> sockets;
  if (screen.eventRead >= 0) sockets.push_back(screen.eventRead);
  if (screen.keys && !screen.hungUp && taken) sockets.push_back(STDIN_FILENO);
  return sockets;
}

LiveTerminal::News LiveTerminal::take() {
  News news;
  char bytes[64];
  bool stop = false;
  for (ssize_t got = 0; screen.eventRead >= 0 && (got = ::read(screen.eventRead, bytes, sizeof bytes)) > 0;) {
    news.redraw = true;
    for (ssize_t i = 0; i < got; ++i) {
      if (bytes[i] == SIGTSTP) stop = true;
      if (bytes[i] == SIGCONT) takeTerminal();
    }
  }
  if (stop) stopHere();
  if (screen.keys && !screen.hungUp && taken && hasInput()) {
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got > 0) news.keys.assign(bytes, static_cast<std::size_t>(got));
    screen.hungUp = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
  }
  return news;
}

bool LiveTerminal::foreground() {
  if (!screen.terminal) return true;
  if (!isForeground()) return false;
  if (!taken) takeTerminal();
  return true;
}

}  // namespace artel::platform
