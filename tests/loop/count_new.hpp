// Counts every operator new of this program.
#pragma once

#include <atomic>
#include <cstdint>

namespace artel::testing {

extern std::atomic<std::uint64_t> allocations;

}  // namespace artel::testing
