#include "src/worker/balance.hpp"

#include <algorithm>

namespace artel {

namespace {
constexpr auto relaxed = std::memory_order_relaxed;
}

void Balance::holds(std::size_t connections) noexcept {
  if (mine_ < records_.size()) records_[mine_].connections.store(static_cast<std::uint32_t>(connections), relaxed);
}

void Balance::stops() noexcept {
  if (mine_ < records_.size()) records_[mine_].connections.store(notServing, relaxed);
}

bool Balance::absent(std::size_t sibling) const noexcept {
  return seen_[sibling].missed >= patience && seen_[sibling].looks == records_[sibling].looks.load(relaxed);
}

bool Balance::mayAccept() noexcept {
  if (mine_ >= records_.size() || records_.size() < 2) return true;
  Record& own = records_[mine_];
  own.looks.store(own.looks.load(relaxed) + 1, relaxed);
  const std::uint32_t held = own.connections.load(relaxed);
  const auto hasMoreThan = [&](std::uint32_t least) { return held > least + std::max<std::uint32_t>(4, least / 8); };
  bool standBack = false;
  for (std::size_t i = 0; i < records_.size() && !standBack; ++i) {
    const std::uint32_t theirs = records_[i].connections.load(relaxed);
    standBack = i != mine_ && theirs != notServing && hasMoreThan(theirs) && !absent(i);
  }
  if (!standBack) return true;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const std::uint32_t looks = records_[i].looks.load(relaxed);
    if (looks != seen_[i].looks)
      seen_[i] = {looks, 0};
    else if (seen_[i].missed < patience)
      ++seen_[i].missed;
  }
  return false;
}

}  // namespace artel
