// Send buffers, taken when a connection has something to send and given back when the kernel has it. Last in, first
// out: an echo server uses one warm buffer for all its connections. What is kept is bounded, so a burst leaves nothing
// behind.
#pragma once

#include <algorithm>
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
    if (kept_ + owner->capacity() > keptBytes || free_.size() == free_.capacity()) {
      freed_ = true;
      return;
    }
    owner->clear();
    kept_ += owner->capacity();
    free_.push_back(std::move(owner));
  }
  /// Once a second: keeps what small messages need, lets go of what large ones left. True when what was let go shall be
  /// handed back to the system: some was, and none in the second after.
  bool trim() noexcept {
    const auto large = [](const std::unique_ptr<std::string>& one) { return one->capacity() > restBuffer; };
    if (warm_ != nullptr && warm_->capacity() > restBuffer) {
      delete std::exchange(warm_, nullptr);
      freed_ = true;
    }
    const auto cut = std::partition(free_.begin(), free_.end(), [&](const auto& one) { return !large(one); });
    if (cut != free_.end()) freed_ = true;
    free_.erase(cut, free_.end());
    kept_ = 0;
    for (const auto& one : free_) kept_ += one->capacity();
    for (; kept_ > restBytes; freed_ = true) {
      kept_ -= free_.back()->capacity();
      free_.pop_back();
    }
    const bool now = std::exchange(freed_, false);
    return std::exchange(toHandBack_, now) && !now;
  }
  BufferPool() { free_.reserve(1024); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() { delete warm_; }

 private:
  static constexpr std::size_t warmBytes = 256 * 1024, restBuffer = 64 * 1024, restBytes = 256 * 1024;

  std::string* warm_ = nullptr;  // the last one given back: nearly every take finds it here
  std::vector<std::unique_ptr<std::string>> free_;
  std::size_t kept_ = 0;
  bool freed_ = false, toHandBack_ = false;
};

}  // namespace artel::net
