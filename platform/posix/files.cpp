#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "platform/platform.hpp"
#include "platform/posix/beginning.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<NativeSocket> openAppend(const std::string& path) {
  // Not a pipe's end or a terminal that would block or take over the process.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  if (file < 0) return systemError(errno);
  return NativeSocket{file};
}

bool appendTo(NativeSocket file, std::string_view bytes) noexcept {
  ssize_t written = 0;
  do {
    written = ::write(static_cast<int>(file), bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(bytes.size());
}

bool appendToStandardError(std::string_view bytes) noexcept { return appendTo(STDERR_FILENO, bytes); }

std::uint64_t fileSize(NativeSocket file) noexcept {
  struct stat info {};
  return ::fstat(static_cast<int>(file), &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size)
                                                                              : 0;
}

bool isFileAt(NativeSocket file, const std::string& path) noexcept {
  struct stat ours {
  }, theirs{};
  return ::fstat(static_cast<int>(file), &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

void becomeDescriptor(NativeSocket from, NativeSocket number) noexcept {
  if (from == number) return;
  ::dup3(static_cast<int>(from), static_cast<int>(number), number <= 2 ? 0 : O_CLOEXEC);
  ::close(static_cast<int>(from));
}

Result<void> redirectStandardStreams(NativeSocket file) {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0) return systemError(errno);
  const bool done = ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(static_cast<int>(file), STDOUT_FILENO) >= 0 &&
                    ::dup2(static_cast<int>(file), STDERR_FILENO) >= 0;
  const int failed = errno;
  if (nothing > 2) ::close(nothing);
  if (!done) return systemError(failed);
  return {};
}

void openStandardStreams() noexcept {
  // Upwards: open answers the lowest free number.
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (::fcntl(number, F_GETFD) < 0) ::open("/dev/null", O_RDWR | O_NOCTTY);  // kept by an exec, as the usual ones are
  }
}

NativeSocket duplicateStandardError() noexcept { return ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3); }

void closeFile(NativeSocket file) noexcept { closeSocket(file); }

Result<void> mayRead(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0 || errno == ENOENT ? Result<void>() : systemError(errno);
}

Result<void> mayWrite(const std::string& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return systemError(EISDIR);
  if (::access(path.c_str(), F_OK) == 0) return ::access(path.c_str(), W_OK) == 0 ? Result<void>() : systemError(errno);
  // The nearest folder that is there: missing ones are made.
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  while (!folder.empty() && folder != folder.root_path() && ::access(folder.c_str(), F_OK) != 0)
    folder = folder.parent_path();
  if (folder.empty()) folder = ".";
  if (!std::filesystem::is_directory(folder)) return systemError(ENOTDIR);
  return ::access(folder.c_str(), W_OK) == 0 ? Result<void>() : systemError(errno);
}

namespace {
std::string identity(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}
}  // namespace

std::string fileIdentity(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 ? "" : identity(info);
}

std::string fileIdentity(NativeSocket file) {
  struct stat info {};
  return ::fstat(static_cast<int>(file), &info) != 0 ? "" : identity(info);
}

std::string socketIdentity(const std::string& path, std::int64_t owner) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return "";
  if (owner >= 0 && static_cast<std::int64_t>(info.st_uid) != owner) return "";
  return identity(info);
}

std::string programFile(const std::string& word) {
  std::error_code failed;
  if (word.find('/') != std::string::npos) {
    if (word[0] == '/') return word;
    std::string_view rest = word;
    while (rest.substr(0, 2) == "./") rest.remove_prefix(2);
    return startDirectory() + "/" + std::string(rest);
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + word;
    if (::access(file.c_str(), X_OK) == 0) return std::filesystem::absolute(file, failed).string();
  }
  return std::filesystem::read_symlink("/proc/self/exe", failed).string();
}

bool isReadableByAll(const std::string& path) noexcept {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0;
}

Result<std::string> readFile(const std::string& path) {
  // What is no file, a pipe or a device, must not make us wait.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return systemError(errno);
  std::string content;
  char part[16384];
  ssize_t got = 0;
  while ((got = ::read(file, part, sizeof part)) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) content.append(part, static_cast<std::size_t>(got));
    if (content.size() > mostOfAFile) {
      ::close(file);
      return systemError(EFBIG);
    }
  }
  const int failed = got < 0 ? errno : 0;
  ::close(file);
  if (failed != 0) return systemError(failed);
  return content;
}

std::vector<std::string> trustedCertificates() { return {}; }

Result<void> writeFile(const std::string& path, std::string_view content, bool secret) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, secret ? 0600 : 0644);
  if (file < 0) return systemError(errno);
  errno = 0;
  const bool written = appendTo(file, content);
  int failed = written ? 0 : errno != 0 ? errno : ENOSPC;  // a part of it: the disk is full
  ::close(file);
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0) failed = errno;
  if (failed == 0) return {};
  ::unlink(fresh.c_str());
  return systemError(failed);
}

}  // namespace artel::platform
