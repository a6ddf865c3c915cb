#include "src/worker/service_numbers.hpp"

#include <utility>

namespace artel {

/// Not at once: the numbers of this turn are told when it is over, and this request is one of them.
void ServiceNumbers::want(Answer answer) {
  next_.push_back(std::move(answer));
  if (asked_.empty() && next_.size() == 1) hooks_.later([this] { begin(); });
}

void ServiceNumbers::begin() {
  if (next_.empty() || !asked_.empty()) return;
  asked_ = std::exchange(next_, {});
  text_.clear();
  began_ = Clock::now();
  ++question_;
  if (hooks_.here) {
    text_ = hooks_.here();
    return end(&text_);
  }
  if (!hooks_.ask || !hooks_.ask(std::to_string(question_))) end(nullptr);
}

void ServiceNumbers::heard(std::string_view piece) {
  const auto tab = piece.find('\t'), line = piece.find('\n');
  if (asked_.empty() || tab == std::string_view::npos || line != tab + 2 ||
      piece.substr(0, tab) != std::to_string(question_))
    return;  // an answer that nobody waits for any more
  text_ += piece.substr(line + 1);
  if (piece[tab + 1] == '0') end(&text_);
}

void ServiceNumbers::timePasses(Clock::time_point now) {
  if (!asked_.empty() && now - began_ >= patience) end(nullptr);
}

void ServiceNumbers::end(const std::string* text) {
  const std::string kept = text != nullptr ? std::exchange(text_, {}) : "";
  const auto answers = std::exchange(asked_, {});
  if (!next_.empty()) hooks_.later([this] { begin(); });
  for (const Answer& answer : answers) answer(text != nullptr ? &kept : nullptr);
}

std::vector<std::string> ServiceNumbers::piecesOf(std::string_view question, std::string_view text) {
  std::vector<std::string> pieces;
  do {
    const auto piece = text.substr(0, pieceSize);
    text.remove_prefix(piece.size());
    pieces.push_back(std::string(question) + (text.empty() ? "\t0\n" : "\t1\n") + std::string(piece));
  } while (!text.empty());
  return pieces;
}

}  // namespace artel
