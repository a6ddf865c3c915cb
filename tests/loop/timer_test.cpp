// Timers (manual 1.12).
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <thread>

#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

using Clock = std::chrono::steady_clock;

TEST(Timer, BeforeTheLoopItIsAnError) {
  EXPECT_THROW(artel::Timer::add(1.0, [] {}), std::logic_error);
  EXPECT_FALSE(artel::Timer::del(1));
  EXPECT_EQ(artel::Timer::count(), 0u);
  artel::Timer::delAll();
}

struct Timers : ::testing::Test {
  Worker worker;
  World world{worker};
};

TEST_F(Timers, IdsBeginAtOneAndGrow) {
  EXPECT_EQ(artel::Timer::add(1.0, [] {}), 1u);
  EXPECT_EQ(artel::Timer::add(1s, [] {}), 2u);
  EXPECT_TRUE(artel::Timer::del(2));
  EXPECT_FALSE(artel::Timer::del(2));
  EXPECT_FALSE(artel::Timer::del(77));
  EXPECT_EQ(artel::Timer::delay(0.5, [] {}), 3u);
  EXPECT_EQ(artel::Timer::count(), 2u);
  artel::Timer::delAll();
  EXPECT_EQ(artel::Timer::count(), 0u);
}

TEST_F(Timers, BadIntervalsAndEmptyCallbacksThrow) {
  EXPECT_THROW(artel::Timer::add(-0.001, [] {}), std::invalid_argument);
  EXPECT_THROW(artel::Timer::add(-1ms, [] {}), std::invalid_argument);
  EXPECT_THROW(artel::Timer::add(std::numeric_limits<double>::infinity(), [] {}), std::invalid_argument);
  EXPECT_THROW(artel::Timer::add(std::numeric_limits<double>::quiet_NaN(), [] {}), std::invalid_argument);
  EXPECT_THROW(artel::Timer::add(1.0, Callback<void(artel::Timer::Id)>()), std::invalid_argument);
  EXPECT_EQ(artel::Timer::count(), 0u);
}

TEST_F(Timers, RepeatsAtItsIntervalNeverEarly) {
  int runs = 0;
  const auto began = Clock::now();
  artel::Timer::add(0.02, [&] { ++runs; });
  world.until([&] { return runs == 10; });
  const auto took = Clock::now() - began;
  EXPECT_GE(took, 195ms);
  EXPECT_LT(took, 5s);
}

TEST_F(Timers, FractionsAndOnce) {
  std::string order;
  artel::Timer::add(
      std::chrono::duration<double>(0.03), [&] { order += "c"; }, false);
  artel::Timer::delay(10ms, [&] { order += "a"; });
  artel::Timer::add(
      std::chrono::microseconds(20'000), [&] { order += "b"; }, false);
  world.until([&] { return order == "abc"; });
  world.forTime(30ms);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(artel::Timer::count(), 0u) << "a one-shot is gone before it runs";
}

TEST_F(Timers, DeletedInsideItself) {
  int byCapture = 0, byArgument = 0;
  artel::Timer::Id id = 0;
  id = artel::Timer::add(0.001, [&, big = std::string(1000, 'x')] {
    if (++byCapture < 10) return;
    EXPECT_TRUE(artel::Timer::del(id));
    EXPECT_FALSE(artel::Timer::del(id));
    EXPECT_EQ(big[999], 'x');
  });
  artel::Timer::add(0.001, [&](artel::Timer::Id self) {
    if (++byArgument == 10) artel::Timer::del(self);
  });
  world.until([&] { return artel::Timer::count() == 0; });
  world.forTime(10ms);
  EXPECT_EQ(byCapture, 10);
  EXPECT_EQ(byArgument, 10);
}

TEST_F(Timers, DeletedByAnotherAndByAllOfThem) {
  int runs = 0;
  const auto victim = artel::Timer::add(0.005, [&] { ++runs; });
  artel::Timer::delay(0.001, [&] { artel::Timer::del(victim); });
  world.forTime(20ms);
  EXPECT_EQ(runs, 0);
  artel::Timer::add(0.001, [&] {
    ++runs;
    artel::Timer::delAll();
  });
  artel::Timer::add(0.002, [&] { runs += 100; });
  world.forTime(20ms);
  EXPECT_EQ(runs, 1);
}

TEST_F(Timers, AZeroTimerAddedInACallbackStarvesNobody) {
  Worker text("text://127.0.0.1:0");
  text.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  text.listen();
  std::uint64_t runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    artel::Timer::add(0, again, false);
  };
  again();
  EXPECT_EQ(runs, 1u) << "a later turn";
  Client client(world, text.core().address.port);
  client.send("hi\n");
  world.until([&] { return client.received == "hi\n" && runs > 10; });
  artel::Timer::delAll();
}

TEST_F(Timers, ALongCallbackMakesNoBurst) {
  int runs = 0;
  const auto began = Clock::now();
  artel::Timer::add(0.02, [&] {
    if (++runs == 1) std::this_thread::sleep_for(300ms);  // the condition under test
  });
  world.until([&] { return runs >= 6; });
  // The second is late and comes at once, each of the others an interval after the one before.
  EXPECT_GE(Clock::now() - began, 380ms);
}

TEST_F(Timers, AHundredThousand) {
  std::vector<artel::Timer::Id> ids;
  int runs = 0;
  for (int i = 0; i < 100'000; ++i) ids.push_back(artel::Timer::add(3600.0, [&] { ++runs; }));
  EXPECT_EQ(artel::Timer::count(), 100'000u);
  EXPECT_EQ(std::set<artel::Timer::Id>(ids.begin(), ids.end()).size(), ids.size());
  for (const auto id : ids) EXPECT_TRUE(artel::Timer::del(id));
  EXPECT_EQ(artel::Timer::count(), 0u);
  world.settle();
  EXPECT_EQ(runs, 0);
}

TEST_F(Timers, TheLoopSpellsThemLikeTheManual) {
  Loop& loop = Worker::globalEvent();
  int runs = 0;
  loop.delay(0.001, [&] { ++runs; });
  const auto id = loop.repeat(0.001, [&] { ++runs; });
  EXPECT_EQ(loop.getTimerCount(), 2u);
  world.until([&] { return runs >= 5; });
  EXPECT_TRUE(loop.offRepeat(id));
  EXPECT_FALSE(loop.offDelay(id));
  loop.repeat(1.0, [] {});
  loop.deleteAllTimer();
  EXPECT_EQ(loop.getTimerCount(), 0u);
}

TEST_F(Timers, MoveOnlyCallables) {
  int value = 0;
  artel::Timer::delay(0.0, [&, p = std::make_unique<int>(7)] { value = *p; });
  world.until([&] { return value == 7; });
}

}  // namespace
}  // namespace artel::testing
