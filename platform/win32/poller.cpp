// Windows tells of finished operations, not of readiness: there libuv moves the bytes (directIo() is false).
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<Poller> Poller::open() { return unsupported(); }
Poller::~Poller() = default;
int Poller::watch(NativeSocket, void*, std::uint8_t, std::uint8_t) noexcept { return -1; }
std::size_t Poller::wait(std::span<Ready>, int) noexcept { return 0; }

}  // namespace artel::platform
