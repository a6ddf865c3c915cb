// How often each latency occurred. Buckets are 1/128 of their value wide at most, so a percentile is right within 0.8
// %.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Histogram {
 public:
  void add(std::uint64_t value) {
    ++buckets_[bucketOf(value)];
    ++count_;
    largest_ = std::max(largest_, value);
  }

  void clear() { *this = Histogram(); }

  std::uint64_t count() const { return count_; }
  std::uint64_t largest() const { return largest_; }

  /// The smallest value that `percent` of all values do not exceed; 0 when there are none.
  std::uint64_t percentile(double percent) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
    if (wanted >= count_) return largest_;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(middleOf(i), largest_);
    }
    return largest_;
  }

 private:
  static constexpr unsigned bits = 7;  // of a value that are kept below its leading one

  // Values below 256 have a bucket each. From there, every power of two has 128.
  static std::size_t bucketOf(std::uint64_t value) {
    if (value < (2u << bits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - bits;
    return (std::size_t{shift} << bits) + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t middleOf(std::size_t bucket) {
    if (bucket < (2u << bits)) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket >> bits) - 1;
    const std::uint64_t first = (bucket - (std::size_t{shift} << bits));
    return (first << shift) + ((std::uint64_t{1} << shift) >> 1);
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(std::size_t{64} << bits);
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace bench
