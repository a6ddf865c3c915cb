// "<scheme>://<address>" taken apart (manual 1.8.1, 1.10.1). Pure text: nothing is resolved or opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/platform.hpp"

namespace artel {

struct ListenAddress {
  std::string scheme;  ///< lower case
  std::string host;    ///< a name, an IPv4 or a bare IPv6 address; the path for unix
  std::uint16_t port = 0;
  platform::SocketKind kind = platform::SocketKind::tcp;
  bool none() const noexcept { return scheme.empty(); }
  /// https, wss, ssl and tls: the rest of the scheme over TLS.
  bool secure() const noexcept { return scheme == "https" || scheme == "wss" || scheme == "ssl" || scheme == "tls"; }
  /// What is spoken inside: "http" of https, "websocket" of wss, "tcp" of ssl and tls, else the scheme itself.
  std::string plainScheme() const;
  /// No protocol of its own: what the Worker says counts.
  bool bare() const { return scheme == "udp" || scheme == "unix" || plainScheme() == "tcp"; }
  /// Worker::transport that the address asks for.
  std::string transport() const;
  /// With brackets around IPv6.
  std::string text() const;
};

/// Throws SetupError (E06) with what is wrong and what to type. The empty text is the address of a worker without
/// listener.
ListenAddress parseListenAddress(std::string_view text);

/// Where a client connects to.
struct RemoteAddress : ListenAddress {
  std::string uri = "/";  ///< path and query
  bool portGiven = false;
  /// Without scheme and uri: "host:80", "[::1]:80", "/run/chat.sock".
  std::string place() const;
};
/// The same for "<scheme>://host:port/path?query". Without a port it is 0.
RemoteAddress parseRemoteAddress(std::string_view text);
/// "203.0.113.7:0", a client's own address.
Result<platform::SocketAddress> addressToBind(const std::string& text);

}  // namespace artel
