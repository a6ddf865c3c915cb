#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>

#include "platform/platform.hpp"
#include "platform/posix/procfs.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h declares it only for GNU sources
// There when LeakSanitizer is linked.
extern "C" __attribute__((weak)) void __lsan_do_leak_check();  // NOLINT(bugprone-reserved-identifier): its name

namespace artel::platform {
namespace {

/// Where the kernel reads the command line shown by ps: the words of argv and, behind them, of environ.
struct TitleSpace {
  char* begin = nullptr;
  char* end = nullptr;
  char** variables = nullptr;  ///< the copies; setenv may give environ another array
  char** owned = nullptr;      ///< the same once more: unsetenv takes some out of that array
} titleSpace;

bool hasValue(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// As the C library decides it, but without its tables: those of the language may not be installed, and the terminal
/// shows UTF-8 all the same.
bool localeIsUtf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (!hasValue(variable)) continue;
    const std::string_view locale = std::getenv(variable);
    for (const std::string_view name : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(name) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

}  // namespace

bool outputIsGone(int error) noexcept { return error == EPIPE; }

Terminal standardOutput() {
  Terminal terminal;
  terminal.isTerminal = ::isatty(STDOUT_FILENO) == 1;
  if (!terminal.isTerminal) return terminal;
  const char* kind = std::getenv("TERM");
  terminal.obeys = kind != nullptr && std::strcmp(kind, "dumb") != 0;
  terminal.colour = terminal.obeys && !hasValue("NO_COLOR");
  terminal.utf8 = terminal.obeys && localeIsUtf8();
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width = size.ws_col;
  if (size.ws_row > 0) terminal.height = size.ws_row;
  return terminal;
}

std::vector<std::string> arguments(int argc, char** argv) { return {argv, argv + argc}; }

std::vector<std::string> startArguments() {
  std::vector<std::string> words;
  std::ifstream file("/proc/self/cmdline");
  for (std::string word; std::getline(file, word, '\0');) words.push_back(std::move(word));
  return words;
}

void saveProcessTitleSpace(int argc, char** argv) {
  if (argc < 1 || titleSpace.begin != nullptr) return;
  char* const begin = argv[0];
  char* end = begin;
  for (int i = 0; i < argc; ++i) {
    if (argv[i] == end) end += std::strlen(end) + 1;
  }
  std::size_t variables = 0;
  for (; environ != nullptr && environ[variables] != nullptr; ++variables) {
    if (environ[variables] == end) end += std::strlen(end) + 1;
  }
  // Titles overwrite the words, so everybody else gets copies; they live as long as the process, behind every
  // destructor that still asks for a variable.
  for (int i = 0; i < argc; ++i) argv[i] = ::strdup(argv[i]);
  if (environ != nullptr) {
    titleSpace.variables = new char*[variables + 1]();
    titleSpace.owned = new char*[variables + 1]();
    for (std::size_t i = 0; i < variables; ++i) titleSpace.owned[i] = titleSpace.variables[i] = ::strdup(environ[i]);
    environ = titleSpace.variables;
  }
#ifdef __GLIBC__
  // error() and assert() name the program by pointers into argv[0].
  program_invocation_name = argv[0];
  const char* slash = std::strrchr(argv[0], '/');
  program_invocation_short_name = slash == nullptr ? argv[0] : argv[0] + (slash - argv[0]) + 1;
#endif
  titleSpace.begin = begin;
  titleSpace.end = end;
}

void setProcessTitle(const std::string& title) {
  const auto space = static_cast<std::size_t>(titleSpace.end - titleSpace.begin);
  if (space == 0) return;
  const std::size_t length = std::min(title.size(), space - 1);
  std::memcpy(titleSpace.begin, title.data(), length);
  std::memset(titleSpace.begin + length, 0, space - length);
}

std::string systemName() {
  utsname name{};
  if (::uname(&name) != 0) return "POSIX";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::uint64_t raiseOpenFiles(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = wanted;
  raised.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);  // root may go beyond the hard limit
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  raised.rlim_max = limit.rlim_max;
  raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::vector<std::pair<std::string, std::string>> systemLimits() {
  std::vector<std::pair<std::string, std::string>> limits;
  for (std::string name :
       {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports", "net.netfilter.nf_conntrack_max", "fs.file-max", "fs.nr_open"}) {
    std::string path = "/proc/sys/" + name;
    std::replace(path.begin() + 10, path.end(), '.', '/');
    std::string value = procfs::firstLine(path);
    std::replace(value.begin(), value.end(), '\t', ' ');
    if (!value.empty()) limits.emplace_back(std::move(name), std::move(value));
  }
  return limits;
}

std::size_t residentMemory() { return residentMemory(currentPid()); }

std::array<std::optional<double>, 3> loadAverage() {
  double loads[3];
  const int known = ::getloadavg(loads, 3);
  std::array<std::optional<double>, 3> answer;
  for (int i = 0; i < known && i < 3; ++i) answer[static_cast<std::size_t>(i)] = loads[i];
  return answer;
}

std::size_t residentMemory(Pid pid) {
  std::istringstream pages(procfs::firstLine("/proc/" + std::to_string(pid) + "/statm"));
  std::size_t total = 0, resident = 0;
  pages >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t quickMilliseconds() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  constexpr clockid_t clock = CLOCK_MONOTONIC_COARSE;
#else
  constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

char processState(Pid pid) {
  // "4711 (name, which may hold anything) S ..."
  const std::string line = procfs::firstLine("/proc/" + std::to_string(pid) + "/stat");
  const auto name = line.rfind(") ");
  return name == std::string::npos || name + 2 >= line.size() ? '\0' : line[name + 2];
}

void endProcess(int code) {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  if (__lsan_do_leak_check != nullptr) __lsan_do_leak_check();  // the check at exit does not come by _exit
  ::_exit(code);
}

}  // namespace artel::platform
