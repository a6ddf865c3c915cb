// There is no master here whose place a new program could take.
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Channel takeCheck() noexcept { return {}; }
bool isChecked() noexcept { return false; }
std::optional<std::string> takeHandover() { return std::nullopt; }
Result<NativeSocket> openProgram(const std::string&) { return unsupported(); }
Result<CheckedProgram> checkProgram(NativeSocket, const Channel&) { return unsupported(); }
Error becomeProgram(NativeSocket, std::string_view, const std::vector<NativeSocket>&) { return unsupported(); }
bool adoptDescriptor(NativeSocket) noexcept { return false; }
void takenOver() noexcept {}
std::string programId(Pid) { return "?"; }

}  // namespace artel::platform
