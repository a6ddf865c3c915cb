#include "src/master/stuck_watch.hpp"

#include <algorithm>

namespace artel {

using namespace std::chrono_literals;

StuckWatch::Milliseconds StuckWatch::interval(Milliseconds timeout) noexcept {
  return std::clamp<Milliseconds>(timeout / 8, 20ms, 1s);
}

void StuckWatch::reset() noexcept {
  phase_ = Phase::quiet;
  same_ = stopped_ = 0ms;
}

StuckWatch::Advice StuckWatch::look(const std::optional<WorkerNumbers>& numbers, char state, Clock::time_point now,
                                    Milliseconds timeout) {
  // When the whole service was stopped for a while, nobody could move: that time does not count.
  const auto passed = looked_ == Clock::time_point{}
                          ? 0ms
                          : std::min(std::chrono::duration_cast<Milliseconds>(now - looked_), 2 * interval(timeout));
  looked_ = now;
  if (state == 'T') {
    stopped_ += passed;
    return stopped_ >= timeout ? Advice::kill : Advice::nothing;
  }
  stopped_ = 0ms;
  const bool same = numbers && numbers->turnBegan != 0 && numbers->turnBegan == turn_ && numbers->running == running_ &&
                    numbers->subject == subject_;
  if (!same || state == 't') {
    reset();
    turn_ = numbers ? numbers->turnBegan : 0;
    running_ = numbers ? numbers->running : net::Running{};
    subject_ = numbers ? numbers->subject : 0;
    return Advice::nothing;
  }
  same_ += passed;
  const bool due = phase_ == Phase::quiet ? same_ >= timeout / 4 : phase_ == Phase::counted && same_ >= timeout;
  if (due) {
    phase_ = phase_ == Phase::quiet ? Phase::asked : Phase::askedAgain;
    asked_ = now;
    return Advice::ask;
  }
  const bool waits = phase_ == Phase::asked || phase_ == Phase::askedAgain;
  return waits && same_ >= timeout && now - asked_ >= patience ? Advice::kill : Advice::nothing;
}

StuckWatch::Advice StuckWatch::heard(std::uint64_t progress) noexcept {
  if (phase_ != Phase::asked && phase_ != Phase::askedAgain) return Advice::nothing;
  if (phase_ == Phase::askedAgain && progress == progress_) return Advice::kill;
  phase_ = Phase::counted;
  progress_ = progress;
  same_ = 0ms;
  return Advice::nothing;
}

}  // namespace artel
