// Counts every operator new of this program, and can let large ones fail.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace artel::testing {

extern std::atomic<std::uint64_t> allocations, allocatedBytes;
/// The largest one since it was last set to 0.
extern std::atomic<std::uint64_t> largestAllocation;
/// A larger one throws std::bad_alloc.
extern std::atomic<std::size_t> allowedAllocation;

}  // namespace artel::testing
