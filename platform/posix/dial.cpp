#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"
#include "platform/posix/tcp_options.hpp"

namespace artel::platform {
namespace {

SocketAddress addressOf(const sockaddr* address, std::size_t size) {
  SocketAddress made;
  made.size = size;
  made.ipv6 = address->sa_family == AF_INET6;
  std::memcpy(made.bytes.data(), address, size);
  return made;
}

const sockaddr* native(const SocketAddress& address) { return reinterpret_cast<const sockaddr*>(address.bytes.data()); }

Error failedWith(int socket, int number) {
  ::close(socket);
  return systemError(number);
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, bool numberOnly) {
  if (host.empty() || host.find('\0') != std::string::npos) return Error{Errc::badAddress, "that is no host", 0};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numberOnly ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed == EAI_SYSTEM) return systemError("\"" + host + "\" does not resolve", errno);
  if (failed != 0)
    return Error{Errc::badAddress, "\"" + host + "\" does not resolve: " + lowerFirst(::gai_strerror(failed)), 0};
  std::vector<SocketAddress> all;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    all.push_back(addressOf(one->ai_addr, one->ai_addrlen));
  ::freeaddrinfo(found);
  return all;
}

Result<SocketAddress> unixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t room = sizeof address.sun_path - 1;
  if (path.empty() || path.size() > room || path.find('\0') != std::string::npos)
    return Error{Errc::badAddress,
                 "the path of a Unix socket may have " + std::to_string(room) + " bytes, this one has " +
                     std::to_string(path.size()),
                 ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  return addressOf(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

void blockSignals() noexcept {
  sigset_t all;
  sigfillset(&all);
  // Not those of our own faults: a crash there is to be seen, too.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

Result<NativeSocket> beginConnect(const SocketAddress& to, const ConnectOptions& options) {
  const bool stream = options.kind != SocketKind::udp;
  const int socket =
      ::socket(native(to)->sa_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return systemError(errno);
  if (options.kind == SocketKind::tcp)
    setTcpOptions(socket,
                  {.noDelay = options.noDelay, .keepAlive = options.keepAlive, .sendTimeout = options.sendTimeout});
  if (options.from) {
    // A fixed port may still be in TIME_WAIT from the connection before.
    if (stream) set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(socket, native(*options.from), static_cast<socklen_t>(options.from->size)) != 0)
      return failedWith(socket, errno);
  }
  int done = -1;
  do {
    done = ::connect(socket, native(to), static_cast<socklen_t>(to.size));
  } while (done != 0 && errno == EINTR);
  if (done != 0 && errno != EINPROGRESS) return failedWith(socket, errno);
  return NativeSocket{socket};
}

Result<void> connectResult(NativeSocket socket) {
  int number = 0;
  socklen_t size = sizeof number;
  if (::getsockopt(static_cast<int>(socket), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
  if (number != 0) return systemError(number);
  return {};
}

}  // namespace artel::platform
