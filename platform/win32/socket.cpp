#include <winsock2.h>
#include <ws2tcpip.h>
// winsock2.h comes before these
#include <mstcpip.h>
#include <windows.h>

#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

/// Winsock refuses everything before this. libuv starts it as well; the calls are counted.
void startWinsock() {
  static const int started = [] {
    WSADATA data;
    return ::WSAStartup(MAKEWORD(2, 2), &data);
  }();
  (void)started;
}

class Socket {
 public:
  explicit Socket(SOCKET socket) : socket_(socket) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { closeSocket(static_cast<NativeSocket>(socket_)); }
  SOCKET get() const { return socket_; }
  NativeSocket take() { return static_cast<NativeSocket>(std::exchange(socket_, INVALID_SOCKET)); }

 private:
  SOCKET socket_;
};

bool set(SOCKET socket, int level, int option, DWORD value) {
  return ::setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0;
}

Error bindError(std::uint16_t port) {
  const int number = ::WSAGetLastError();
  Error error = systemError(number);
  // Windows says "access" both for a reserved port and for one that a socket with SO_REUSEADDR holds.
  if (number == WSAEACCES && port != 0 && portHolder(port)) error.code = Errc::addressInUse;
  return error;
}

Result<NativeSocket> bindTo(const ADDRINFOW& address, std::uint16_t port, const ListenOptions& options) {
  // Overlapped, or libuv could not tie it to its completion port; not inherited, or a child keeps the port busy.
  Socket socket(::WSASocketW(address.ai_family, address.ai_socktype, 0, nullptr, 0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
  if (socket.get() == INVALID_SOCKET) return systemError(::WSAGetLastError());
  // Without it any program of this user may bind the same port with SO_REUSEADDR and take the connections.
  if (!set(socket.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)) return systemError(::WSAGetLastError());
  if (address.ai_family == AF_INET6 && !set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0)) {
    return systemError(::WSAGetLastError());
  }
  u_long nonBlocking = 1;
  if (::ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &nonBlocking) != 0) {
    return systemError(::WSAGetLastError());
  }
  if (::bind(socket.get(), address.ai_addr, static_cast<int>(address.ai_addrlen)) != 0) return bindError(port);
  return socket.take();
}

}  // namespace

Result<NativeSocket> openListener(SocketKind kind, const std::string& host, std::uint16_t port,
                                  const ListenOptions& options) {
  if (kind == SocketKind::unixStream || options.reusePort) return unsupported();
  if (host.find('\0') != std::string::npos) return Error{Errc::badAddress, "an address holds no NUL byte", 0};
  startWinsock();
  ADDRINFOW hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE;
  ADDRINFOW* found = nullptr;
  const std::wstring name = toWide(host);
  const int failed =
      ::GetAddrInfoW(name.empty() ? nullptr : name.c_str(), std::to_wstring(port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error{Errc::badAddress, "\"" + host + "\" does not resolve: " + systemText(failed), failed};
  }
  Result<NativeSocket> bound = Error{Errc::badAddress, "\"" + host + "\" has no address", 0};
  for (const ADDRINFOW* address = found; address != nullptr; address = address->ai_next) {
    bound = bindTo(*address, port, options);
    // Only an address that this machine lacks lets the next one try (a name's IPv6 one without IPv6). Going on after
    // "in use" would bind a second `localhost` server to 127.0.0.1 while the first has ::1.
    if (bound || bound.error().code != Errc::addressNotAvailable) break;
  }
  ::FreeAddrInfoW(found);
  return bound;
}

void renewListener(NativeSocket, const ListenOptions&, bool) noexcept {}

void closeSocket(NativeSocket socket) noexcept {
  if (socket != noSocket) ::closesocket(static_cast<SOCKET>(socket));
}

std::uint16_t boundPort(NativeSocket socket) noexcept {
  sockaddr_storage address{};
  int size = sizeof address;
  if (::getsockname(static_cast<SOCKET>(socket), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

// libuv accepts by AcceptEx on its completion port and writes by overlapped WSASend; neither mixes with plain calls.
Result<NativeSocket> acceptOne(NativeSocket, std::span<std::byte>) noexcept { return unsupported(); }

void localAddress(NativeSocket socket, std::span<std::byte> into) noexcept {
  auto size = static_cast<int>(into.size());
  ::getsockname(static_cast<SOCKET>(socket), reinterpret_cast<sockaddr*>(into.data()), &size);
}

void peerAddress(NativeSocket socket, std::span<std::byte> into) noexcept {
  auto size = static_cast<int>(into.size());
  ::getpeername(static_cast<SOCKET>(socket), reinterpret_cast<sockaddr*>(into.data()), &size);
}

void applyAccepted(NativeSocket socket, const ListenOptions& options) noexcept {
  const auto native = static_cast<SOCKET>(socket);
  if (options.noDelay) set(native, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!options.keepAlive.on) return;
  tcp_keepalive values{};
  values.onoff = 1;
  values.keepalivetime = static_cast<ULONG>(options.keepAlive.idleSeconds) * 1000;
  values.keepaliveinterval = static_cast<ULONG>(options.keepAlive.intervalSeconds) * 1000;
  DWORD returned = 0;
  ::WSAIoctl(native, SIO_KEEPALIVE_VALS, &values, sizeof values, nullptr, 0, &returned, nullptr, nullptr);
  constexpr int keepAliveCount = 16;  // TCP_KEEPCNT, missing in older headers; before Windows 10 1703 always 10 probes
  set(native, IPPROTO_TCP, keepAliveCount, static_cast<DWORD>(options.keepAlive.probes));
}

std::ptrdiff_t sendNow(NativeSocket, const char*, std::size_t) noexcept { return 0; }

std::ptrdiff_t receiveNow(NativeSocket, char*, std::size_t) noexcept { return 0; }

std::ptrdiff_t receiveFrom(NativeSocket, char*, std::size_t, std::span<std::byte>) noexcept { return -1; }

bool sendTo(NativeSocket, const void*, std::string_view) noexcept { return false; }

void shutdownSend(NativeSocket) noexcept {}

std::size_t unacknowledged(NativeSocket) noexcept { return 0; }

}  // namespace artel::platform
