#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<SharedMemory> SharedMemory::create(std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return systemError("cannot map " + std::to_string(size) + " shared bytes", errno);
  SharedMemory memory;
  memory.data_ = data;
  memory.size_ = size;
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace artel::platform
