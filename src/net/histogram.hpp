// Durations in buckets: four to a doubling, so a quantile is at most a quarter too large. Pure; the counts belong to
// the caller.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace artel::net {

struct Histogram {
  static constexpr unsigned firstOctave = 8, octaves = 28, parts = 4;  ///< 256 ns ... 68 s
  static constexpr std::size_t buckets = 1 + octaves * parts;

  /// What is shorter than the first edge is in bucket 0, what is longer than the last in the last.
  static constexpr std::size_t bucketOf(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds < (std::uint64_t{1} << firstOctave)) return 0;
    const auto octave = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
    if (octave >= firstOctave + octaves) return buckets - 1;
    const auto part = static_cast<std::size_t>(nanoseconds >> (octave - 2)) & (parts - 1);
    return 1 + std::size_t{octave - firstOctave} * parts + part;
  }
  /// Nothing in the bucket is as long as this.
  static constexpr std::uint64_t edgeOf(std::size_t bucket) noexcept {
    if (bucket == 0) return std::uint64_t{1} << firstOctave;
    const std::size_t octave = firstOctave + (bucket - 1) / parts, part = (bucket - 1) % parts;
    return (parts + part + 1) << (octave - 2);
  }
  /// The edge that a part `q` (0 ... 1) of all durations stays below; nothing when there are none. Counts may be
  /// anything: their sum is taken as it is.
  static std::optional<std::uint64_t> quantile(std::span<const std::uint64_t> counts, double q) noexcept {
    double all = 0;
    for (const std::uint64_t count : counts) all += static_cast<double>(count);
    if (all <= 0) return std::nullopt;
    double sum = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < counts.size(); ++bucket) {
      sum += static_cast<double>(counts[bucket]);
      if (sum >= q * all && sum > 0) break;
    }
    return edgeOf(bucket);
  }
};

}  // namespace artel::net
