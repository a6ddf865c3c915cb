// JSON as it is written, one object on one line. Pure.
//
//   JsonWriter json;
//   json.object().key("pid").number(7).key("name").text("chat").end();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace artel {

class JsonWriter {
 public:
  JsonWriter& object() { return open('{'); }
  JsonWriter& array() { return open('['); }
  JsonWriter& end();
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::uint64_t value) { return raw(std::to_string(value)); }
  JsonWriter& number(std::int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& number(int value) { return raw(std::to_string(value)); }
  /// With up to three decimals; what is no number becomes null.
  JsonWriter& real(double value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& textOrNull(std::string_view value) { return value.empty() ? null() : text(value); }
  const std::string& out() const noexcept { return out_; }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& raw(std::string_view value);
  void comma();

  std::string out_, open_;
  bool first_ = true;
};

/// Quoted; what is not UTF-8 is replaced.
std::string jsonQuoted(std::string_view text);

}  // namespace artel
