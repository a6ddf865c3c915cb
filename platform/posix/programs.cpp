// Programs beside each other: fork and exec, a pipe for each, one Supervisor for all.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#  include <sys/prctl.h>
#endif

#include <algorithm>
#include <map>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/spawn.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {
namespace {

[[noreturn]] void become(const std::vector<char*>& words, int output, int failed, pid_t parent) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  ::setpgid(0, 0);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  if (::getppid() != parent) ::_exit(0);  // it has died before the line above
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execvp(words.front(), words.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t written = ::write(failed, &why, sizeof why);
  ::_exit(127);
}

/// Both ends close on exec; the reading one does not wait.
bool openPipe(int (&ends)[2]) {
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return true;
}

}  // namespace

struct Programs::State {
  struct Pipe {
    Pid pid;
    int end;
  };
  Supervisor supervisor;
  std::vector<Pipe> pipes;
  std::vector<Pid> running;

  /// What it has printed so far; closes a pipe that has ended.
  std::string take(Pipe& pipe) {
    std::string text;
    char bytes[16384];
    while (text.size() + sizeof bytes <= std::size_t{256} * 1024) {  // the others are heard, too
      const ssize_t got = ::read(pipe.end, bytes, sizeof bytes);
      if (got > 0) {
        text.append(bytes, static_cast<std::size_t>(got));
      } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        ::close(std::exchange(pipe.end, -1));
        break;
      } else if (errno == EAGAIN) {
        break;
      }
    }
    return text;
  }
};

Programs::Programs() : state_(std::make_unique<State>()) {}

Programs::~Programs() {
  for (const Pid pid : state_->running) static_cast<void>(killNow(pid));
  for (const Pid pid : state_->running) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  for (const State::Pipe& pipe : state_->pipes) ::close(pipe.end);
}

Result<Pid> Programs::start(const std::vector<std::string>& words) {
  if (words.empty()) return systemError(ENOENT);
  if (const auto may = mayFork(); !may) return may.error();
  int output[2];
  if (!openPipe(output)) return systemError(errno);
  std::vector<std::string> copies = words;
  std::vector<char*> pointers;
  pointers.reserve(copies.size() + 1);
  for (std::string& word : copies) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto [child, failed] =
      spawn([&, parent = ::getpid()](int status) { become(pointers, output[1], status, parent); });
  ::close(output[1]);
  if (failed != 0) {
    ::close(output[0]);
    if (child > 0) ::waitpid(child, nullptr, 0);
    return systemError(failed);
  }
  state_->pipes.push_back({Pid{child}, output[0]});
  state_->running.push_back(Pid{child});
  return Pid{child};
}

Programs::Wakeup Programs::wait(std::chrono::milliseconds timeout) {
  std::vector<NativeSocket> ends;
  for (const State::Pipe& pipe : state_->pipes) ends.push_back(pipe.end);
  const artel::platform::Wakeup woken = state_->supervisor.wait(ends, timeout);
  Wakeup wakeup;
  wakeup.notice = woken.notice;
  // All of them: what one printed before it ended comes before its end.
  for (State::Pipe& pipe : state_->pipes) {
    if (std::string text = state_->take(pipe); !text.empty()) wakeup.news.push_back({pipe.pid, std::move(text), {}});
  }
  std::erase_if(state_->pipes, [](const State::Pipe& pipe) { return pipe.end < 0; });
  for (const ChildExit& exit : woken.exits) {
    if (std::erase(state_->running, exit.pid) > 0) wakeup.news.push_back({exit.pid, "", exit});
  }
  return wakeup;
}

}  // namespace artel::platform
