// One process shares with nobody: ordinary memory.
#include <cstdlib>
#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Result<SharedMemory> SharedMemory::create(std::size_t size) {
  SharedMemory memory;
  memory.data_ = std::calloc(size, 1);
  if (memory.data_ == nullptr) return Error{Errc::system, "no " + std::to_string(size) + " bytes of memory left", 0};
  memory.size_ = size;
  return memory;
}

Result<SharedMemory> SharedMemory::adopt(NativeSocket) { return unsupported(); }

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMemory::~SharedMemory() { std::free(data_); }

}  // namespace artel::platform
