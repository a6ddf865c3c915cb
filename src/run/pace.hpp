// When a program that has ended is started again.
#pragma once

#include <algorithm>
#include <chrono>

namespace artel::run {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds first{1}, longest{30}, young{10};

  void started(Clock::time_point now) noexcept { started_ = now; }
  /// How long to wait: longer and longer while it keeps ending young.
  std::chrono::seconds ended(Clock::time_point now) noexcept {
    pause_ = now - started_ >= young || pause_ == pause_.zero() ? first : std::min(pause_ * 2, longest);
    return pause_;
  }

 private:
  Clock::time_point started_{};
  std::chrono::seconds pause_{0};
};

}  // namespace artel::run
