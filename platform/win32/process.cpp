#include <windows.h>

#include <cstdio>

#include "platform/platform.hpp"
#include "platform/win32/stop_event.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

std::string describe(const ChildExit& exit) {
  // 0xC0000005 and its kin are known by their hexadecimal form.
  if (exit.code < 0) {
    char text[32];
    std::snprintf(text, sizeof text, "code 0x%08X", static_cast<unsigned>(exit.code));
    return text;
  }
  return "code " + std::to_string(exit.code);
}

Pid currentPid() noexcept { return ::GetCurrentProcessId(); }
Pid parentPid() noexcept { return 0; }
Result<void> mayFork() { return {}; }

Result<Pid> spawnWorker(const std::function<void()>&, const std::function<int()>&) { return unsupported(); }

Result<void> notify(Pid pid, Notice notice) {
  if (notice == Notice::stopNow) return killNow(pid);
  if (notice != Notice::stop && notice != Notice::stopGracefully) return unsupported();
  const HANDLE event = ::OpenEventW(EVENT_MODIFY_STATE, FALSE, stopEventName(pid).c_str());
  if (event == nullptr) return systemError(static_cast<int>(::GetLastError()));  // nobody would hear it
  ::SetEvent(event);
  ::CloseHandle(event);
  return {};
}

Result<void> killNow(Pid pid) {
  const HANDLE process = ::OpenProcess(PROCESS_TERMINATE, FALSE, static_cast<DWORD>(pid));
  if (process == nullptr) return systemError(static_cast<int>(::GetLastError()));
  const bool killed = ::TerminateProcess(process, static_cast<UINT>(Exit::deadlinePassed)) != 0;
  const DWORD failed = ::GetLastError();
  ::CloseHandle(process);
  if (!killed) return systemError(static_cast<int>(failed));
  return {};
}

void dieWithParent(std::chrono::milliseconds) {}

void killSelfAfter(std::chrono::milliseconds timeout) {
  // A thread of the system's pool ends the process: the one thread of ours may hang in a callback.
  static const PTP_TIMER timer = ::CreateThreadpoolTimer(
      [](PTP_CALLBACK_INSTANCE, void*, PTP_TIMER) {
        ::TerminateProcess(::GetCurrentProcess(), static_cast<UINT>(Exit::deadlinePassed));
      },
      nullptr, nullptr);
  if (timer == nullptr) return;
  if (timeout.count() <= 0) {
    ::SetThreadpoolTimer(timer, nullptr, 0, 0);
    return;
  }
  // Negative means "from now", in units of 100 ns.
  ULARGE_INTEGER when;
  when.QuadPart = static_cast<ULONGLONG>(-(timeout.count() * 10'000));
  FILETIME due{when.LowPart, when.HighPart};
  ::SetThreadpoolTimer(timer, &due, 0, 0);
}

void releaseFreeMemory() noexcept {}  // the heap does it by itself

}  // namespace artel::platform
