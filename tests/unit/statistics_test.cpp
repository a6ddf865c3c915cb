// The block that a worker writes and its master reads (row 1.14.2): also when it is not one.
#include "src/master/statistics_reader.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace artel {
namespace {

using namespace std::chrono_literals;
using net::Activity;
using net::Histogram;
using net::StatisticsBlock;

/// A block in memory of its own, and the process that writes it; the loop's clock is a number here.
struct Writer {
  Writer() {
    StatisticsBlock::prepare(block.get(), "0.1.0+abc");
    activity.attach(block.get());
    activity.counters = []() noexcept { return counted; };
    counted = {};
  }
  std::optional<WorkerNumbers> read(std::uint64_t now) const {
    return readStatistics({reinterpret_cast<const std::byte*>(block.get()), sizeof(StatisticsBlock)}, now);
  }
  static inline Activity::Counters counted;
  std::unique_ptr<StatisticsBlock> block = std::make_unique<StatisticsBlock>();
  Activity activity;
  std::uint64_t began() const { return block->windows[0].at.load(); }
};

TEST(Statistics, HistogramBucketsHoldWhatTheySay) {
  std::size_t last = 0;
  for (std::uint64_t ns = 1; ns < std::uint64_t{1} << 40; ns += 1 + ns / 7) {
    const std::size_t bucket = Histogram::bucketOf(ns);
    ASSERT_LT(bucket, Histogram::buckets);
    ASSERT_GE(bucket, last) << ns;
    last = bucket;
    if (bucket + 1 == Histogram::buckets) continue;
    EXPECT_LT(ns, Histogram::edgeOf(bucket)) << ns;
    if (bucket == 0) continue;
    EXPECT_GE(ns, Histogram::edgeOf(bucket - 1)) << ns;
    EXPECT_LE(Histogram::edgeOf(bucket), ns + ns / 4 + 1) << "a quarter too large at most";
  }
  EXPECT_EQ(Histogram::bucketOf(0), 0u);
  EXPECT_EQ(Histogram::bucketOf(UINT64_MAX), Histogram::buckets - 1);
}

TEST(Statistics, HistogramQuantiles) {
  std::vector<std::uint64_t> counts(Histogram::buckets);
  EXPECT_FALSE(Histogram::quantile(counts, 0.5));
  counts[Histogram::bucketOf(1'000)] = 98;
  counts[Histogram::bucketOf(5'000'000)] = 2;
  EXPECT_EQ(Histogram::quantile(counts, 0.5), Histogram::edgeOf(Histogram::bucketOf(1'000)));
  EXPECT_EQ(Histogram::quantile(counts, 0.99), Histogram::edgeOf(Histogram::bucketOf(5'000'000)));
  std::fill(counts.begin(), counts.end(), UINT64_MAX);  // a sum that no integer holds
  EXPECT_TRUE(Histogram::quantile(counts, 0.99));
  EXPECT_FALSE(Histogram::quantile({}, 0.5));
}

TEST(Statistics, CountersAreThereWhenTheTurnHasEnded) {
  Writer worker;
  const std::uint64_t t = worker.began();
  worker.activity.readEvent(7);
  worker.activity.received(100);
  worker.activity.sent(300);
  Writer::counted = {3, 2, 11, 1};
  EXPECT_EQ(worker.read(t)->requests, 0u) << "not before";
  worker.activity.turnEnds(t);
  const auto numbers = worker.read(t);
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->connections, 3u);
  EXPECT_EQ(numbers->timers, 2u);
  EXPECT_EQ(numbers->requests, 11u);
  EXPECT_EQ(numbers->sendFails, 1u);
  EXPECT_EQ(numbers->bytesIn, 100u);
  EXPECT_EQ(numbers->bytesOut, 300u);
  EXPECT_EQ(numbers->turns, 1u);
  EXPECT_EQ(numbers->build, "0.1.0+abc");
  EXPECT_EQ(numbers->inTurn, 0ms) << "it sleeps";
}

TEST(Statistics, AStuckCallbackShowsSinceWhenAndWhere) {
  Writer worker;
  worker.activity.readEvent(1093);  // without a loop a turn begins at 1 ms
  auto numbers = worker.read(2401);
  EXPECT_EQ(numbers->inTurn, 2400ms);
  EXPECT_TRUE(numbers->busy());
  EXPECT_EQ(numbers->running, net::Running::message);
  EXPECT_EQ(numbers->subject, 1093u);
  EXPECT_EQ(net::nameOf(numbers->running), "onMessage");
  EXPECT_EQ(net::subjectOf(numbers->running), "connection");
  worker.activity.enter(net::Running::timer, 5);
  numbers = worker.read(2401);
  EXPECT_EQ(net::nameOf(numbers->running), "Timer");
  EXPECT_EQ(numbers->subject, 5u);
  EXPECT_EQ(numbers->inTurn, 2400ms) << "of the turn";
  EXPECT_FALSE(worker.read(1 + 499)->busy());
  EXPECT_FALSE(worker.read(0)->busy()) << "a clock that went back";
  worker.activity.turnEnds(3000);
  EXPECT_FALSE(worker.read(9000)->busy());
  EXPECT_EQ(worker.read(9000)->longestTurn, 3000ms);
  EXPECT_GE(worker.read(9000)->turn99, 3000ms);
}

TEST(Statistics, OneReadEventOf64IsTimed) {
  Writer worker;
  int timed = 0;
  std::vector<int> at;
  std::uint64_t now = worker.began();
  for (int i = 0; i < 640; ++i) {
    if (worker.activity.readEvent(1)) {
      ++timed;
      at.push_back(i);
      worker.activity.recordCallback(5'000'000);
    }
    if (i % 3 == 0) worker.activity.turnEnds(++now);  // turns of any size do not change it
  }
  EXPECT_EQ(timed, 10);
  EXPECT_EQ(at.front(), 0) << "the first one, so that something is known soon";
  EXPECT_EQ(at[1], 64);
  EXPECT_GE(worker.read(now)->callback99, 5ms);
  EXPECT_LE(worker.read(now)->callback99, 6'250us);
}

TEST(Statistics, RatesAreDifferencesOfTwoMoments) {
  Writer worker;
  std::uint64_t t = worker.began();
  EXPECT_EQ(worker.read(t)->requestRate, 0);
  // 2,000 a second for five seconds, in turns of 10 ms.
  for (int turn = 0; turn < 500; ++turn) {
    t += 10;
    Writer::counted.requests += 20;
    worker.activity.readEvent(1);
    worker.activity.received(1000);
    worker.activity.turnEnds(t);
    if (turn > 10) {
      EXPECT_NEAR(worker.read(t)->requestRate, 2000, 40) << turn;
      EXPECT_NEAR(worker.read(t)->inRate, 100'000, 2000) << turn;
    }
  }
  // Then it sleeps, and nothing is written any more: the rate falls by itself.
  EXPECT_LT(worker.read(t + 4000)->requestRate, 600);
  EXPECT_LT(worker.read(t + 3'600'000)->requestRate, 1);
}

TEST(Statistics, WhatIsNoBlockOfThisLayoutHasNoNumbers) {
  Writer worker;
  const auto* bytes = reinterpret_cast<const std::byte*>(worker.block.get());
  EXPECT_TRUE(readStatistics({bytes, sizeof(StatisticsBlock)}, 1));
  for (std::size_t size = 0; size < offsetof(StatisticsBlock, sendQueue); ++size)
    EXPECT_FALSE(readStatistics({bytes, size}, 1)) << "cut at " << size;
  EXPECT_FALSE(readStatistics({}, 1));
  worker.block->version.store(2);
  EXPECT_FALSE(worker.read(1)) << "another version";
  worker.block->version.store(1);
  worker.block->size.store(offsetof(StatisticsBlock, sendQueue) - 8);
  EXPECT_FALSE(worker.read(1)) << "fields are missing";
  worker.block->size.store(sizeof(StatisticsBlock) + 800);
  EXPECT_TRUE(worker.read(1)) << "fields were appended";
  worker.block->magic.store(0);
  EXPECT_FALSE(worker.read(1));
}

TEST(Statistics, AFieldThatCameLaterIsNotReadInABlockOfBefore) {
  Writer worker;
  worker.block->connections.store(3);
  worker.block->sendQueue.store(700);
  EXPECT_EQ(worker.read(1)->sendQueue, 700u);
  const auto* bytes = reinterpret_cast<const std::byte*>(worker.block.get());
  const auto shorter = readStatistics({bytes, offsetof(StatisticsBlock, sendQueue)}, 1);
  ASSERT_TRUE(shorter) << "a worker that the program before this one has started";
  EXPECT_EQ(shorter->connections, 3u);
  EXPECT_FALSE(shorter->sendQueue);
  worker.block->size.store(offsetof(StatisticsBlock, sendQueue));
  EXPECT_FALSE(worker.read(1)->sendQueue);
  EXPECT_TRUE(readTotals({bytes, sizeof(StatisticsBlock)}));
}

TEST(Statistics, NonsenseInABlockIsBounded) {
  std::mt19937_64 random(1);
  Writer worker;
  for (int round = 0; round < 200; ++round) {
    auto* words = reinterpret_cast<StatisticsBlock::Word*>(worker.block.get());
    for (std::size_t i = 3; i < sizeof(StatisticsBlock) / 8; ++i)
      words[i].store(round % 3 == 0 ? UINT64_MAX : random());
    const auto numbers = worker.read(random());
    ASSERT_TRUE(numbers);
    EXPECT_GE(numbers->requestRate, 0);
    EXPECT_GE(numbers->inTurn, 0ms);
    EXPECT_GE(numbers->longestTurn, 0ms);
    EXPECT_LE(numbers->build.size(), 64u);
    EXPECT_FALSE(net::nameOf(numbers->running).empty());
    for (const char c : numbers->build) EXPECT_TRUE(c > ' ' && c < 0x7f);
  }
}

}  // namespace
}  // namespace artel
