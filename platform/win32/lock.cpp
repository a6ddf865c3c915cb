// Nobody asks for a service here: there are no commands that would look for one.
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

ServiceLock::~ServiceLock() = default;

Result<void> ServiceLock::take(const std::string&) { return unsupported(); }

void ServiceLock::adopt(const std::string&, NativeSocket) {}

void ServiceLock::release() {}

void ServiceLock::leaveInChild() noexcept {}

std::optional<Pid> ServiceLock::owner(const std::string&) { return std::nullopt; }

}  // namespace artel::platform
