#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {
namespace {

/// An address for a path of any length: one too long for sun_path is named through its open directory.
struct ControlAddress {
  sockaddr_un address{};
  int directory = -1;
  explicit ControlAddress(const std::string& path) {
    address.sun_family = AF_UNIX;
    std::string shown = path;
    if (shown.size() >= sizeof address.sun_path) {
      const auto slash = path.rfind('/');
      const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
      directory = ::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      shown = "/proc/self/fd/" + std::to_string(directory) + "/" + path.substr(slash + 1);
    }
    if (shown.size() < sizeof address.sun_path) std::memcpy(address.sun_path, shown.c_str(), shown.size() + 1);
  }
  ControlAddress(const ControlAddress&) = delete;
  ControlAddress& operator=(const ControlAddress&) = delete;
  ~ControlAddress() {
    if (directory >= 0) ::close(directory);
  }
  bool usable() const { return address.sun_path[0] != '\0'; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

int openSocket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

}  // namespace

Result<NativeSocket> openControl(const std::string& path) {
  const ControlAddress address(path);
  if (!address.usable()) return systemError(ENAMETOOLONG);
  struct stat there {};
  const bool taken = ::lstat(path.c_str(), &there) == 0;
  if (taken && !S_ISSOCK(there.st_mode)) return Error{Errc::system, path + " is there, and it is no socket", EEXIST};
  if (taken) {
    const auto answers = connectControl(path);
    if (answers) closeSocket(*answers);
    if (answers || answers.error().code == Errc::wouldBlock)  // its queue is full
      return Error{Errc::addressInUse, "somebody serves " + path, EADDRINUSE};
    const int why = answers.error().systemCode;
    if (why != ECONNREFUSED && why != ENOENT) return answers.error();
    ::unlink(path.c_str());
  }
  const int listener = openSocket();
  if (listener < 0) return systemError(errno);
  // The mask, not a later chmod: nobody else may come in between.
  const mode_t before = ::umask(0177);
  const int bound = ::bind(listener, address.get(), sizeof address.address);
  const int failed = errno;
  ::umask(before);
  if (bound == 0 && ::listen(listener, 64) == 0) return NativeSocket{listener};
  const Error error = systemError(bound == 0 ? errno : failed);
  ::close(listener);
  return error;
}

Result<NativeSocket> acceptControl(NativeSocket listener) {
  for (;;) {
    const int peer = ::accept4(static_cast<int>(listener), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return systemError(errno);
    }
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && (who.uid == 0 || who.uid == ::geteuid()))
      return NativeSocket{peer};
    ::close(peer);
  }
}

Result<NativeSocket> connectControl(const std::string& path) {
  const ControlAddress address(path);
  if (!address.usable()) return systemError(ENAMETOOLONG);
  const int socket = openSocket();
  if (socket < 0) return systemError(errno);
  if (::connect(socket, address.get(), sizeof address.address) == 0) return NativeSocket{socket};
  const Error error = systemError(errno);
  ::close(socket);
  return error;
}

}  // namespace artel::platform
