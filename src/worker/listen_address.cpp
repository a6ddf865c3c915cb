#include "src/worker/listen_address.hpp"

#include <algorithm>
#include <charconv>

#include "artel/error.hpp"

namespace artel {

namespace {

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

/// What the address is for, in the words of errors.
struct Use {
  const char* name;
  const char* scheme;  ///< of an example, with a host that fits
  const char* host;
  std::string example() const { return std::string(scheme) + "://" + host + ":8080"; }
};
constexpr Use listening{"listen", "http", "0.0.0.0"}, dialling{"remote", "tcp", "127.0.0.1"};

[[noreturn]] void refuse(const Use& use, std::string_view text, const std::string& why, const std::string& remedy) {
  throw SetupError(Exit::configuration,
                   "cannot read the " + std::string(use.name) + " address \"" + std::string(text) + "\": " + why,
                   {{"try", remedy}});
}

ListenAddress parse(std::string_view text, const Use& use) {
  ListenAddress address;
  if (text.empty()) return address;
  const auto mark = text.find("://");
  if (mark == std::string_view::npos) {
    // "8080" or "0.0.0.0:8080" was meant.
    const bool port = text.find_first_not_of("0123456789") == std::string_view::npos;
    refuse(use, text, "there is no \"://\"",
           std::string(use.scheme) + "://" + (port ? std::string(use.host) + ":" : "") + std::string(text) +
               " or another scheme");
  }
  const std::string_view scheme = text.substr(0, mark), rest = text.substr(mark + 3);
  if (scheme.empty() || !letter(scheme[0]) ||
      !std::all_of(scheme.begin(), scheme.end(), [](char c) { return letter(c) || digit(c); }))
    refuse(use, text, "\"" + std::string(scheme) + "\" is no scheme (a letter, then letters and digits)",
           use.example());
  for (char c : scheme) address.scheme += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (address.scheme == "udp") address.kind = platform::SocketKind::udp;
  if (address.scheme == "unix") {
    address.kind = platform::SocketKind::unixStream;
    if (rest.empty() || rest[0] != '/')
      refuse(use, text, "a Unix socket needs an absolute path", "unix:///run/chat.sock");
    address.host =
        rest.substr(rest.find_first_not_of('/') == std::string_view::npos ? 0 : rest.find_first_not_of('/') - 1);
    return address;
  }
  std::string_view host = rest, port;
  if (!rest.empty() && rest[0] == '[') {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) refuse(use, text, "a '[' without ']'", address.scheme + "://[::]:8080");
    host = rest.substr(1, end - 1);
    if (!host.empty() && (host.find(':') == std::string_view::npos || host.find('[') != std::string_view::npos))
      refuse(use, text, "\"" + std::string(host) + "\" in brackets is no IPv6 address",
             address.scheme + "://[::]:8080");
    if (end + 1 < rest.size() && rest[end + 1] == ':')
      port = rest.substr(end + 2);
    else if (end + 1 < rest.size())
      refuse(use, text, "after ']' a ':' and the port must follow", address.scheme + "://[::]:8080");
  } else {
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos) {
      host = rest.substr(0, colon);
      port = rest.substr(colon + 1);
    }
    if (host.find_first_of("[]") != std::string_view::npos)
      refuse(use, text, "a bracket that does not belong there", address.scheme + "://[::]:8080");
    if (host.find(':') != std::string_view::npos)
      refuse(use, text, "an IPv6 address needs brackets",
             address.scheme + "://[" + std::string(host) + "]:" + std::string(port));
  }
  if (host.empty())
    refuse(use, text, "the host is missing",
           address.scheme + "://" + use.host + ":" + (port.empty() ? "8080" : std::string(port)));
  if (port.empty()) refuse(use, text, "the port is missing", address.scheme + "://" + std::string(rest) + ":8080");
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc() || end != port.data() + port.size() || number > 65535)
    refuse(use, text, "\"" + std::string(port) + "\" is no port (0 to 65535; 0 takes a free one)",
           address.scheme + "://" + std::string(host) + ":8080");
  address.host = host;
  address.port = static_cast<std::uint16_t>(number);
  return address;
}

}  // namespace

std::string ListenAddress::plainScheme() const {
  if (!secure()) return scheme;
  return scheme == "https" ? "http" : scheme == "wss" ? "websocket" : "tcp";
}

std::string ListenAddress::transport() const {
  return secure()                                   ? "ssl"
         : kind == platform::SocketKind::udp        ? "udp"
         : kind == platform::SocketKind::unixStream ? "unix"
                                                    : "tcp";
}

std::string ListenAddress::text() const {
  if (none()) return "none";
  if (kind == platform::SocketKind::unixStream) return scheme + "://" + host;
  const bool six = host.find(':') != std::string::npos;
  return scheme + "://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ListenAddress parseListenAddress(std::string_view text) { return parse(text, listening); }

std::string RemoteAddress::place() const {
  if (kind == platform::SocketKind::unixStream) return host;
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

RemoteAddress parseRemoteAddress(std::string_view text) {
  if (text.empty()) refuse(dialling, text, "it is empty", "tcp://127.0.0.1:8080");
  RemoteAddress remote;
  const auto mark = text.find("://");
  const auto begin = mark == std::string_view::npos ? 0 : mark + 3;
  const bool unixSocket = text.starts_with("unix://");
  std::string_view place = text;
  if (mark != std::string_view::npos && !unixSocket) {
    const auto end = std::min(text.find_first_of("/?#", begin), text.size());
    place = text.substr(0, end);
    std::string_view uri = text.substr(end);
    uri = uri.substr(0, uri.find('#'));
    if (!uri.empty()) remote.uri = (uri[0] == '?' ? "/" : "") + std::string(uri);
    if (place.find('@', begin) != std::string_view::npos)
      refuse(dialling, text, "a user name does not belong there",
             std::string(text.substr(0, begin)) + std::string(place.substr(place.rfind('@') + 1)) +
                 std::string(text.substr(end)) + (text.starts_with("ws") ? ", and an Authorization in headers" : ""));
  }
  const auto bracket = place.rfind(']');
  remote.portGiven =
      unixSocket || place.find(':', bracket == std::string_view::npos ? begin : bracket) != std::string_view::npos;
  static_cast<ListenAddress&>(remote) =
      parse(remote.portGiven ? std::string(place) : std::string(place) + ":0", dialling);
  if (remote.portGiven && !unixSocket && remote.port == 0)
    refuse(dialling, text, "nobody listens on port 0", remote.scheme + "://" + remote.host + ":8080");
  return remote;
}

Result<platform::SocketAddress> addressToBind(const std::string& text) {
  try {
    const ListenAddress address = parseListenAddress("tcp://" + text);
    const auto found = platform::resolve(address.host, address.port, true);
    if (found) return found->front();
    return Error{Errc::badAddress, "bindTo \"" + text + "\": " + found.error().message, found.error().systemCode};
  } catch (const SetupError&) {
    return Error{Errc::badAddress, "bindTo \"" + text + "\" is no \"address:port\"", 0};
  }
}

}  // namespace artel
