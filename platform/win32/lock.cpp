// A named object of the system, with the number of the process that made it: it goes with that process, however that
// ends, and leaves no file. Other sessions of Windows have names of their own.
#include <windows.h>
// windows.h comes before these
#include <sstream>
#include <utility>

#include "platform/content_hash.hpp"
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

constexpr DWORD numberSize = sizeof(DWORD);

/// A path may be longer than such a name, and has backslashes, which no name may have. Windows knows no difference
/// between capital and small letters, of any alphabet.
std::wstring nameOf(const std::string& path) {
  std::wstring folded = toWide(path);
  ::CharLowerBuffW(folded.data(), static_cast<DWORD>(folded.size()));
  std::istringstream text(toUtf8(folded));
  return L"Local\\artel-lock-" + toWide(contentHash(text));
}

}  // namespace

ServiceLock::~ServiceLock() { leaveInChild(); }

Result<void> ServiceLock::take(const std::string& path) {
  const std::wstring name = nameOf(path);  // whose end may change the last error
  const HANDLE object =
      ::CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, numberSize, name.c_str());
  const DWORD said = ::GetLastError();
  // "Access denied": that of another user.
  if (object != nullptr ? said == ERROR_ALREADY_EXISTS : said == ERROR_ACCESS_DENIED) {
    if (object != nullptr) ::CloseHandle(object);
    return Error{Errc::addressInUse, "another process holds it", static_cast<int>(said)};
  }
  if (object == nullptr) return systemError(static_cast<int>(said));
  if (auto* number = static_cast<DWORD*>(::MapViewOfFile(object, FILE_MAP_WRITE, 0, 0, numberSize))) {
    *number = ::GetCurrentProcessId();
    ::UnmapViewOfFile(number);
  }
  adopt(path, reinterpret_cast<NativeSocket>(object));
  return {};
}

void ServiceLock::adopt(const std::string& path, NativeSocket file) {
  file_ = file;
  path_ = path;
}

void ServiceLock::release() { leaveInChild(); }

void ServiceLock::leaveInChild() noexcept {
  if (file_ != noSocket) ::CloseHandle(reinterpret_cast<HANDLE>(std::exchange(file_, noSocket)));
}

std::optional<Pid> ServiceLock::owner(const std::string& path) {
  const std::wstring name = nameOf(path);
  const HANDLE object = ::OpenFileMappingW(FILE_MAP_READ, FALSE, name.c_str());
  if (object == nullptr) return ::GetLastError() == ERROR_ACCESS_DENIED ? std::optional<Pid>(0) : std::nullopt;
  Pid owner = 0;
  if (const auto* number = static_cast<const DWORD*>(::MapViewOfFile(object, FILE_MAP_READ, 0, 0, numberSize))) {
    owner = *number;
    ::UnmapViewOfFile(number);
  }
  ::CloseHandle(object);
  return owner;
}

}  // namespace artel::platform
