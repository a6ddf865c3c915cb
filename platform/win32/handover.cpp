// There is no master here whose place a new program could take.
#include <windows.h>

#include <filesystem>
#include <fstream>

#include "platform/content_hash.hpp"
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Channel takeCheck() noexcept { return {}; }
bool isChecked() noexcept { return false; }
std::optional<std::string> takeHandover() { return std::nullopt; }
Result<NativeSocket> openProgram(const std::string&) { return unsupported(); }
Result<CheckedProgram> checkProgram(NativeSocket, const Channel&) { return unsupported(); }
std::optional<Error> becomeProgram(NativeSocket, std::string_view, const std::vector<NativeSocket>&) {
  return unsupported();
}
bool adoptDescriptor(NativeSocket) noexcept { return false; }
void takenOver() noexcept {}

std::string programId(Pid pid) {
  std::wstring path(32768, L'\0');  // the longest that there is
  if (pid != currentPid()) return "?";
  path.resize(::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
  std::ifstream file(std::filesystem::path(path), std::ios::binary);
  return file ? contentHash(file) : "?";
}

}  // namespace artel::platform
