// How the processes of each Worker ended, since the start (row 1.14.2: one line for each distinct end). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace artel {

class ExitCounts {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ended {
    std::string reason;  ///< "code 250", "signal SEGV"
    std::uint64_t count = 0;
    Clock::time_point last{};
  };
  void add(std::string_view reason, Clock::time_point now) {
    for (Ended& one : all_) {
      if (one.reason != reason) continue;
      ++one.count;
      one.last = now;
      return;
    }
    if (all_.size() < most) all_.push_back({std::string(reason), 1, now});
  }
  /// Counted by another program before this one.
  void adopt(Ended ended) {
    if (all_.size() < most) all_.push_back(std::move(ended));
  }
  const std::vector<Ended>& all() const noexcept { return all_; }

 private:
  static constexpr std::size_t most = 512;  ///< 256 codes, and signals with and without a core
  std::vector<Ended> all_;
};

}  // namespace artel
