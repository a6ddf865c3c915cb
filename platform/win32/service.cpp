#include <windows.h>
// windows.h comes before these
#include <psapi.h>
#include <shellapi.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

/// The C library has no name for what the system says of a pipe that nobody reads (ERROR_NO_DATA).
bool outputIsGone(int error) noexcept {
  return error == EPIPE || (error == EINVAL && ::GetFileType(::GetStdHandle(STD_OUTPUT_HANDLE)) == FILE_TYPE_PIPE);
}

Terminal standardOutput() {
  Terminal terminal;
  const HANDLE output = ::GetStdHandle(STD_OUTPUT_HANDLE);
  DWORD mode = 0;
  if (::GetConsoleMode(output, &mode) == 0) return terminal;
  terminal.isTerminal = true;
  ::SetConsoleOutputCP(CP_UTF8);  // what is printed is UTF-8, whatever the console took it for
  // The console prints escape sequences as they are unless asked to obey them.
  // An old console does not, and has a font without what is beyond letters.
  terminal.obeys = terminal.utf8 =
      ::SetConsoleMode(output, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
  terminal.colour = terminal.obeys && ::GetEnvironmentVariableW(L"NO_COLOR", nullptr, 0) <= 1;
  CONSOLE_SCREEN_BUFFER_INFO info{};
  if (::GetConsoleScreenBufferInfo(output, &info) != 0 && info.srWindow.Right > info.srWindow.Left) {
    terminal.width = info.srWindow.Right - info.srWindow.Left + 1;
  }
  return terminal;
}

std::vector<std::string> arguments(int argc, char** argv) {
  // argv has lost what the ANSI code page cannot spell.
  int count = 0;
  wchar_t** words = ::CommandLineToArgvW(::GetCommandLineW(), &count);
  if (words == nullptr) return {argv, argv + argc};
  std::vector<std::string> utf8;
  for (int i = 0; i < count; ++i) utf8.push_back(toUtf8(words[i]));
  ::LocalFree(static_cast<HLOCAL>(words));
  return utf8;
}

std::vector<std::string> startArguments() { return arguments(0, nullptr); }

void saveProcessTitleSpace(int, char**) {}

void setProcessTitle(const std::string& title) { ::SetConsoleTitleW(toWide(title).c_str()); }

std::string systemName() {
  std::string name = "Windows";
  // GetVersionEx answers with the version that the program's manifest names, RtlGetVersion with the system's.
  using RtlGetVersion = LONG(WINAPI*)(OSVERSIONINFOW*);
  const HMODULE ntdll = ::GetModuleHandleW(L"ntdll.dll");
  OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof version;
  if (ntdll != nullptr) {
    const auto address = reinterpret_cast<void*>(::GetProcAddress(ntdll, "RtlGetVersion"));
    if (const auto get = reinterpret_cast<RtlGetVersion>(address); get != nullptr && get(&version) == 0) {
      name += " " + std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) + "." +
              std::to_string(version.dwBuildNumber);
    }
  }
  SYSTEM_INFO system{};
  ::GetNativeSystemInfo(&system);
  switch (system.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_AMD64:
      return name + " x86_64";
    case PROCESSOR_ARCHITECTURE_INTEL:
      return name + " x86";
    case 12:  // PROCESSOR_ARCHITECTURE_ARM64, missing in older headers
      return name + " arm64";
    default:
      return name;
  }
}

std::uint64_t raiseOpenFiles(std::uint64_t wanted) { return wanted; }

std::vector<std::pair<std::string, std::string>> systemLimits() { return {}; }

std::size_t residentMemory(Pid pid) { return pid == currentPid() ? residentMemory() : 0; }

std::uint64_t quickMilliseconds() noexcept {
  LARGE_INTEGER frequency{}, now{};
  ::QueryPerformanceFrequency(&frequency);
  ::QueryPerformanceCounter(&now);
  const auto ticks = static_cast<std::uint64_t>(now.QuadPart),
             perSecond = static_cast<std::uint64_t>(frequency.QuadPart);
  return ticks / perSecond * 1000 + ticks % perSecond * 1000 / perSecond;
}

char processState(Pid) { return '\0'; }

std::array<std::optional<double>, 3> loadAverage() { return {}; }

std::size_t residentMemory() {
  PROCESS_MEMORY_COUNTERS counters{};
  counters.cb = sizeof counters;
  if (::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == 0) return 0;
  return counters.WorkingSetSize;
}

void endProcess(int code) {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace artel::platform
