// What a process says when a signal ends it, and when it is asked where it is.
//
//   SEGV ... ─► artelOnCrash: stack ─► the report given to onCrash() ─► the signal's default action: the end, a core
//   trace signal ─► artelOnTrace: stack ─► the answer given to answerTraces() ─► back to what was interrupted
//
// The handlers run on a stack of their own, since the other one may be what has overflowed.
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#  include <sys/syscall.h>
#endif

#include <cxxabi.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/signals.hpp"
#include "platform/posix/stack.hpp"
#include "platform/posix/system_error.hpp"
#include "platform/sanitized.hpp"

namespace artel::platform {
namespace {

constexpr std::array crashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr unsigned timeToSay = 5;  ///< seconds, for a handler that waits for a lock which nobody will give back

alignas(16) std::byte handlerStack[128 * 1024];
StackText text;  // too large for a stack; of the one thread that has won
std::atomic<pid_t> crashing{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void (*report)(const Crash&) noexcept = nullptr;
std::array<struct sigaction, crashes.size()> before{};
std::array<bool, crashes.size()> installed{};
bool ownStack = false;

std::atomic<void (*)(std::string_view) noexcept> answer{nullptr};

pid_t thread() noexcept {
#ifdef __linux__
  return static_cast<pid_t>(::syscall(SYS_gettid));
#else
  return ::getpid();
#endif
}

void defaultAction(int number) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
}

std::string_view detailOf(const siginfo_t& info, FixedText<64>& into) noexcept {
  const bool fault = info.si_signo == SIGSEGV || info.si_signo == SIGBUS;
  if (info.si_code <= 0 && info.si_pid != ::getpid())
    into.add("sent by process ").add(static_cast<std::uint64_t>(info.si_pid));
  else if (info.si_code > 0 && fault)
    into.add("at address ").addHex(reinterpret_cast<std::uintptr_t>(info.si_addr));
  return into.view();
}

extern "C" void artelOnCrash(int number, siginfo_t* info, void*) {
  // From here on a second one of this kind, in the lines below, is the end.
  defaultAction(number);
  pid_t nobody = 0;
  if (!crashing.compare_exchange_strong(nobody, thread())) {
    if (nobody == thread()) return;  // the report itself has crashed, by another signal: back to its cause, and the end
    for (;;) ::pause();              // another thread is writing; the process ends with it
  }
  defaultAction(SIGALRM);
  ::alarm(timeToSay);
  text.clear();
  addStack(text);
  FixedText<64> detail;
  if (report != nullptr) report({signalName(number), detailOf(*info, detail), text.view()});
  ::alarm(0);
  // A fault happens once more when this returns. What was sent does not: it is sent again, and waits until then.
  if (info->si_code <= 0) ::raise(number);
}

extern "C" void artelOnTrace(int) {
  const auto say = answer.load(std::memory_order_relaxed);
  if (say == nullptr || crashing.load(std::memory_order_relaxed) != 0) return;
  const int saved = errno;
  text.clear();
  addStack(text);
  say(text.view());
  errno = saved;
}

void useOwnStack() noexcept {
  stack_t now{};
  if (ownStack || ::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;  // the program's own
  stack_t ours{};
  ours.ss_sp = handlerStack;
  ours.ss_size = sizeof handlerStack;
  ownStack = ::sigaltstack(&ours, nullptr) == 0;
}

bool isOurs(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == artelOnCrash;
}

}  // namespace

bool isUsersCrashHandler(int number) noexcept {
  if (std::find(crashes.begin(), crashes.end(), number) == crashes.end()) return false;
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) != 0 || isOurs(action)) return false;
  return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

void onCrash(void (*newReport)(const Crash&) noexcept) noexcept {
  report = newReport;
  if (sanitized) return;  // which report better
  prepareStacks();
  useOwnStack();
  for (std::size_t i = 0; i < crashes.size(); ++i) {
    if (isUsersCrashHandler(crashes[i])) continue;
    struct sigaction action {};
    action.sa_sigaction = artelOnCrash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(crashes[i], &action, installed[i] ? nullptr : &before[i]);
    installed[i] = true;
  }
}

void allowCoreDumps(bool yes) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = yes ? limit.rlim_max : 0;  // the hard limit stays: a program that follows this one may want them
  ::setrlimit(RLIMIT_CORE, &limit);
}

void offCrash() noexcept {
  for (std::size_t i = 0; i < crashes.size(); ++i) {
    if (std::exchange(installed[i], false) && !isUsersCrashHandler(crashes[i]))
      ::sigaction(crashes[i], &before[i], nullptr);
  }
  if (std::exchange(ownStack, false)) {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
  report = nullptr;
}

void expectTraces() noexcept {
#ifdef SIGRTMIN
  struct sigaction action {};
  action.sa_handler = artelOnTrace;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigaction(traceSignal(), &action, nullptr);
#endif
}

void answerTraces(void (*newAnswer)(std::string_view) noexcept) noexcept {
  prepareStacks();
  useOwnStack();
  answer.store(newAnswer, std::memory_order_relaxed);
}

Result<void> askTrace(Pid pid) {
  if (pid <= 0) return systemError(ESRCH);
#ifdef __linux__
  // To the thread that runs the loop; a signal to the process might meet another one.
  if (::syscall(SYS_tgkill, static_cast<pid_t>(pid), static_cast<pid_t>(pid), traceSignal()) != 0)
    return systemError(errno);
  return {};
#else
  return systemError(ENOSYS);
#endif
}

std::string demangled(std::string_view stack) {
  std::string result;
  while (!stack.empty()) {
    const auto end = std::min(stack.find_first_of(" \n"), stack.size() - 1) + 1;
    const std::string_view word = stack.substr(0, end), name = word.substr(0, word.find_first_of(" \n"));
    int failed = 1;
    if (name.starts_with("_Z")) {
      const std::unique_ptr<char, decltype(&std::free)> clear(
          abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &failed), std::free);
      if (failed == 0) result.append(clear.get()).append(word.substr(name.size()));
    }
    if (failed != 0) result.append(word);
    stack.remove_prefix(end);
  }
  // std::span without an extent, which is a number that nobody wrote.
  const std::string anyExtent = ", " + std::to_string(SIZE_MAX) + "ul";
  for (auto at = result.find(anyExtent); at != std::string::npos; at = result.find(anyExtent, at))
    result.erase(at, anyExtent.size());
  return result;
}

}  // namespace artel::platform
