// Percent-encoding (RFC 3986 section 2.1) and paths of files that may be served.
#include <algorithm>
#include <string>

#include "artel/http.hpp"
#include "src/protocol/http_syntax.hpp"
#include "src/protocol/utf8.hpp"

namespace artel::http {

using namespace syntax;

std::string percentDecode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hexValue(text[i + 1]), low = hexValue(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += plus && text[i] == '+' ? ' ' : text[i];
  }
  return out;
}

std::string percentEncode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is(unreserved, c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

namespace {

// Names that Windows opens as devices in every folder, with any extension.
bool isDevice(std::string_view segment) {
  std::string_view stem = segment.substr(0, segment.find('.'));
  while (!stem.empty() && stem.back() == ' ') stem.remove_suffix(1);
  if (equalNames(stem, "con") || equalNames(stem, "prn") || equalNames(stem, "aux") || equalNames(stem, "nul") ||
      equalNames(stem, "conin$") || equalNames(stem, "conout$")) {
    return true;
  }
  if (stem.size() < 4 || !(equalNames(stem.substr(0, 3), "com") || equalNames(stem.substr(0, 3), "lpt"))) return false;
  const std::string_view number = stem.substr(3);  // 0-9, and the superscripts 1-3
  return (number.size() == 1 && isDigit(number.front())) || number == "\xc2\xb9" || number == "\xc2\xb2" ||
         number == "\xc2\xb3";
}

// The same answer on every system, so that a service that is safe on Linux is safe on Windows: there a colon names a
// drive or a stream, and dots and spaces at the end of a name are dropped (so that ".. " is "..").
bool isSafeSegment(std::string_view segment) {
  for (const char c : segment) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':') return false;
  }
  return segment.back() != '.' && segment.back() != ' ' && !isDevice(segment);
}

}  // namespace

std::optional<std::filesystem::path> safePath(const std::filesystem::path& root, std::string_view urlPath) {
  const std::string decoded = percentDecode(urlPath);
  if (!utf8::valid(decoded)) return std::nullopt;  // Windows cannot name it
  std::string_view rest = decoded;
  if (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  if (!rest.empty() && rest.front() == '/') return std::nullopt;  // "//server/share", "//etc/passwd"
  std::filesystem::path path = root;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto segment = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (segment.empty() || segment == ".") continue;
    if (!isSafeSegment(segment)) return std::nullopt;
    path /= std::u8string(segment.begin(), segment.end());
  }
  return path;
}

}  // namespace artel::http
