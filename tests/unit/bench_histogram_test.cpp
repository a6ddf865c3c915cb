#include "bench/linux/histogram.hpp"

#include <gtest/gtest.h>

namespace {

TEST(BenchHistogram, PercentilesAreRightWithinOnePercent) {
  bench::Histogram histogram;
  for (std::uint64_t value = 1; value <= 1'000'000; ++value) histogram.add(value * 100);
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    const double right = percent * 1'000'000;
    EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), right, right / 100) << percent;
  }
  EXPECT_EQ(histogram.percentile(100), 100'000'000u);
  EXPECT_EQ(histogram.count(), 1'000'000u);
}

TEST(BenchHistogram, SmallValuesAreExact) {
  bench::Histogram histogram;
  for (const std::uint64_t value : {7, 7, 9, 255}) histogram.add(value);
  EXPECT_EQ(histogram.percentile(50), 7u);
  EXPECT_EQ(histogram.percentile(51), 9u);
  EXPECT_EQ(histogram.percentile(99), 255u);
}

TEST(BenchHistogram, EveryMagnitudeHasItsPlace) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << shift, (std::uint64_t{1} << shift) | (~std::uint64_t{0} >> (63 - shift) >> 1)}) {
      bench::Histogram histogram;
      histogram.add(value);
      histogram.add(~std::uint64_t{0});
      const auto found = static_cast<double>(histogram.percentile(50));
      EXPECT_NEAR(found, static_cast<double>(value), static_cast<double>(value) / 100) << value;
    }
  }
}

TEST(BenchHistogram, EmptyAndCleared) {
  bench::Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0u);
  histogram.add(1000);
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.percentile(99), 0u);
}

}  // namespace
