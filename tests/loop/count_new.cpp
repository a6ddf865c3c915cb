#include "tests/loop/count_new.hpp"

#include <cstdlib>
#include <new>

namespace artel::testing {
std::atomic<std::uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
  ++artel::testing::allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++artel::testing::allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
