// A program that takes the place of the one that runs: same process, same descriptors, same children. Linux only: it
// needs /proc and memfd.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#  include <sys/prctl.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "platform/content_hash.hpp"
#include "platform/platform.hpp"
#include "platform/posix/beginning.hpp"
#include "platform/posix/procfs.hpp"
#include "platform/posix/signals.hpp"
#include "platform/posix/spawn.hpp"
#include "platform/posix/system_error.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h declares it only for GNU sources

namespace artel::platform {
namespace {

constexpr const char* handoverVariable = "ARTEL_HANDOVER";
constexpr const char* checkVariable = "ARTEL_CHECK";
/// A program that has not taken over by then hangs, and is ended.
constexpr unsigned longestTakeover = 10;  // seconds

/// A variable that is meant for this process: "descriptor:pid", and behind another colon the numbers of descriptors
/// that the service was started with.
struct Meant {
  int descriptor = -1;
  std::string rest;
};

Meant take(const char* variable, pid_t pid) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return {};
  int descriptor = -1, used = 0;
  long long meant = 0;
  const bool ours = std::sscanf(value, "%d:%lld%n", &descriptor, &meant, &used) == 2 && meant == pid;
  const std::string rest = ours && value[used] == ':' ? value + used + 1 : "";
  ::unsetenv(variable);
  if (!ours || ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return {};
  return {descriptor, rest};
}

std::vector<int> openDescriptors() {
  std::vector<int> all;
  for (const std::string& entry : procfs::entries("/proc/self/fd")) {
    const int number = std::atoi(entry.c_str());
    if (number > STDERR_FILENO && ::fcntl(number, F_GETFD) >= 0) all.push_back(number);
  }
  return all;
}

void closeOnExec(NativeSocket descriptor, bool on) noexcept {
  ::fcntl(static_cast<int>(descriptor), F_SETFD, on ? FD_CLOEXEC : 0);
}

void closeAllOnExecBut(const std::vector<int>& inherited) {
  for (const int one : openDescriptors()) {
    if (std::find(inherited.begin(), inherited.end(), one) == inherited.end()) closeOnExec(one, true);
  }
}

/// What main was started with, before main can change it: a program that takes over is to be started the same way.
struct Beginning {
  std::string directory, namedDirectory;
  std::vector<std::string> words, variables;
  int state = -1, check = -1;
  std::vector<int> inherited;  ///< descriptors from 3 on that whoever started the service has left open for it

  Beginning() {
    const Meant handover = take(handoverVariable, ::getpid());
    state = handover.descriptor;
    check = take(checkVariable, ::getppid()).descriptor;
    if (state >= 0) {
      std::istringstream numbers(handover.rest);
      for (std::string number; std::getline(numbers, number, ',');) inherited.push_back(std::atoi(number.c_str()));
      // Keys are among what was left: they are not for a program that main starts before Worker::runAll.
      closeAllOnExecBut(inherited);
    } else {
      inherited = openDescriptors();
      std::erase_if(inherited, [](int one) { return (::fcntl(one, F_GETFD) & FD_CLOEXEC) != 0; });
    }
    std::array<char, 4096> path{};
    if (::getcwd(path.data(), path.size()) != nullptr) directory = path.data();
    namedDirectory = directory;
    const char* named = std::getenv("PWD");
    struct stat there {
    }, here{};
    if (named != nullptr && *named == '/' && ::stat(named, &there) == 0 && ::stat(".", &here) == 0 &&
        there.st_dev == here.st_dev && there.st_ino == here.st_ino)
      namedDirectory = named;
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
      // A service manager's sockets are the service's own by then.
      if (std::strncmp(*one, "LISTEN_", 7) != 0) variables.emplace_back(*one);
    }
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
#ifdef __linux__
    // Executed by its descriptor, the process is named by a number.
    if ((state >= 0 || check >= 0) && !words.empty())
      ::prctl(PR_SET_NAME, words[0].substr(words[0].rfind('/') + 1).c_str());
#endif
  }
};
// The one object here that is made before main: what it keeps is gone later.
const Beginning beginning;

/// The texts as execve wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::string variable(const char* name, int descriptor, pid_t pid) {
  return std::string(name) + "=" + std::to_string(descriptor) + ":" + std::to_string(pid);
}

/// Why a file cannot be executed, in words that name the usual cause.
Error executionError(int number) {
  Error error = systemError(number);
  if (number == ETXTBSY) error.message = "it is still being written: " + error.message;
  if (number == ENOEXEC) error.message = "it is no program for this machine, or only a part of one: " + error.message;
  if (number == ENOENT) {  // the file itself is open
    const bool there =
        beginning.directory.empty() || ::access(beginning.directory.c_str(), F_OK) == 0 || errno != ENOENT;
    error.message = (there ? "it is a script, or asks for a loader that is not here: "
                           : "the directory that the service was started in is gone: ") +
                    error.message;
  }
  return error;
}

Result<int> sealedFile(std::string_view content) {
#ifdef MFD_ALLOW_SEALING
  const int file = ::memfd_create("artel-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return systemError(errno);
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t written = ::write(file, content.data() + done, content.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const Error error = systemError(errno);
      ::close(file);
      return error;
    }
    done += static_cast<std::size_t>(written);
  }
  ::lseek(file, 0, SEEK_SET);
  ::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return file;
#else
  static_cast<void>(content);
  return systemError(ENOSYS);
#endif
}

[[noreturn]] void runChecked(int program, int channel, int output, int failed, std::vector<char*>& words,
                             std::vector<char*>& variables) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  ::setpgid(0, 0);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  closeOnExec(channel, false);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  if (beginning.directory.empty() || ::chdir(beginning.directory.c_str()) == 0)
    ::fexecve(program, words.data(), variables.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t written = ::write(failed, &why, sizeof why);
  ::_exit(127);
}

}  // namespace

const std::string& startDirectory() noexcept { return beginning.namedDirectory; }

Channel takeCheck() noexcept {
  static bool taken = false;
  return Channel(std::exchange(taken, true) || beginning.check < 0 ? noSocket : beginning.check);
}

bool isChecked() noexcept { return beginning.check >= 0; }

std::optional<std::string> takeHandover() {
  static bool taken = false;
  if (std::exchange(taken, true) || beginning.state < 0) return std::nullopt;
  std::string state;
  struct stat info {};
  // In one piece: keys are in it, and a text that grows leaves copies of itself behind.
  if (::fstat(beginning.state, &info) == 0) state.resize(static_cast<std::size_t>(info.st_size));
  for (std::size_t done = 0; done < state.size();) {
    const ssize_t got = ::read(beginning.state, state.data() + done, state.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(beginning.state);
  return state;
}

Result<NativeSocket> openProgram(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return systemError(errno);
  struct stat info {};
  int failed = 0;
  if (::fstat(file, &info) != 0)
    failed = errno;
  else if (!S_ISREG(info.st_mode) || (info.st_mode & 0111) == 0)
    failed = EACCES;
  if (failed == 0) return NativeSocket{file};
  ::close(file);
  return systemError(failed);
}

Result<CheckedProgram> checkProgram(NativeSocket program, const Channel& channel) {
  if (beginning.words.empty())
    return Error{Errc::unsupported, "how this one was started cannot be found out: there is no /proc", 0};
  if (const auto may = mayFork(); !may) return may.error();
  int output[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, output) != 0) return systemError(errno);
  ::fcntl(output[0], F_SETFL, O_NONBLOCK);
  std::vector<std::string> words = beginning.words, variables = beginning.variables;
  variables.push_back(variable(checkVariable, static_cast<int>(channel.native()), ::getpid()));
  std::vector<char*> arguments = pointers(words), environment = pointers(variables);
  const auto [child, failed] = spawn([&](int status) {
    runChecked(static_cast<int>(program), static_cast<int>(channel.native()), output[1], status, arguments,
               environment);
  });
  ::close(output[1]);
  if (failed == 0) return CheckedProgram{Pid{child}, output[0]};
  ::close(output[0]);
  return child < 0 ? systemError("cannot start a process", failed) : executionError(failed);
}

std::optional<Error> becomeProgram(NativeSocket program, std::string_view state,
                                   const std::vector<NativeSocket>& kept) {
  if (const auto may = mayFork(); !may) return may.error();  // exec would end the other threads in the middle of work
  const auto file = sealedFile(state);
  if (!file) return file.error();
  std::vector<std::string> words = beginning.words, variables = beginning.variables;
  variables.push_back(variable(handoverVariable, *file, ::getpid()) + ":");
  for (const int one : beginning.inherited) variables.back() += std::to_string(one) + ",";
  std::vector<char*> arguments = pointers(words), environment = pointers(variables);
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  const int here = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  sigset_t held, before;
  ::sigfillset(&held);
  ::sigdelset(&held, SIGALRM);
  struct sigaction standard {
  }, alarm{};
  standard.sa_handler = SIG_DFL;
  // Nothing is lost: a signal that comes now is delivered to the program that takes over, and what came before is
  // heeded by this one first.
  ::pthread_sigmask(SIG_SETMASK, &held, &before);
  if (noticeWaits()) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (here >= 0) ::close(here);
    ::close(*file);
    return std::nullopt;
  }
  ::sigaction(SIGALRM, &standard, &alarm);
  ::alarm(longestTakeover);
  // What main has opened it opens again: left open, it would be one more with each new program.
  closeAllOnExecBut(beginning.inherited);
  for (const NativeSocket one : kept) closeOnExec(one, false);
  closeOnExec(*file, false);
  if (beginning.directory.empty() || ::chdir(beginning.directory.c_str()) == 0)
    ::fexecve(static_cast<int>(program), arguments.data(), environment.data());
  const int failed = errno;
  if (here >= 0) {
    [[maybe_unused]] const int back = ::fchdir(here);
    ::close(here);
  }
  ::close(*file);
  for (const NativeSocket one : kept) closeOnExec(one, true);
  ::alarm(0);
  ::sigaction(SIGALRM, &alarm, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return executionError(failed);
}

bool adoptDescriptor(NativeSocket descriptor) noexcept {
  return ::fcntl(static_cast<int>(descriptor), F_SETFD, FD_CLOEXEC) == 0;
}

void takenOver() noexcept {
  ::alarm(0);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

std::string programId(Pid pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/exe", std::ios::binary);
  return file ? contentHash(file) : "?";
}

}  // namespace artel::platform
