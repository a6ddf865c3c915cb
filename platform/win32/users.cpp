#include <windows.h>
// windows.h comes before this
#include <lmcons.h>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<UserIds> findUser(const std::string&, const std::string&) { return unsupported(); }

Result<void> becomeUser(const UserIds&) { return unsupported(); }

}  // namespace artel::platform
