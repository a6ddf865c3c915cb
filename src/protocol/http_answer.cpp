#include "src/protocol/http_answer.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "src/protocol/http_syntax.hpp"

namespace artel::http {

using namespace syntax;

namespace {

AnswerHead invalid(std::string_view why) { return {AnswerHead::State::invalid, std::nullopt, why}; }

constexpr std::string_view beginning = "HTTP/1.";

}  // namespace

std::string Answer::header(std::string_view name, std::string_view fallback) const {
  std::string joined;
  bool found = false;
  for (const auto& field : fields_) {
    if (!equalNames(view(field.name, field.nameSize), name)) continue;
    if (std::exchange(found, true)) joined.append(", ");
    joined.append(view(field.value, field.valueSize));
  }
  return found ? joined : std::string(fallback);
}

std::vector<std::pair<std::string_view, std::string_view>> Answer::header() const {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(fields_.size());
  for (const auto& field : fields_)
    all.emplace_back(view(field.name, field.nameSize), view(field.value, field.valueSize));
  return all;
}

std::string shown(std::string_view text) {
  std::string clean(text.substr(0, 200));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

AnswerHead readAnswer(std::string_view bytes) {
  const auto shared = std::min(bytes.size(), beginning.size());
  if (bytes.substr(0, shared) != beginning.substr(0, shared)) return invalid("that is no HTTP/1 answer");
  const auto blank = bytes.substr(0, AnswerHead::largest).find("\r\n\r\n");
  if (blank == std::string_view::npos) {
    if (bytes.size() >= AnswerHead::largest) return invalid("its header block is too large");
    return {};
  }
  const std::string_view head = bytes.substr(0, blank + 4);
  const auto at = [&](std::string_view part) { return static_cast<std::uint32_t>(part.data() - bytes.data()); };

  // status-line = HTTP-version SP status-code SP [ reason-phrase ]; the second space is often left out.
  std::string_view line = head.substr(0, head.find("\r\n"));
  const auto digits = line.substr(std::min<std::size_t>(line.size(), 9), 3);
  if (line.size() < 12 || !isDigit(line[7]) || line[8] != ' ' || !std::all_of(digits.begin(), digits.end(), isDigit) ||
      digits[0] == '0' || (line.size() > 12 && line[12] != ' '))
    return invalid("its status line is none");
  const int status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  const std::string_view reason = trim(line.substr(12));
  if (!isFieldValue(reason)) return invalid("its status line is none");
  const detail::Field reasonAt{0, 0, at(reason), static_cast<std::uint32_t>(reason.size())};

  std::vector<detail::Field> fields;
  std::string_view rest = head.substr(line.size() + 2);
  while (rest.size() > 2) {
    line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    const auto colon = line.find(':');
    // Also a line that goes on with the one before (obs-fold): it begins with a space.
    if (colon == std::string_view::npos || !isToken(line.substr(0, colon))) return invalid("a header line is none");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!isFieldValue(value)) return invalid("a header has a control character in it");
    if (fields.size() == AnswerHead::mostLines) return invalid("it has too many header lines");
    fields.push_back(
        {at(line), static_cast<std::uint32_t>(colon), at(value), static_cast<std::uint32_t>(value.size())});
  }
  return {AnswerHead::State::whole, Answer(std::string(head), status, reasonAt, std::move(fields)), {}};
}

}  // namespace artel::http
