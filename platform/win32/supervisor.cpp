// There is no master here: the one process has libuv's loop, and its signals come from there. What libuv does not hear
// is heard here: the end of the session, and the event by which another process asks this one to stop.
#include <windows.h>
// windows.h comes before these
#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/stop_event.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

struct {
  std::mutex mutex;
  std::function<void(Notice)> tell;
  bool consoleToo = false;
  HANDLE event = nullptr, wait = nullptr;
} heard;

bool tell(Notice notice) {
  const std::lock_guard lock(heard.mutex);
  if (heard.tell) heard.tell(notice);
  return static_cast<bool>(heard.tell);
}

/// On a thread of its own that the system makes.
BOOL WINAPI consoleHandler(DWORD event) {
  if (!consoleEvent(event)) return FALSE;
  // When this returns, the process ends; it ends by itself before, or when the time that Windows grants is over.
  if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT) ::Sleep(INFINITE);
  return TRUE;
}

}  // namespace

Supervisor::Supervisor() {}

Supervisor::~Supervisor() {}

void Supervisor::leaveInChild() {}

bool Supervisor::hangupStops() const noexcept { return true; }

void Supervisor::setHangupStops(bool) noexcept {}

Wakeup Supervisor::wait(const std::vector<NativeSocket>&, std::chrono::milliseconds timeout,
                        const std::vector<NativeSocket>&) {
  std::this_thread::sleep_for(std::max(timeout, std::chrono::milliseconds{0}));
  return {};
}

std::vector<NoticeSignal> noticeSignals() {
  // libuv's numbers: INT is Ctrl+C, BREAK is Ctrl+Break, HUP is the console being closed.
  return {{2, Notice::stop}, {21, Notice::stop}, {1, Notice::stop}};
}

void hearNotices() noexcept {}

bool consoleEvent(unsigned event) {
  switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
    case CTRL_CLOSE_EVENT: {
      const std::lock_guard lock(heard.mutex);
      if (!heard.consoleToo) return false;  // libuv's handler comes next
      break;
    }
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
      break;
    default:
      return false;
  }
  return tell(Notice::stop);
}

std::wstring stopEventName(Pid pid) { return L"Local\\artel-stop-" + std::to_wstring(pid); }

HANDLE stopEventOf(Pid pid) { return ::CreateEventW(nullptr, FALSE, FALSE, stopEventName(pid).c_str()); }

void onNotice(std::function<void(Notice)> newTell, bool consoleToo) {
  const bool wanted = static_cast<bool>(newTell);
  {
    const std::lock_guard lock(heard.mutex);
    heard.tell = std::move(newTell);
    heard.consoleToo = consoleToo;
  }
  if (wanted == (heard.event != nullptr)) return;
  if (!wanted) {
    ::SetConsoleCtrlHandler(consoleHandler, FALSE);
    ::UnregisterWaitEx(std::exchange(heard.wait, nullptr), INVALID_HANDLE_VALUE);  // waits for a call that runs
    ::CloseHandle(std::exchange(heard.event, nullptr));
    return;
  }
  ::SetConsoleCtrlHandler(consoleHandler, TRUE);
  heard.event = stopEventOf(currentPid());
  if (heard.event == nullptr) return;
  ::RegisterWaitForSingleObject(
      &heard.wait, heard.event, [](void*, BOOLEAN) { tell(Notice::stop); }, nullptr, INFINITE, WT_EXECUTEDEFAULT);
}

}  // namespace artel::platform
