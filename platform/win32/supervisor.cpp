// There is no master here: the one process has libuv's loop, and its signals come from there.
#include <algorithm>
#include <thread>

#include "platform/platform.hpp"

namespace artel::platform {

Supervisor::Supervisor() {}

Supervisor::~Supervisor() {}

void Supervisor::leaveInChild() {}

Wakeup Supervisor::wait(const std::vector<NativeSocket>&, std::chrono::milliseconds timeout,
                        const std::vector<NativeSocket>&) {
  std::this_thread::sleep_for(std::max(timeout, std::chrono::milliseconds{0}));
  return {};
}

std::vector<NoticeSignal> noticeSignals() {
  // libuv's numbers: INT is Ctrl+C, BREAK is Ctrl+Break, HUP is the console being closed.
  return {{2, Notice::stop}, {21, Notice::stop}, {1, Notice::stop}};
}

}  // namespace artel::platform
