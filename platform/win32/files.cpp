#include <windows.h>
// Needs the types of windows.h.
#include <wincrypt.h>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

HANDLE handleOf(NativeSocket file) { return reinterpret_cast<HANDLE>(file); }

/// For what the system tells of a file; INVALID_HANDLE_VALUE when there is none.
HANDLE lookAt(const std::string& path) noexcept {
  return ::CreateFileW(toWide(path).c_str(), 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                       OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
}

}  // namespace

Result<NativeSocket> openAppend(const std::string& path) {
  const HANDLE file =
      ::CreateFileW(toWide(path).c_str(), FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return systemError(static_cast<int>(::GetLastError()));
  return reinterpret_cast<NativeSocket>(file);
}

bool appendTo(NativeSocket file, std::string_view bytes) noexcept {
  DWORD written = 0;
  return ::WriteFile(handleOf(file), bytes.data(), static_cast<DWORD>(bytes.size()), &written, nullptr) != 0 &&
         written == bytes.size();
}

bool appendToStandardError(std::string_view bytes) noexcept {
  return appendTo(reinterpret_cast<NativeSocket>(::GetStdHandle(STD_ERROR_HANDLE)), bytes);
}

std::uint64_t fileSize(NativeSocket file) noexcept {
  LARGE_INTEGER size{};
  return ::GetFileSizeEx(handleOf(file), &size) == 0 ? 0 : static_cast<std::uint64_t>(size.QuadPart);
}

bool isFileAt(NativeSocket file, const std::string& path) noexcept {
  const HANDLE there = lookAt(path);
  if (there == INVALID_HANDLE_VALUE) return false;
  BY_HANDLE_FILE_INFORMATION ours{}, theirs{};
  const bool known =
      ::GetFileInformationByHandle(handleOf(file), &ours) != 0 && ::GetFileInformationByHandle(there, &theirs) != 0;
  ::CloseHandle(there);
  return known && ours.dwVolumeSerialNumber == theirs.dwVolumeSerialNumber &&
         ours.nFileIndexHigh == theirs.nFileIndexHigh && ours.nFileIndexLow == theirs.nFileIndexLow;
}

void becomeDescriptor(NativeSocket, NativeSocket) noexcept {}

Result<void> redirectStandardStreams(NativeSocket) { return unsupported(); }

void openStandardStreams() noexcept {}

NativeSocket duplicateStandardError() noexcept { return noSocket; }

void closeFile(NativeSocket file) noexcept { ::CloseHandle(handleOf(file)); }

Result<void> mayRead(const std::string&) { return {}; }
Result<void> mayWrite(const std::string&) { return {}; }

std::string fileIdentity(const std::string& path) {
  const HANDLE file = lookAt(path);
  if (file == INVALID_HANDLE_VALUE) return "";
  std::string identity = fileIdentity(reinterpret_cast<NativeSocket>(file));
  ::CloseHandle(file);
  return identity;
}

std::string fileIdentity(NativeSocket file) {
  BY_HANDLE_FILE_INFORMATION info{};
  if (::GetFileInformationByHandle(handleOf(file), &info) == 0) return "";
  std::string identity;
  for (const DWORD part : {info.dwVolumeSerialNumber, info.nFileIndexHigh, info.nFileIndexLow, info.nFileSizeHigh,
                           info.nFileSizeLow, info.ftLastWriteTime.dwHighDateTime, info.ftLastWriteTime.dwLowDateTime})
    identity += std::to_string(part) + ":";
  return identity;
}

std::string socketIdentity(const std::string&, std::int64_t) { return ""; }

std::string programFile(const std::string& word) { return word; }

bool isReadableByAll(const std::string&) noexcept { return false; }

Result<std::string> readFile(const std::string& path) {
  const HANDLE file =
      ::CreateFileW(toWide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                    OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return systemError(static_cast<int>(::GetLastError()));
  std::string content;
  char part[16384];
  DWORD got = 0;
  int failed = 0;
  for (;;) {
    if (::ReadFile(file, part, sizeof part, &got, nullptr) == 0) failed = static_cast<int>(::GetLastError());
    if (failed != 0 || got == 0) break;
    content.append(part, got);
    if (content.size() > mostOfAFile) failed = ERROR_FILE_TOO_LARGE;
  }
  ::CloseHandle(file);
  if (failed != 0) return systemError(failed);
  return content;
}

std::vector<std::string> trustedCertificates() {
  std::vector<std::string> all;
  const HCERTSTORE store = ::CertOpenSystemStoreW(0, L"ROOT");
  if (store == nullptr) return all;
  for (PCCERT_CONTEXT one = nullptr; (one = ::CertEnumCertificatesInStore(store, one)) != nullptr;)
    all.emplace_back(reinterpret_cast<const char*>(one->pbCertEncoded), one->cbCertEncoded);
  ::CertCloseStore(store, 0);
  return all;
}

Result<void> writeFile(const std::string& path, std::string_view content, bool) {
  const HANDLE file = ::CreateFileW(toWide(path).c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_ALWAYS,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return systemError(static_cast<int>(::GetLastError()));
  const bool written = appendTo(reinterpret_cast<NativeSocket>(file), content);
  const DWORD error = written ? ERROR_SUCCESS : ::GetLastError();
  // Without a reason it was a part of it: the disk is full.
  const int failed = static_cast<int>(!written && error == ERROR_SUCCESS ? ERROR_DISK_FULL : error);
  ::CloseHandle(file);
  if (failed != 0) return systemError(failed);
  return {};
}

}  // namespace artel::platform
