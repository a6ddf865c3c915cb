#include "src/protocol/proxy_header.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace artel::protocols {

namespace {

constexpr std::string_view begins1 = "PROXY ", begins2("\r\n\r\n\0\r\nQUIT\n", 12);

ProxyHeader invalid(std::string_view why) {
  ProxyHeader found;
  found.state = ProxyHeader::State::invalid;
  found.why = why;
  return found;
}

ProxyHeader whole(std::size_t size, std::string address = {}, std::uint16_t port = 0) {
  ProxyHeader found;
  found.state = ProxyHeader::State::whole;
  found.size = size;
  found.address = std::move(address);
  found.port = port;
  return found;
}

bool startsLike(std::string_view bytes, std::string_view beginning) {
  const auto shared = std::min(bytes.size(), beginning.size());
  return bytes.substr(0, shared) == beginning.substr(0, shared);
}

/// Decimal without leading zeros, up to `most`.
std::optional<unsigned> number(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= most ? std::optional(value) : std::nullopt;
}

std::string_view takeUntil(std::string_view& rest, char end) {
  const auto at = std::min(rest.find(end), rest.size());
  const auto taken = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return taken;
}

std::optional<std::string> ipv4(std::string_view text) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const bool last = i == 3;
    const auto part = last ? text : takeUntil(text, '.');
    const auto value = number(part, 255);
    if (!value) return std::nullopt;
    bytes += static_cast<char>(*value);
  }
  return bytes;
}

/// Eight groups, or fewer with one "::"; the last two may be an IPv4 address (RFC 4291 section 2.2).
std::optional<std::string> ipv6(std::string_view text) {
  std::string front, back;
  bool gap = false;
  if (text.substr(0, 2) == "::") {
    gap = true;
    text.remove_prefix(2);
  } else if (text.substr(0, 1) == ":") {
    return std::nullopt;
  }
  while (!text.empty()) {
    std::string& side = gap ? back : front;
    if (text.find(':') == std::string_view::npos && text.find('.') != std::string_view::npos) {
      const auto four = ipv4(text);
      if (!four) return std::nullopt;
      side += *four;
      break;
    }
    const auto colon = text.find(':');
    const auto group = text.substr(0, colon);
    if (group.empty() || group.size() > 4) return std::nullopt;
    unsigned value = 0;
    for (const char c : group) {
      const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
      const bool digit = low >= '0' && low <= '9';
      if (!digit && (low < 'a' || low > 'f')) return std::nullopt;
      value = value * 16 + static_cast<unsigned>(digit ? low - '0' : low - 'a' + 10);
    }
    side += static_cast<char>(value >> 8);
    side += static_cast<char>(value & 0xff);
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;  // it ends with one colon
    if (text[0] != ':') continue;
    if (gap) return std::nullopt;
    gap = true;
    text.remove_prefix(1);
  }
  if (front.size() + back.size() > 16 || (gap ? front.size() + back.size() > 14 : front.size() != 16))
    return std::nullopt;
  return front + std::string(16 - front.size() - back.size(), '\0') + back;
}

ProxyHeader readText(std::string_view bytes) {
  const auto end = bytes.substr(0, ProxyHeader::largestText).find("\r\n");
  if (end == std::string_view::npos)
    return bytes.size() >= ProxyHeader::largestText ? invalid("a PROXY line without its end") : ProxyHeader{};
  std::string_view line = bytes.substr(begins1.size(), end - begins1.size());
  const auto family = takeUntil(line, ' ');
  if (family == "UNKNOWN") return whole(end + 2);
  if (family != "TCP4" && family != "TCP6") return invalid("a PROXY line of another family");
  const auto parse = family == "TCP4" ? ipv4 : ipv6;
  const auto from = parse(takeUntil(line, ' ')), to = parse(takeUntil(line, ' '));
  const auto fromPort = number(takeUntil(line, ' '), 65535), toPort = number(line, 65535);
  if (!from || !to || !fromPort || !toPort) return invalid("a PROXY line with an address or a port that is none");
  return whole(end + 2, *from, static_cast<std::uint16_t>(*fromPort));
}

ProxyHeader readBinary(std::string_view bytes) {
  constexpr std::size_t head = 16;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.size() > 12 && (byte(12) >> 4) != 2) return invalid("a PROXY header of another version");
  if (bytes.size() > 12 && (byte(12) & 15) > 1) return invalid("a PROXY header with an unknown command");
  if (bytes.size() < head) return {};
  const std::size_t length = static_cast<std::size_t>(byte(14)) << 8 | byte(15);
  if (head + length > ProxyHeader::largest) return invalid("a PROXY header that is too large");
  const unsigned family = byte(13) >> 4, transport = byte(13) & 15;
  const bool local = (byte(12) & 15) == 0, stream = transport == 1;
  if (!local && (family > 3 || transport > 2)) return invalid("a PROXY header with an unknown family or transport");
  const std::size_t size = !local && stream && family == 1 ? 4 : !local && stream && family == 2 ? 16 : 0;
  if (length < 2 * size + (size > 0 ? 4 : 0)) return invalid("a PROXY header whose addresses do not fit into it");
  if (bytes.size() < head + length) return {};
  if (size == 0) return whole(head + length);
  const std::size_t port = head + 2 * size;
  return whole(head + length, std::string(bytes.substr(head, size)),
               static_cast<std::uint16_t>(byte(port) << 8 | byte(port + 1)));
}

}  // namespace

ProxyHeader readProxyHeader(std::string_view bytes) {
  if (startsLike(bytes, begins1)) return bytes.size() < begins1.size() ? ProxyHeader{} : readText(bytes);
  if (startsLike(bytes, begins2)) return bytes.size() < begins2.size() ? ProxyHeader{} : readBinary(bytes);
  return invalid("it does not begin with a PROXY header");
}

}  // namespace artel::protocols
