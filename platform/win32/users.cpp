#include <windows.h>
// windows.h comes before this
#include <lmcons.h>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<UserIds> findUser(const std::string&, const std::string&) { return unsupported(); }

std::string userName() {
  wchar_t name[UNLEN + 1];
  DWORD size = UNLEN + 1;
  return ::GetUserNameW(name, &size) != 0 && size > 1 ? toUtf8({name, size - 1}) : "?";
}

std::string fileOwner(const std::string&) { return ""; }

Result<void> becomeUser(const UserIds&) { return unsupported(); }

}  // namespace artel::platform
