#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {
namespace {

struct flock wholeFile() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

ServiceLock::~ServiceLock() { leaveInChild(); }

Result<void> ServiceLock::take(const std::string& path) {
  for (;;) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) return systemError(errno);
    struct flock lock = wholeFile();
    if (::fcntl(file, F_SETLK, &lock) != 0) {
      const int failed = errno;
      ::close(file);
      if (failed == EACCES || failed == EAGAIN) return Error{Errc::addressInUse, "another process holds it", failed};
      return systemError(failed);
    }
    // A service that ends takes its file away. Whoever opened it before that holds a file that nobody else will find.
    if (isFileAt(file, path)) {
      file_ = file;
      path_ = path;
      return {};
    }
    ::close(file);
  }
}

void ServiceLock::adopt(const std::string& path, NativeSocket file) {
  file_ = file;
  path_ = path;
}

void ServiceLock::release() {
  if (file_ == noSocket) return;
  // Before the lock is free, so that nobody's new file is taken away; nor one of a service that came after somebody had
  // deleted ours.
  if (isFileAt(file_, path_)) ::unlink(path_.c_str());
  leaveInChild();
}

void ServiceLock::leaveInChild() noexcept { closeSocket(std::exchange(file_, noSocket)); }

std::optional<Pid> ServiceLock::owner(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct flock lock = wholeFile();
  const int asked = ::fcntl(file, F_GETLK, &lock);
  ::close(file);
  if (asked != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return Pid{lock.l_pid};
}

}  // namespace artel::platform
