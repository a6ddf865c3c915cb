#include "src/run/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace artel::run {

namespace {

constexpr int deepest = 32;

void addUtf8(std::string& to, std::uint32_t point) {
  if (point < 0x80) {
    to += static_cast<char>(point);
  } else if (point < 0x800) {
    to += static_cast<char>(0xC0 | (point >> 6));
    to += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    to += static_cast<char>(0xE0 | (point >> 12));
    to += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    to += static_cast<char>(0xF0 | (point >> 18));
    to += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
    to += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (point & 0x3F));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  bool value(Json& into, int depth) {
    skipBlanks();
    if (left_.empty() || depth > deepest) return false;
    switch (left_.front()) {
      case '{':
        into.kind = Json::Kind::object;
        return list('}', [&] {
          auto& [name, member] = into.members.emplace_back();
          skipBlanks();
          return string(name) && take(':') && value(member, depth + 1);
        });
      case '[':
        into.kind = Json::Kind::array;
        return list(']', [&] { return value(into.items.emplace_back(), depth + 1); });
      case '"':
        into.kind = Json::Kind::text;
        return string(into.text);
      case 't':
      case 'f':
        into.kind = Json::Kind::boolean;
        into.truth = left_.front() == 't';
        return word(into.truth ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return number(into);
    }
  }
  bool atEnd() {
    skipBlanks();
    return left_.empty();
  }

 private:
  void skipBlanks() { left_.remove_prefix(std::min(left_.find_first_not_of(" \t\r\n"), left_.size())); }
  bool take(char wanted) {
    skipBlanks();
    if (left_.empty() || left_.front() != wanted) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view wanted) {
    if (left_.substr(0, wanted.size()) != wanted) return false;
    left_.remove_prefix(wanted.size());
    return true;
  }
  template <class Item>
  bool list(char end, const Item& item) {
    left_.remove_prefix(1);
    if (take(end)) return true;
    do {
      if (!item()) return false;
    } while (take(','));
    return take(end);
  }
  bool number(Json& into) {
    into.kind = Json::Kind::number;
    const std::size_t sign = left_.starts_with('-') ? 1 : 0;  // what follows is a digit: from_chars knows "inf", too
    if (left_.size() <= sign || left_[sign] < '0' || left_[sign] > '9') return false;
    const auto [end, failed] = std::from_chars(left_.data(), left_.data() + left_.size(), into.number);
    if (failed != std::errc()) return false;
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return true;
  }
  bool hex(std::uint32_t& unit) {
    unit = 0;
    if (left_.size() < 4) return false;
    const auto [end, failed] = std::from_chars(left_.data(), left_.data() + 4, unit, 16);
    if (failed != std::errc() || end != left_.data() + 4) return false;
    left_.remove_prefix(4);
    return true;
  }
  bool escape(std::string& into) {
    if (left_.empty()) return false;
    const char c = left_.front();
    left_.remove_prefix(1);
    constexpr std::string_view names = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (const auto at = names.find(c); at != std::string_view::npos) {
      into += meant[at];
      return true;
    }
    std::uint32_t point = 0, second = 0;
    if (c != 'u' || !hex(point)) return false;
    if (point >= 0xDC00 && point < 0xE000) return false;  // the second half of a pair, without the first
    if (point >= 0xD800 && point < 0xDC00) {
      if (!word("\\u") || !hex(second) || second < 0xDC00 || second > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (second - 0xDC00);
    }
    addUtf8(into, point);
    return true;
  }
  bool string(std::string& into) {
    if (!word("\"")) return false;
    while (!left_.empty()) {
      const char c = left_.front();
      left_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\')
        into += c;
      else if (!escape(into))
        return false;
    }
    return false;
  }

  std::string_view left_;
};

}  // namespace

const Json& Json::operator[](std::string_view name) const noexcept {
  static const Json none;
  for (const auto& [key, value] : members) {
    if (key == name) return value;
  }
  return none;
}

std::optional<Json> parseJson(std::string_view text) {
  Json json;
  Reader reader(text);
  if (!reader.value(json, 0) || !reader.atEnd()) return std::nullopt;
  return json;
}

}  // namespace artel::run
