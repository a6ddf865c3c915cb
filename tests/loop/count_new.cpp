#include "tests/loop/count_new.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace artel::testing {
std::atomic<std::uint64_t> allocations{0}, allocatedBytes{0}, largestAllocation{0};
std::atomic<std::size_t> allowedAllocation{SIZE_MAX};

static void count(std::size_t size) {
  ++allocations;
  allocatedBytes += size;
  if (size > largestAllocation) largestAllocation = size;
}
}  // namespace artel::testing

void* operator new(std::size_t size) {
  artel::testing::count(size);
  if (size <= artel::testing::allowedAllocation) {
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  }
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  artel::testing::count(size);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
