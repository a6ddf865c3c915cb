// Who in this process wants the numbers of the whole service, and the way to get them: one question to the master at a
// time, however many ask. Who asks while a question is out waits for the next one, so that no answer is older than its
// request.
//
//   worker ── "7" ──► master
//      ◄── "7 <tab> 1 <newline> text" ── as many as it takes, the last with 0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace artel {

class ServiceNumbers {
 public:
  using Clock = std::chrono::steady_clock;
  /// The text; null when it did not come in time.
  using Answer = std::function<void(const std::string*)>;
  static constexpr std::chrono::milliseconds patience{2000};
  static constexpr std::size_t pieceSize = 32 * 1024;

  struct Hooks {
    std::function<void(std::function<void()>)> later;  ///< calls it when this turn of the loop is over
    std::function<bool(const std::string&)> ask;       ///< sends a question; false when it cannot be sent
    std::function<std::string()> here;                 ///< instead of asking, where there is no master
  };
  explicit ServiceNumbers(Hooks hooks) : hooks_(std::move(hooks)) {}

  void want(Answer answer);
  void heard(std::string_view piece);
  /// Now and then: a question that was not answered is given up.
  void timePasses(Clock::time_point now);

  /// For the master: the answer to `question`, in pieces.
  static std::vector<std::string> piecesOf(std::string_view question, std::string_view text);

 private:
  void begin();
  void end(const std::string* text);

  Hooks hooks_;
  std::vector<Answer> asked_, next_;
  std::uint64_t question_ = 0;
  std::string text_;
  Clock::time_point began_{};
};

}  // namespace artel
