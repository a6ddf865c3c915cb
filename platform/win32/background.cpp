#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<Background> goToBackground() { return unsupported(); }

void tellServiceManager(std::string_view) noexcept {}

bool hasServiceManager() noexcept { return false; }

std::optional<std::chrono::milliseconds> watchdogTime() noexcept { return std::nullopt; }

}  // namespace artel::platform
