// Send buffers, taken when a connection has something to send and given back when the kernel has it. Last in, first
// out: an echo server uses one warm buffer for all its connections. What is kept is bounded, so a burst leaves nothing
// behind.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/compiler.hpp"

namespace artel::net {

class BufferPool {
 public:
  static constexpr std::size_t keptBytes = 1024 * 1024;  ///< capacity kept for reuse, all buffers together

  std::string* take() { return warm_ != nullptr ? std::exchange(warm_, nullptr) : takeKept(); }
  void give(std::string* buffer) noexcept {
    if (warm_ != nullptr || buffer->capacity() > warmBytes) return keep(buffer);
    buffer->clear();
    warm_ = buffer;
  }
  /// Once a second: keeps what small messages need, lets go of what large ones left. True when what was let go shall be
  /// handed back to the system: some was, and none in the second after.
  bool trim() noexcept;
  /// trim() has nothing more to do.
  bool atRest() const noexcept;
  BufferPool() { free_.reserve(1024); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() { delete warm_; }

 private:
  static bool isLarge(const std::string& buffer) noexcept;
  ARTEL_COLD std::string* takeKept();
  ARTEL_COLD void keep(std::string* buffer) noexcept;

  static constexpr std::size_t warmBytes = 256 * 1024, restBuffer = 64 * 1024, restBytes = 256 * 1024;

  std::string* warm_ = nullptr;  // the last one given back: nearly every take finds it here
  std::vector<std::unique_ptr<std::string>> free_;
  std::size_t kept_ = 0;
  bool freed_ = false, toHandBack_ = false;
};

}  // namespace artel::net
