#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<NativeSocket> openControl(const std::string&) { return unsupported(); }

Result<NativeSocket> acceptControl(NativeSocket) { return unsupported(); }

Result<NativeSocket> connectControl(const std::string&) { return unsupported(); }

}  // namespace artel::platform
