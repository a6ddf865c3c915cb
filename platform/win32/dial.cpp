#include <winsock2.h>
#include <ws2tcpip.h>
// winsock2.h comes before windows.h
#include <windows.h>

#include <cstring>
#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

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

Error failedWith(SOCKET socket, int number) {
  ::closesocket(socket);
  return systemError(number);
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, bool numberOnly) {
  if (host.empty() || host.find('\0') != std::string::npos) return Error{Errc::badAddress, "that is no host", 0};
  ADDRINFOW hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = numberOnly ? AI_NUMERICHOST : 0;
  ADDRINFOW* found = nullptr;
  const int failed = ::GetAddrInfoW(toWide(host).c_str(), std::to_wstring(port).c_str(), &hints, &found);
  if (failed != 0) return Error{Errc::badAddress, "\"" + host + "\" does not resolve: " + systemText(failed), failed};
  std::vector<SocketAddress> all;
  for (const ADDRINFOW* one = found; one != nullptr; one = one->ai_next)
    all.push_back(addressOf(one->ai_addr, one->ai_addrlen));
  ::FreeAddrInfoW(found);
  return all;
}

Result<SocketAddress> unixAddress(const std::string&) { return unsupported(); }

void blockSignals() noexcept {}

Result<NativeSocket> beginConnect(const SocketAddress& to, const ConnectOptions& options) {
  const bool stream = options.kind != SocketKind::udp;
  // Overlapped, or libuv could not tie it to its completion port.
  const SOCKET socket = ::WSASocketW(native(to)->sa_family, stream ? SOCK_STREAM : SOCK_DGRAM, 0, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (socket == INVALID_SOCKET) return systemError(::WSAGetLastError());
  u_long nonBlocking = 1;
  if (::ioctlsocket(socket, static_cast<long>(FIONBIO), &nonBlocking) != 0)
    return failedWith(socket, ::WSAGetLastError());
  if (stream) {
    ListenOptions accepted;
    accepted.noDelay = options.noDelay;
    accepted.keepAlive = options.keepAlive;
    applyAccepted(static_cast<NativeSocket>(socket), accepted);
  }
  if (options.from && ::bind(socket, native(*options.from), static_cast<int>(options.from->size)) != 0)
    return failedWith(socket, ::WSAGetLastError());
  if (::connect(socket, native(to), static_cast<int>(to.size)) != 0 && ::WSAGetLastError() != WSAEWOULDBLOCK)
    return failedWith(socket, ::WSAGetLastError());
  return static_cast<NativeSocket>(socket);
}

Result<void> connectResult(NativeSocket socket) {
  DWORD number = 0;
  int size = sizeof number;
  if (::getsockopt(static_cast<SOCKET>(socket), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&number), &size) != 0)
    number = static_cast<DWORD>(::WSAGetLastError());
  if (number != 0) return systemError(static_cast<int>(number));
  return {};
}

}  // namespace artel::platform
