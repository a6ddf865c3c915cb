// Crashes are the system's to report here (Windows Error Reporting, a debugger), and there is no master that would ask.
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

void onCrash(void (*)(const Crash&) noexcept) noexcept {}

void offCrash() noexcept {}

void answerTraces(void (*)(std::string_view) noexcept) noexcept {}

Result<void> askTrace(Pid) { return unsupported(); }

std::string demangled(std::string_view stack) { return std::string(stack); }

}  // namespace artel::platform
