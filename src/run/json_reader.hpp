// JSON as it is read. Pure. What a program prints about itself is small and needs no more than this.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace artel::run {

struct Json {
  enum class Kind { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  bool truth = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;  ///< of an array
  struct Member;
  std::vector<Member> members;  ///< of an object

  /// The member of that name, or a null.
  const Json& operator[](std::string_view name) const noexcept;
};
struct Json::Member {
  std::string name;
  Json value;
};

/// Nothing when it is not one whole value, or nested deeper than anything sensible.
std::optional<Json> parseJson(std::string_view text);

}  // namespace artel::run
