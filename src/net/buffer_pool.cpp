#include "src/net/buffer_pool.hpp"

#include <algorithm>

namespace artel::net {

std::string* BufferPool::takeKept() {
  if (free_.empty()) return new std::string;
  std::string* buffer = free_.back().release();
  free_.pop_back();
  kept_ -= buffer->capacity();
  return buffer;
}

void BufferPool::keep(std::string* buffer) noexcept {
  std::unique_ptr<std::string> owner(buffer);
  if (kept_ + owner->capacity() > keptBytes || free_.size() == free_.capacity()) {
    freed_ = true;
    return;
  }
  owner->clear();
  kept_ += owner->capacity();
  free_.push_back(std::move(owner));
}

bool BufferPool::isLarge(const std::string& buffer) noexcept { return buffer.capacity() > restBuffer; }

bool BufferPool::atRest() const noexcept {
  return !freed_ && !toHandBack_ && kept_ <= restBytes && (warm_ == nullptr || !isLarge(*warm_)) &&
         std::none_of(free_.begin(), free_.end(), [](const auto& one) { return isLarge(*one); });
}

bool BufferPool::trim() noexcept {
  if (warm_ != nullptr && isLarge(*warm_)) {
    delete std::exchange(warm_, nullptr);
    freed_ = true;
  }
  const auto cut = std::partition(free_.begin(), free_.end(), [](const auto& one) { return !isLarge(*one); });
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

}  // namespace artel::net
