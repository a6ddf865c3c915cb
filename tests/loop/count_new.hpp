// Counts every operator new of this program.
#pragma once

#include <atomic>
#include <cstdint>

namespace artel::testing {

extern std::atomic<std::uint64_t> allocations, allocatedBytes;
/// The largest one since it was last set to 0.
extern std::atomic<std::uint64_t> largestAllocation;

}  // namespace artel::testing
