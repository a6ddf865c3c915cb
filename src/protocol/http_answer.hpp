// The head of an HTTP answer, read (RFC 9112 sections 4 and 5). Pure. Bodies are not its business: who asks for a
// tunnel or an upgrade gets none.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "artel/http.hpp"

namespace artel::http {

struct AnswerHead {
  static constexpr std::size_t largest = 16 * 1024, mostLines = 100;
  enum class State : std::uint8_t { needMore, whole, invalid };
  State state = State::needMore;
  std::optional<Answer> answer;  ///< when whole; its rawHead() is what was read
  std::string_view why;          ///< when invalid: static text
};
/// At the front of `bytes`. How they are cut makes no difference.
AnswerHead readAnswer(std::string_view bytes);

/// A stranger's words for a log line: 200 bytes at most, and '?' for what is not printable ASCII.
std::string shown(std::string_view text);

}  // namespace artel::http
