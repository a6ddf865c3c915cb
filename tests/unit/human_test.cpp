#include "src/master/human.hpp"

#include <gtest/gtest.h>

namespace artel::human {
namespace {

using namespace std::chrono_literals;

TEST(Human, Counts) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1204), "1,204");
  EXPECT_EQ(count(99'999), "99,999");
  EXPECT_EQ(count(812'000), "812K");
  EXPECT_EQ(count(9'123'456), "9.1M");
  EXPECT_EQ(count(999'960'000), "1.0G");
  EXPECT_EQ(count(UINT64_MAX), "18447P");
}

TEST(Human, Bytes) {
  EXPECT_EQ(bytes(0), "0B");
  EXPECT_EQ(bytes(1023), "1023B");
  EXPECT_EQ(bytes(18'637), "18.2K");
  EXPECT_EQ(bytes(1'468'006), "1.4M");
  EXPECT_EQ(bytes(224'395'264), "214M");
  EXPECT_EQ(bytes(2'147'483'648), "2.0G");
  EXPECT_EQ(bytesPerSecond(13'002'342.4), "12.4M/s");
  EXPECT_EQ(bytesPerSecond(-1), "0B/s");
}

TEST(Human, Times) {
  EXPECT_EQ(duration(0ns), "0us");
  EXPECT_EQ(duration(400ns), "1us");
  EXPECT_EQ(duration(12'400ns), "12us");
  EXPECT_EQ(duration(800us), "0.8ms");
  EXPECT_EQ(duration(120ms), "120ms");
  EXPECT_EQ(duration(2400ms), "2.4s");
  EXPECT_EQ(duration(200s), "3m");
  EXPECT_EQ(age(4s), "4s");
  EXPECT_EQ(age(11min), "11m");
  EXPECT_EQ(age(3h), "3h");
  EXPECT_EQ(age(12 * 24h), "12d");
  EXPECT_EQ(age(-4s), "0s");
  EXPECT_EQ(uptime(187s), "00:03:07");
  EXPECT_EQ(uptime(12 * 24h + 4h + 11min), "12d 04:11");
}

}  // namespace
}  // namespace artel::human
