#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"
#include "platform/posix/tcp_options.hpp"

namespace artel::platform {
namespace {

/// A descriptor that is closed unless taken.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { closeSocket(number_); }
  int get() const { return number_; }
  int take() { return std::exchange(number_, -1); }

 private:
  int number_;
};

int openSocket(int family, int type) { return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

Result<NativeSocket> bindTo(const addrinfo& address, bool stream, const ListenOptions& options) {
  Descriptor socket(openSocket(address.ai_family, address.ai_socktype));
  if (socket.get() < 0) return systemError(errno);
  // For udp it would let a second server share the port and steal from the first.
  if (stream && !set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return systemError(errno);
  if (options.reusePort && !set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return systemError(errno);
  // Said outright, since net.ipv6.bindv6only may have turned the default around.
  if (address.ai_family == AF_INET6 && !set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0)) {
    return systemError(errno);
  }
  if (stream) setTcpOptions(socket.get(), options);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) return systemError(errno);
  // Two sockets with SO_REUSEADDR may both be bound while none listens, so listen can answer EADDRINUSE as well.
  if (stream && ::listen(socket.get(), options.backlog) != 0) return systemError(errno);
  return NativeSocket{socket.take()};
}

}  // namespace

void renewListener(NativeSocket socket, const ListenOptions& options, bool ours) noexcept {
  const int number = static_cast<int>(socket);
  if (ours) {
    if (!options.noDelay) set(number, IPPROTO_TCP, TCP_NODELAY, 0);
    if (!options.keepAlive.on) set(number, SOL_SOCKET, SO_KEEPALIVE, 0);
#ifdef TCP_USER_TIMEOUT
    if (!hasUserTimeout(options)) set(number, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
#endif
    ::listen(number, options.backlog);
  }
  setTcpOptions(number, options);
}

namespace {

Result<NativeSocket> openInet(bool stream, const std::string& host, std::uint16_t port, const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed == EAI_SYSTEM) return systemError("\"" + host + "\" does not resolve", errno);
  if (failed != 0) {
    return Error{Errc::badAddress, "\"" + host + "\" does not resolve: " + lowerFirst(::gai_strerror(failed)), 0};
  }
  Result<NativeSocket> bound = Error{Errc::badAddress, "\"" + host + "\" has no address", 0};
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    bound = bindTo(*address, stream, options);
    // Only an address that this machine lacks lets the next one try (a name's IPv6 one without IPv6). Going on after
    // "in use" would bind a second `localhost` server to 127.0.0.1 while the first has ::1.
    if (bound || bound.error().code != Errc::addressNotAvailable) break;
  }
  ::freeaddrinfo(found);
  return bound;
}

/// What stands in the way at a path where bind said "in use".
Error whoHasPath(const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(address.sun_path, &info) == 0 && !S_ISSOCK(info.st_mode)) {
    // connect answers ECONNREFUSED here too; "stale" would invite deleting somebody's file.
    return Error{Errc::addressInUse, "a file that is no socket is there (" + systemText(EADDRINUSE) + ")", EADDRINUSE};
  }
  const Descriptor probe(openSocket(AF_UNIX, SOCK_STREAM));
  if (probe.get() >= 0 && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED) {
    return Error{Errc::staleSocketFile, "the socket file is there, but nobody serves it", EADDRINUSE};
  }
  return systemError(EADDRINUSE);
}

Result<NativeSocket> openUnix(const std::string& path, const ListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t room = sizeof address.sun_path - 1;
  if (path.empty()) return Error{Errc::badAddress, "the path of the Unix socket is empty", 0};
  if (path.size() > room) {
    return Error{Errc::badAddress,
                 "the path of a Unix socket may have " + std::to_string(room) + " bytes, this one has " +
                     std::to_string(path.size()),
                 ENAMETOOLONG};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(openSocket(AF_UNIX, SOCK_STREAM));
  if (socket.get() < 0) return systemError(errno);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno == EADDRINUSE ? whoHasPath(address) : systemError(errno);
  }
  if (::listen(socket.get(), options.backlog) != 0) return systemError(errno);
  return NativeSocket{socket.take()};
}

}  // namespace

Result<NativeSocket> openListener(SocketKind kind, const std::string& host, std::uint16_t port,
                                  const ListenOptions& options) {
  if (host.find('\0') != std::string::npos) return Error{Errc::badAddress, "an address holds no NUL byte", 0};
  if (kind == SocketKind::unixStream) return openUnix(host, options);
  return openInet(kind == SocketKind::tcp, host, port, options);
}

void closeSocket(NativeSocket socket) noexcept {
  // Never again after EINTR: Linux has closed it by then, and the number may be somebody else's.
  if (socket >= 0) ::close(static_cast<int>(socket));
}

std::uint16_t boundPort(NativeSocket socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(static_cast<int>(socket), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

Result<NativeSocket> acceptOne(NativeSocket listener, std::span<std::byte> peer) noexcept {
  for (;;) {
    auto size = static_cast<socklen_t>(peer.size());
    const int accepted = ::accept4(static_cast<int>(listener), reinterpret_cast<sockaddr*>(peer.data()), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) return NativeSocket{accepted};
    // A connection that died in the queue takes only its own turn; others may wait behind it.
    if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) return systemError(errno);
  }
}

void applyAccepted(NativeSocket, const ListenOptions&) noexcept {}  // inherited, see setTcpOptions

void localAddress(NativeSocket socket, std::span<std::byte> into) noexcept {
  auto size = static_cast<socklen_t>(into.size());
  ::getsockname(static_cast<int>(socket), reinterpret_cast<sockaddr*>(into.data()), &size);
}

void peerAddress(NativeSocket socket, std::span<std::byte> into) noexcept {
  auto size = static_cast<socklen_t>(into.size());
  ::getpeername(static_cast<int>(socket), reinterpret_cast<sockaddr*>(into.data()), &size);
}

std::ptrdiff_t sendNow(NativeSocket socket, const char* data, std::size_t size) noexcept {
  const ssize_t taken = ::send(static_cast<int>(socket), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken >= 0) return taken;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;  // the caller tries again what is left
}

std::ptrdiff_t receiveNow(NativeSocket socket, char* buffer, std::size_t size) noexcept {
  const ssize_t got = ::recv(static_cast<int>(socket), buffer, size, MSG_DONTWAIT);
  if (got > 0) return got;
  if (got == 0) return endOfStream;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;  // the loop tells again
}

std::ptrdiff_t receiveFrom(NativeSocket socket, char* buffer, std::size_t size, std::span<std::byte> peer) noexcept {
  auto length = static_cast<socklen_t>(peer.size());
  const ssize_t got = ::recvfrom(static_cast<int>(socket), buffer, size, MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(peer.data()), &length);
  return got >= 0 ? got : -errno;
}

bool sendTo(NativeSocket socket, const void* peer, std::string_view datagram) noexcept {
  const auto* address = static_cast<const sockaddr*>(peer);
  const socklen_t length = address == nullptr               ? 0
                           : address->sa_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                            : sizeof(sockaddr_in);
  return ::sendto(static_cast<int>(socket), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL, address,
                  length) >= 0;
}

void shutdownSend(NativeSocket socket) noexcept { ::shutdown(static_cast<int>(socket), SHUT_WR); }

std::size_t unacknowledged(NativeSocket socket) noexcept {
  int bytes = 0;
#if defined(SO_NWRITE)
  socklen_t size = sizeof bytes;
  if (::getsockopt(static_cast<int>(socket), SOL_SOCKET, SO_NWRITE, &bytes, &size) != 0) return 0;
#elif defined(TIOCOUTQ)
  if (::ioctl(static_cast<int>(socket), TIOCOUTQ, &bytes) != 0) return 0;
#endif
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace artel::platform
