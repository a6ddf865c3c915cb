// systemd's sockets: descriptors from 3 on, bound before this program began ($LISTEN_FDS, $LISTEN_PID).
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "platform/platform.hpp"
#include "platform/posix/tcp_options.hpp"

namespace artel::platform {
namespace {

constexpr int firstPassed = 3;

struct Passed {
  int number = -1;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  bool stream = false, ipv6Only = false;
};

int option(int socket, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, level, name, &value, &size) == 0 ? value : -1;
}

std::optional<Passed> look(int number) {
  Passed one;
  one.number = number;
  const int type = option(number, SOL_SOCKET, SO_TYPE);
  one.stream = type == SOCK_STREAM;
  if (type != SOCK_DGRAM && (!one.stream || option(number, SOL_SOCKET, SO_ACCEPTCONN) != 1)) return std::nullopt;
  if (::getsockname(number, reinterpret_cast<sockaddr*>(&one.address), &one.size) != 0) return std::nullopt;
  if (one.address.ss_family == AF_INET6) one.ipv6Only = option(number, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
  ::fcntl(number, F_SETFD, FD_CLOEXEC);
  ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
  return one;
}

std::vector<Passed> read() {
  std::vector<Passed> all;
  const char* count = std::getenv("LISTEN_FDS");
  const char* whose = std::getenv("LISTEN_PID");
  if (count != nullptr && whose != nullptr && std::atoll(whose) == currentPid()) {
    for (int i = 0; i < std::clamp(std::atoi(count), 0, 1024); ++i) {
      if (auto one = look(firstPassed + i)) all.push_back(*one);
    }
  }
  // They are for this process: who is started by it has other descriptors there.
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return all;
}

std::vector<Passed>& passed() {
  static std::vector<Passed> all = read();
  return all;
}

std::string pathOf(const Passed& one) {
  const auto& address = reinterpret_cast<const sockaddr_un&>(one.address);
  const std::size_t offset = offsetof(sockaddr_un, sun_path);
  if (one.size <= offset || address.sun_path[0] == '\0') return "";
  return {address.sun_path, ::strnlen(address.sun_path, one.size - offset)};
}

bool same(const Passed& one, const sockaddr* wanted) {
  if (wanted->sa_family == AF_INET && one.address.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(one.address);
    const auto* b = reinterpret_cast<const sockaddr_in*>(wanted);
    return a.sin_port == b->sin_port && a.sin_addr.s_addr == b->sin_addr.s_addr;
  }
  if (one.address.ss_family != AF_INET6) return false;
  const auto& a = reinterpret_cast<const sockaddr_in6&>(one.address);
  if (wanted->sa_family == AF_INET6) {
    const auto* b = reinterpret_cast<const sockaddr_in6*>(wanted);
    return a.sin6_port == b->sin6_port && std::memcmp(&a.sin6_addr, &b->sin6_addr, sizeof a.sin6_addr) == 0;
  }
  // ListenStream=8080 is [::]:8080 for both kinds of address: 0.0.0.0:8080 is among them.
  const auto* b = reinterpret_cast<const sockaddr_in*>(wanted);
  return a.sin6_port == b->sin_port && b->sin_addr.s_addr == INADDR_ANY && !one.ipv6Only &&
         IN6_IS_ADDR_UNSPECIFIED(&a.sin6_addr);
}

}  // namespace

NativeSocket inheritedListener(SocketKind kind, const std::string& host, std::uint16_t port,
                               const ListenOptions& options) {
  auto& all = passed();
  if (all.empty()) return noSocket;
  const auto take = [&](auto&& fits) -> NativeSocket {
    const auto at = std::find_if(all.begin(), all.end(), fits);
    if (at == all.end()) return noSocket;
    const int number = at->number;
    all.erase(at);
    return number;
  };
  if (kind == SocketKind::unixStream) {
    const auto path = std::filesystem::absolute(host).lexically_normal();
    return take([&](const Passed& one) { return one.stream && pathOf(one) == path; });
  }
  addrinfo hints{};
  hints.ai_socktype = kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return noSocket;
  const NativeSocket taken = take([&](const Passed& one) {
    if (one.stream != (kind == SocketKind::tcp)) return false;
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
      if (same(one, address->ai_addr)) return true;
    }
    return false;
  });
  ::freeaddrinfo(found);
  if (taken != noSocket && kind == SocketKind::tcp) setTcpOptions(static_cast<int>(taken), options);
  return taken;
}

std::vector<std::string> unclaimedListeners() {
  std::vector<std::string> names;
  for (const Passed& one : passed()) {
    if (one.address.ss_family == AF_UNIX) {
      names.push_back(pathOf(one));
      continue;
    }
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&one.address), one.size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV);
    const bool six = one.address.ss_family == AF_INET6;
    names.push_back((six ? "[" : "") + std::string(host) + (six ? "]:" : ":") + port);
  }
  return names;
}

}  // namespace artel::platform
