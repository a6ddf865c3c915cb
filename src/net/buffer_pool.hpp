// Send buffers, taken when a connection has something to send and given back when the kernel has it. Last in, first
// out: an echo server uses one warm buffer for all its connections. What is kept is bounded, so a burst leaves nothing
// behind.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace artel::net {

class BufferPool {
 public:
  static constexpr std::size_t keptBytes = 1024 * 1024;  ///< capacity kept for reuse, all buffers together

  std::string* take() {
    if (warm_ != nullptr) return std::exchange(warm_, nullptr);
    if (free_.empty()) return new std::string;
    std::string* buffer = free_.back().release();
    free_.pop_back();
    kept_ -= buffer->capacity();
    return buffer;
  }
  void give(std::string* buffer) noexcept {
    if (warm_ == nullptr && buffer->capacity() <= warmBytes) {
      buffer->clear();
      warm_ = buffer;
      return;
    }
    std::unique_ptr<std::string> owner(buffer);
    if (kept_ + owner->capacity() > keptBytes || free_.size() == free_.capacity()) return;
    owner->clear();
    kept_ += owner->capacity();
    free_.push_back(std::move(owner));
  }
  BufferPool() { free_.reserve(1024); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() { delete warm_; }

 private:
  static constexpr std::size_t warmBytes = 256 * 1024;

  std::string* warm_ = nullptr;  // the last one given back: nearly every take finds it here
  std::vector<std::unique_ptr<std::string>> free_;
  std::size_t kept_ = 0;
};

}  // namespace artel::net
