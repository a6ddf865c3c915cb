// What the kernel takes of the bytes that a server sends: some, none, or it fails. On Linux linux/kernel.cpp stands in
// the way of send(); elsewhere the kernel does as it likes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace artel::fuzz {

struct Kernel {
  std::size_t takes = SIZE_MAX;  ///< of each send(), at most; 0: it would block
  bool fails = false;            ///< the next send(): the client is gone
};
inline Kernel kernel;

}  // namespace artel::fuzz
