// Whether a worker is stuck in one callback (Worker::workerTimeout). Pure: it is told what was seen and what time it
// is, and says what to do.
//
//   quiet ──the same callback for a quarter of the time──► ask ──answer──► counted ──the whole time──► ask again
//     ▲                                                                      ▲                           │
//     └── another callback, or the loop sleeps                               └── progress ───────────────┤
//                                                                                        the same: kill ◄┘
//
// What the master sees of itself (shared memory) is one arrival of bytes: a thousand short messages may be in it. So
// the worker is asked, by a signal, how far it is; the signal's handler answers although the callback does not return.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "src/master/statistics_reader.hpp"

namespace artel {

class StuckWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  enum class Advice { nothing, ask, kill };
  static constexpr Milliseconds patience{1000};  ///< for an answer, when the time is over

  /// How often to look.
  static Milliseconds interval(Milliseconds timeout) noexcept;
  /// `state` as platform::processState() has it; `numbers` may be missing.
  Advice look(const std::optional<WorkerNumbers>& numbers, char state, Clock::time_point now, Milliseconds timeout);
  /// What the worker has answered: StackAnswer::progress. Kill: it is still where it was.
  Advice heard(std::uint64_t progress) noexcept;
  /// Why it is to be killed.
  bool stopped() const noexcept { return stopped_ > Milliseconds{0}; }

 private:
  enum class Phase { quiet, asked, counted, askedAgain };
  void reset() noexcept;

  Phase phase_ = Phase::quiet;
  std::uint64_t turn_ = 0, subject_ = 0, progress_ = 0;
  net::Running running_{};
  Milliseconds same_{0}, stopped_{0};  ///< for so long; of it, since progress_ was told, when it was
  Clock::time_point looked_{}, asked_{};
};

}  // namespace artel
