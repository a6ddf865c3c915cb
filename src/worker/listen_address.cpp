#include "src/worker/listen_address.hpp"

#include <algorithm>
#include <charconv>

#include "artel/error.hpp"

namespace artel {

namespace {

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void refuse(std::string_view text, const std::string& why, const std::string& remedy) {
  throw SetupError(Exit::configuration, "cannot read the listen address \"" + std::string(text) + "\": " + why,
                   {{"try", remedy}});
}

}  // namespace

std::string ListenAddress::text() const {
  if (none()) return "none";
  if (kind == platform::SocketKind::unixStream) return scheme + "://" + host;
  const bool six = host.find(':') != std::string::npos;
  return scheme + "://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ListenAddress parseListenAddress(std::string_view text) {
  ListenAddress address;
  if (text.empty()) return address;
  const auto mark = text.find("://");
  if (mark == std::string_view::npos) {
    // "8080" or "0.0.0.0:8080" was meant.
    const bool port = text.find_first_not_of("0123456789") == std::string_view::npos;
    refuse(text, "there is no \"://\"",
           std::string("http://") + (port ? "0.0.0.0:" : "") + std::string(text) + " or another scheme");
  }
  const std::string_view scheme = text.substr(0, mark), rest = text.substr(mark + 3);
  if (scheme.empty() || !letter(scheme[0]) ||
      !std::all_of(scheme.begin(), scheme.end(), [](char c) { return letter(c) || digit(c); }))
    refuse(text, "\"" + std::string(scheme) + "\" is no scheme (a letter, then letters and digits)",
           "http://0.0.0.0:8080");
  for (char c : scheme) address.scheme += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (address.scheme == "udp") address.kind = platform::SocketKind::udp;
  if (address.scheme == "unix") {
    address.kind = platform::SocketKind::unixStream;
    if (rest.empty() || rest[0] != '/') refuse(text, "a Unix socket needs an absolute path", "unix:///run/chat.sock");
    address.host =
        rest.substr(rest.find_first_not_of('/') == std::string_view::npos ? 0 : rest.find_first_not_of('/') - 1);
    return address;
  }
  std::string_view host = rest, port;
  if (!rest.empty() && rest[0] == '[') {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) refuse(text, "a '[' without ']'", address.scheme + "://[::]:8080");
    host = rest.substr(1, end - 1);
    if (!host.empty() && (host.find(':') == std::string_view::npos || host.find('[') != std::string_view::npos))
      refuse(text, "\"" + std::string(host) + "\" in brackets is no IPv6 address", address.scheme + "://[::]:8080");
    if (end + 1 < rest.size() && rest[end + 1] == ':')
      port = rest.substr(end + 2);
    else if (end + 1 < rest.size())
      refuse(text, "after ']' a ':' and the port must follow", address.scheme + "://[::]:8080");
  } else {
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos) {
      host = rest.substr(0, colon);
      port = rest.substr(colon + 1);
    }
    if (host.find_first_of("[]") != std::string_view::npos)
      refuse(text, "a bracket that does not belong there", address.scheme + "://[::]:8080");
    if (host.find(':') != std::string_view::npos)
      refuse(text, "an IPv6 address needs brackets",
             address.scheme + "://[" + std::string(host) + "]:" + std::string(port));
  }
  if (host.empty())
    refuse(text, "the host is missing", address.scheme + "://0.0.0.0:" + (port.empty() ? "8080" : std::string(port)));
  if (port.empty()) refuse(text, "the port is missing", address.scheme + "://" + std::string(rest) + ":8080");
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc() || end != port.data() + port.size() || number > 65535)
    refuse(text, "\"" + std::string(port) + "\" is no port (0 to 65535; 0 takes a free one)",
           address.scheme + "://" + std::string(host) + ":8080");
  address.host = host;
  address.port = static_cast<std::uint16_t>(number);
  return address;
}

}  // namespace artel
