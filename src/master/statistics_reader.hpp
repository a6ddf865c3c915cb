// A worker's statistics block as the master reads it: at any time, while the worker writes, or after it has died in the
// middle of a write. Nothing in the block is believed: sizes are bounds, numbers are numbers, and a block of another
// layout is no numbers at all ("N/A" on the screens).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "src/net/statistics.hpp"

namespace artel {

struct WorkerNumbers {
  std::uint64_t connections = 0, timers = 0, requests = 0, sendFails = 0, bytesIn = 0, bytesOut = 0, turns = 0;
  std::optional<std::uint64_t> sendQueue;  ///< bytes; nothing of a worker whose build does not count them
  /// Per second, over the last one to two seconds; of one that sleeps for longer, since it fell asleep.
  double requestRate = 0, inRate = 0, outRate = 0;
  /// Of sampled read events and turns; nothing before there was one.
  std::optional<std::chrono::nanoseconds> callback50, callback99, turn99;
  std::array<std::uint64_t, net::Histogram::buckets> callbacks{};  ///< what these two are of, to be added up
  std::chrono::milliseconds longestTurn{0};
  /// How long the loop's present turn has lasted; zero while the loop sleeps.
  std::chrono::milliseconds inTurn{0};
  std::uint64_t turnBegan = 0;  ///< the same as a number that differs from turn to turn; 0 while the loop sleeps
  net::Running running{};       ///< the callback of this turn, the last one if it has returned
  std::uint64_t subject = 0;    ///< the connection or timer that it is of
  std::string build;            ///< of the program that the worker runs

  /// A callback that has not returned for so long makes a worker busy.
  static constexpr std::chrono::milliseconds busyAfter{500};
  bool busy() const noexcept { return inTurn >= busyAfter; }
  /// "onMessage of connection 7".
  std::string callback() const;
};

/// What a part `q` of the durations counted there takes at most; nothing when there are none.
std::optional<std::chrono::nanoseconds> quantile(std::span<const std::uint64_t> counts, double q);

/// The clock that blocks are read by.
std::uint64_t monotonicMilliseconds();

/// `now`: milliseconds of the monotonic clock. The memory must be aligned for 64-bit words; nothing when it is not a
/// block of this layout, or ends before what its first build wrote.
std::optional<WorkerNumbers> readStatistics(std::span<const std::byte> memory, std::uint64_t now);

/// What only grows, of one process or of many.
struct Totals {
  using Counts = std::array<std::uint64_t, net::Histogram::buckets>;
  std::uint64_t requests = 0, sendFails = 0, bytesIn = 0, bytesOut = 0;
  Counts callbacks{}, turnTimes{};
  Totals& operator+=(const Totals& other) noexcept;
};
/// Nothing where readStatistics() would have nothing.
std::optional<Totals> readTotals(std::span<const std::byte> memory);

}  // namespace artel
