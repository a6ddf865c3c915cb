// What a run counts.
#pragma once

#include <chrono>
#include <cstdint>

#include "bench/linux/histogram.hpp"

namespace bench {

inline std::uint64_t now() {  // nanoseconds
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

struct Tally {
  Histogram latency;          // nanoseconds
  std::uint64_t answers = 0;  // whole and correct; a run of the mode "connect" counts connections
  std::uint64_t wrong = 0;    // answers that are not what they should be; the connection is given up
  std::uint64_t lost = 0;     // connections that ended with answers outstanding, or at all in modes that keep them
  std::uint64_t refused = 0;  // connections that did not come about
  std::uint64_t bytes = 0;    // received
};

}  // namespace bench
