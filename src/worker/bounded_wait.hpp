// A time to wait as a user may give it, for whom a huge one means "as long as it takes".
#pragma once

#include <algorithm>
#include <chrono>

namespace artel {

/// Added to a clock it does not wrap, and its milliseconds fit into an int, with a few seconds more.
inline std::chrono::milliseconds boundedWait(std::chrono::milliseconds wanted) noexcept {
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 24);
  return std::min(wanted, longest);
}

}  // namespace artel
