#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<SharedMemory> SharedMemory::create(std::size_t size) {
#ifdef MFD_CLOEXEC
  // A file without a name, so that a program that takes our place finds it by its descriptor.
  // Sealed, so that no process it is shared with can make it smaller than the others believe.
  const int file = ::memfd_create("artel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size)) != 0 ||
      ::fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    const Error error = systemError("cannot share " + std::to_string(size) + " bytes", errno);
    if (file >= 0) ::close(file);
    return error;
  }
  return adopt(file);
#else
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return systemError("cannot map " + std::to_string(size) + " shared bytes", errno);
  SharedMemory memory;
  memory.data_ = data;
  memory.size_ = size;
  return memory;
#endif
}

Result<SharedMemory> SharedMemory::adopt(NativeSocket file) {
  SharedMemory memory;
  memory.file_ = file;
  struct stat info {};
  if (::fstat(static_cast<int>(file), &info) != 0) return systemError("cannot map shared memory", errno);
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(file), 0);
  if (data == MAP_FAILED) return systemError("cannot map " + std::to_string(size) + " shared bytes", errno);
  memory.data_ = data;
  memory.size_ = size;
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      file_(std::exchange(other.file_, noSocket)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(file_, other.file_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
  closeSocket(file_);
}

}  // namespace artel::platform
