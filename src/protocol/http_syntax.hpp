// The small grammar that all HTTP files share (RFC 9110 section 5.6). Header-only, no allocation.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "artel/http.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::http::syntax {

enum Class : std::uint8_t { token = 1, fieldValue = 2, regName = 4, base64 = 8, unreserved = 16, targetByte = 32 };

constexpr bool isAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isOws(char c) { return c == ' ' || c == '\t'; }
constexpr char toLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// -1: not a hexadecimal digit.
constexpr int hexValue(char c) {
  if (isDigit(c)) return c - '0';
  const char low = toLower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

namespace tables {
constexpr bool among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

constexpr std::array<std::uint8_t, 256> makeClasses() {
  std::array<std::uint8_t, 256> table{};
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool letterOrDigit = isAlpha(c) || isDigit(c);
    std::uint8_t bits = 0;
    if (letterOrDigit || (i != 0 && among(c, "!#$%&'*+-.^_`|~"))) bits |= token;
    if (i == '\t' || (i >= 0x20 && i != 0x7f)) bits |= fieldValue;  // VCHAR, SP, HTAB, obs-text
    if (letterOrDigit || (i != 0 && among(c, "-._~!$&'()*+,;=")))
      bits |= regName;  // RFC 3986 section 3.2.2, without "%"
    if (letterOrDigit || (i != 0 && among(c, "+/"))) bits |= base64;
    if (letterOrDigit || (i != 0 && among(c, "-._~"))) bits |= unreserved;  // RFC 3986 section 2.3
    if (i > 0x20 && i < 0x7f && c != '#') bits |= targetByte;               // RFC 9112 section 3.2: no fragment
    table[static_cast<std::size_t>(i)] = bits;
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> classes = makeClasses();
}  // namespace tables

constexpr bool is(Class wanted, char c) { return (tables::classes[static_cast<unsigned char>(c)] & wanted) != 0; }

constexpr bool all(Class wanted, std::string_view text) {
  unsigned common = wanted;  // four at a time, one branch for them
  std::size_t i = 0;
  const auto classOf = [&](std::size_t at) { return tables::classes[static_cast<unsigned char>(text[at])]; };
  for (; i + 4 <= text.size(); i += 4) common &= classOf(i) & classOf(i + 1) & classOf(i + 2) & classOf(i + 3);
  for (; i < text.size(); ++i) common &= classOf(i);
  return common != 0;
}

/// How many bytes at the front are of that class, in steps of four.
constexpr std::size_t allAtFront(Class wanted, std::string_view text) {
  const auto classOf = [&](std::size_t at) { return tables::classes[static_cast<unsigned char>(text[at])]; };
  std::size_t i = 0;
  while (i + 4 <= text.size() && (wanted & classOf(i) & classOf(i + 1) & classOf(i + 2) & classOf(i + 3)) != 0) i += 4;
  return i;
}

/// Marks, by its highest bit, each of eight bytes that may be none of a field-value: a control (a tab is legal,
/// though), or DEL. Right up to the lowest mark; above it there may be too many.
constexpr std::uint64_t suspicious(std::uint64_t eight) {
  constexpr std::uint64_t ones = 0x0101010101010101u, highs = 0x80 * ones;
  const std::uint64_t del = eight ^ (0x7f * ones);
  return (((eight - 0x20 * ones) & ~eight) | ((del - ones) & ~del)) & highs;
}
constexpr bool isSuspicious(std::uint64_t eight) { return suspicious(eight) != 0; }

/// The first byte from `at` on that no field-value may contain, or `end`. Eight bytes at a time: values are most of
/// what a client sends.
inline const char* skipFieldValue(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      const std::uint64_t marks = suspicious(wordAt<std::uint64_t>(at));
      if (marks == 0) {
        at += 8;
        continue;
      }
      at += std::countr_zero(marks) / 8;
      if (*at != '\t') return at;
      ++at;
    }
  }
  while (at != end && is(fieldValue, *at)) ++at;
  return at;
}

/// Whether a name spells `lower`, letters in any case. `lower` must consist of small letters and '-'.
template <std::size_t Size>
inline bool spells(std::string_view name, const char (&lower)[Size]) {
  constexpr std::size_t size = Size - 1;
  if (name.size() != size) return false;
  // Bit 5 set makes a capital small, and nothing else a letter. Only letters have bit 6. Words may overlap.
  const auto same = [&]<class Word>(std::size_t at, Word ours) {
    Word theirs = 0;
    std::memcpy(&theirs, name.data() + at, sizeof theirs);
    std::memcpy(&ours, lower + at, sizeof ours);
    constexpr Word bit6 = static_cast<Word>(0x4040404040404040u);
    return (theirs | ((ours & bit6) >> 1)) == ours;
  };
  if constexpr (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (!same(i, std::uint64_t{})) return false;
    }
    return same(size - 8, std::uint64_t{});
  } else {
    static_assert(size >= 4);
    return same(0, std::uint32_t{}) && same(size - 4, std::uint32_t{});
  }
}

constexpr bool isToken(std::string_view text) { return !text.empty() && all(token, text); }

constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && isOws(text.front())) text.remove_prefix(1);
  while (!text.empty() && isOws(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls visit(element) for each trimmed element of a comma-separated list, empty ones too.
template <class Visit>
void eachElement(std::string_view list, Visit visit) {
  for (;;) {
    const auto comma = list.find(',');
    visit(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

inline bool isFieldValue(std::string_view text) {
  const char* const end = text.data() + text.size();
  bool clean = false;  // words may overlap
  if (text.size() >= 8) {
    clean = !isSuspicious(wordAt<std::uint64_t>(end - 8));
    for (const char* at = text.data(); clean && end - at > 8; at += 8) clean = !isSuspicious(wordAt<std::uint64_t>(at));
  } else if (text.size() >= 4) {
    clean = !isSuspicious(std::uint64_t{wordAt<std::uint32_t>(end - 4)} << 32 | wordAt<std::uint32_t>(text.data()));
  }
  return clean || all(fieldValue, text);
}

inline bool listHas(std::string_view list, std::string_view word) {
  bool found = false;
  eachElement(list, [&](std::string_view element) { found = found || equalNames(element, word); });
  return found;
}

/// host, host:port, [v6], [v6]:port (RFC 9110 section 7.2); not empty, no userinfo.
bool isAuthority(std::string_view text);

}  // namespace artel::http::syntax
