// The small grammar of RFC 9110 section 5.6 and RFC 3986 section 3.2, once more: slow, simple, and independent of the
// library, so that the two can be compared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace artel::fuzz::reference {

inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool hexDigit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
inline bool ows(char c) { return c == ' ' || c == '\t'; }
inline bool oneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
inline bool tchar(char c) { return digit(c) || letter(c) || oneOf(c, "!#$%&'*+-.^_`|~"); }
/// VCHAR, SP, HTAB and obs-text (RFC 9110 section 5.5).
inline bool fieldChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

inline bool token(std::string_view text) {
  for (const char c : text) {
    if (!tchar(c)) return false;
  }
  return !text.empty();
}

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && ows(text.back())) text.remove_suffix(1);
  return text;
}

/// Of a comma-separated list, trimmed; at least one.
inline std::vector<std::string_view> elements(std::string_view list) {
  std::vector<std::string_view> found;
  for (std::size_t start = 0, i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] != ',') continue;
    found.push_back(trimmed(list.substr(start, i - start)));
    start = i + 1;
  }
  return found;
}

inline bool lists(std::string_view list, std::string_view word) {
  for (const auto element : elements(list)) {
    if (lower(element) == word) return true;
  }
  return false;
}

/// *DIGIT up to 65535.
inline bool port(std::string_view text) {
  unsigned long long value = 0;
  for (const char c : text) {
    if (!digit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

/// dec-octet 4 times; no leading zeros, none over 255.
inline bool ipv4(std::string_view text) {
  int octets = 0;
  for (;;) {
    const auto dot = text.find('.');
    const auto octet = text.substr(0, dot);
    if (octet.empty() || octet.size() > 3 || (octet.size() > 1 && octet[0] == '0')) return false;
    int value = 0;
    for (const char c : octet) {
      if (!digit(c)) return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255) return false;
    ++octets;
    if (dot == std::string_view::npos) return octets == 4;
    text.remove_prefix(dot + 1);
  }
}

/// How many groups of 16 bits; -1 when it is none. Only the end of an address may be written as IPv4.
inline int ipv6Groups(std::string_view text, bool isEnd) {
  if (text.empty()) return 0;
  int groups = 0;
  for (;;) {
    const auto colon = text.find(':');
    const auto group = text.substr(0, colon);
    if (colon == std::string_view::npos && isEnd && ipv4(group)) return groups + 2;
    if (group.empty() || group.size() > 4) return -1;
    for (const char c : group) {
      if (!hexDigit(c)) return -1;
    }
    ++groups;
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

inline bool ipv6(std::string_view text) {
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) return ipv6Groups(text, true) == 8;
  const int left = ipv6Groups(text.substr(0, gap), false), right = ipv6Groups(text.substr(gap + 2), true);
  return left >= 0 && right >= 0 && left + right <= 7;
}

/// host [ ":" port ] with a host that is not empty; no userinfo, no IPvFuture.
inline bool authority(std::string_view text) {
  std::string_view rest;
  if (!text.empty() && text[0] == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !ipv6(text.substr(1, end - 1))) return false;
    rest = text.substr(end + 1);
  } else {
    const auto host = text.substr(0, text.find(':'));
    rest = text.substr(host.size());
    if (host.empty()) return false;
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (host[i] == '%') {
        if (host.size() - i < 3 || !hexDigit(host[i + 1]) || !hexDigit(host[i + 2])) return false;
        i += 2;
      } else if (!digit(host[i]) && !letter(host[i]) && !oneOf(host[i], "-._~!$&'()*+,;=")) {
        return false;
      }
    }
  }
  return rest.empty() || (rest[0] == ':' && port(rest.substr(1)));
}

}  // namespace artel::fuzz::reference
