// When a worker counts as stuck in one callback (Worker::workerTimeout).
#include "src/master/stuck_watch.hpp"

#include <gtest/gtest.h>

#include "platform/fixed_text.hpp"
#include "platform/platform.hpp"
#include "src/worker/stacks.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;
using Advice = StuckWatch::Advice;

/// A worker seen every 100 ms.
struct Seen {
  StuckWatch watch;
  WorkerNumbers numbers;
  StuckWatch::Clock::time_point now{std::chrono::hours(1)};
  static constexpr StuckWatch::Milliseconds timeout{1000};

  Seen() {
    numbers.turnBegan = 7;
    numbers.subject = 1;
  }
  Advice look(char state = 'R') {
    now += 100ms;
    return watch.look(numbers, state, now, timeout);
  }
  /// How many looks until it is something else than nothing; 100: never.
  int until(Advice& advice, char state = 'R') {
    for (int looks = 1; looks < 100; ++looks) {
      if ((advice = look(state)) != Advice::nothing) return looks;
    }
    return 100;
  }
};

TEST(StuckWatch, TheSameCallbackWithoutProgressIsStuck) {
  Seen seen;
  Advice advice{};
  seen.until(advice);
  ASSERT_EQ(advice, Advice::ask) << "how far it is";
  EXPECT_EQ(seen.watch.heard(41), Advice::nothing);
  EXPECT_EQ(seen.until(advice), 10) << "the whole time from there";
  ASSERT_EQ(advice, Advice::ask);
  EXPECT_EQ(seen.watch.heard(41), Advice::kill);
}

TEST(StuckWatch, ProgressStartsTheTimeAnew) {
  Seen seen;
  Advice advice{};
  seen.until(advice);
  std::uint64_t progress = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(seen.watch.heard(++progress), Advice::nothing);
    EXPECT_EQ(seen.until(advice), 10);
    EXPECT_EQ(advice, Advice::ask);
  }
  EXPECT_EQ(seen.watch.heard(progress), Advice::kill);
}

TEST(StuckWatch, AnotherCallbackOrASleepEndsIt) {
  Seen seen;
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) ++seen.numbers.subject;
    EXPECT_EQ(seen.look(), Advice::nothing) << i;
  }
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) ++seen.numbers.turnBegan;
    EXPECT_EQ(seen.look(), Advice::nothing) << i;
  }
  seen.numbers.turnBegan = 0;
  Advice advice{};
  EXPECT_EQ(seen.until(advice, 'S'), 100) << "the loop sleeps";
}

TEST(StuckWatch, WhoDoesNotAnswerIsKilledABitLater) {
  Seen seen;
  Advice advice{};
  seen.until(advice);
  ASSERT_EQ(advice, Advice::ask);
  const int looks = seen.until(advice);
  EXPECT_EQ(advice, Advice::kill);
  EXPECT_GE(looks, 9);
  EXPECT_LE(looks, 20);
  EXPECT_FALSE(seen.watch.stopped());
}

TEST(StuckWatch, StoppedForTheWholeTimeIsStuckAndADebuggerIsNot) {
  Seen seen;
  seen.numbers.turnBegan = 0;
  Advice advice{};
  seen.look('T');
  EXPECT_EQ(seen.until(advice, 'T'), 10);
  EXPECT_EQ(advice, Advice::kill);
  EXPECT_TRUE(seen.watch.stopped());
  Seen traced;
  EXPECT_EQ(traced.until(advice, 't'), 100);
}

TEST(StuckWatch, TimeInWhichTheMasterWasStoppedTooDoesNotCount) {
  Seen seen;
  seen.look();
  for (int i = 0; i < 3; ++i) {
    seen.now += 1h;
    EXPECT_NE(seen.look(), Advice::kill);
  }
}

TEST(Stacks, AnAnswerIsProgressAndAStack) {
  const auto answer = StackAnswer::parse("42\n  #0   f  x+0x1\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->progress, 42u);
  EXPECT_EQ(answer->stack, "  #0   f  x+0x1\n");
  EXPECT_FALSE(StackAnswer::parse("42"));
  EXPECT_FALSE(StackAnswer::parse("4x2\n"));
  EXPECT_FALSE(StackAnswer::parse(""));
}

TEST(Stacks, NamesAreMadeReadable) {
  EXPECT_EQ(platform::demangled(""), "");
  if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  EXPECT_EQ(platform::demangled("  #0   _ZN5artel3hexEv  x+0x1\n  #1   main  x+0x2"),
            "  #0   artel::hex()  x+0x1\n  #1   main  x+0x2");
  EXPECT_EQ(platform::demangled("  #0   _Znonsense!  x"), "  #0   _Znonsense!  x");
}

TEST(Stacks, TextThatDoesNotFitIsCut) {
  platform::FixedText<8> text;
  text.add(std::uint64_t{7}, 3).add(" ").addHex(255);
  EXPECT_EQ(text.view(), "007 0xff");
  text.add("more");
  EXPECT_EQ(text.view(), "007 0xff");
  text.clear();
  text.add(std::uint64_t{0});
  EXPECT_EQ(text.view(), "0");
}

}  // namespace
}  // namespace artel
