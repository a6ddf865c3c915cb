// artel-run with real programs, on every system.
#include <gtest/gtest.h>

#include "artel/artel.hpp"
#include "platform/platform.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

class Run : public ::testing::Test {
 protected:
  /// Programs below the directory of ours, and words for them.
  void start(const std::vector<std::string>& names, const std::vector<std::string>& words = {}) {
    std::vector<std::string> arguments;
    for (const std::string& name : names) arguments.push_back(programFile(name));
    if (!words.empty()) arguments.emplace_back("--");
    arguments.insert(arguments.end(), words.begin(), words.end());
    run = std::make_unique<Program>("artel-run", arguments);
  }
  void stop(int code = 0) {
    ASSERT_TRUE(run->askToStop());
    EXPECT_EQ(run->wait(), code) << run->out() << run->err();
  }
  bool says(const std::string& text) const { return run->out().find(text) != std::string::npos; }
  bool awaits(const std::string& text) {
    return run->until([&] { return says(text) || run->ended(); }) && says(text);
  }
  /// The number that follows `text`.
  platform::Pid numberAfter(const std::string& text) {
    run->until([&] {
      const auto at = run->out().find(text);
      return run->ended() || (at != std::string::npos && run->out().find('\n', at) != std::string::npos);
    });
    const auto at = run->out().find(text);
    return at == std::string::npos ? 0 : std::stoll(run->out().substr(at + text.size()));
  }
  /// What the lines of a Worker of "pair" begin with: where a process has one Worker, each has its own.
  static std::string pair(const std::string& worker) {
    const std::string name = capabilities().manyListeners ? "pair" : "pair/" + worker;
    return name + std::string(std::max<std::size_t>(name.size(), width()) - name.size(), ' ') + " | ";
  }
  static std::size_t width() { return capabilities().manyListeners ? 9 : 10; }
  static std::string own() { return "artel-run" + std::string(width() - 9, ' ') + " | "; }
  std::unique_ptr<Program> run;
};

TEST_F(Run, SeveralProgramsUnderOneConsole) {
  start({"fixtures/life", "fixtures/pair"}, {"two words", "a\\\"b\\", "", "\u4e2d"});
  EXPECT_TRUE(awaits(pair("left") + "left serves ")) << run->out() << run->err();
  EXPECT_TRUE(awaits(pair("right") + "right serves "));
  EXPECT_TRUE(awaits("| start-0 "));
  for (const char* word : {"[two words]\n", "[a\\\"b\\]\n", "[]\n", "[\u4e2d]\n"})
    EXPECT_TRUE(says(pair("left") + word)) << word << " in\n" << run->out();
  stop();
  EXPECT_TRUE(says(pair("left") + "left ends")) << run->out();
  EXPECT_TRUE(says(pair("right") + "right ends")) << run->out();
  EXPECT_TRUE(says(own() + "stopping " + (capabilities().manyListeners ? "2" : "3") + " programs; Ctrl+C again kills"))
      << run->out();
  EXPECT_TRUE(says(own() + "all have stopped\n")) << run->out();
}

TEST_F(Run, AProgramThatEndsIsStartedAgain) {
  start({"fixtures/life"});
  EXPECT_TRUE(awaits("| start-0 "));
  const auto first = numberAfter("| main ");
  ASSERT_TRUE(platform::killNow(first));
  EXPECT_TRUE(awaits("life ended: " + std::string(capabilities().platform == "windows" ? "code 8" : "signal KILL") +
                     "; it is started again in 1 s"))
      << run->out();
  const auto second = numberAfter("life was started again, pid ");
  EXPECT_NE(first, second);
  const std::string again = "| main " + std::to_string(second);
  EXPECT_TRUE(awaits(again)) << run->out();
  // Asked to stop before it has begun to listen for that, it would just be ended.
  EXPECT_TRUE(run->until([&] { return run->out().find("| start-0 ", run->out().find(again)) != std::string::npos; }));
  stop();
}

TEST_F(Run, WhoseLinesNobodyReadsStops) {
  start({"fixtures/life", "fixtures/pair"});
  EXPECT_TRUE(awaits("| start-0 "));
  EXPECT_TRUE(awaits("right serves "));
  const auto worker = numberAfter("| start-0 ");
  run->hangUp();
  ASSERT_TRUE(platform::killNow(worker));  // another one says that it starts, or ours that it has ended
  EXPECT_EQ(run->wait(), 0);
}

TEST_F(Run, TheCodeOfACrashIsHexadecimalWhereItIsKnownSo) {
  if (capabilities().workerProcesses) GTEST_SKIP() << "a master survives the crash of its worker";
  start({"fixtures/pair"}, {"crash"});
  EXPECT_TRUE(awaits("pair/left ended: code 0xC0000005; it is started again in 1 s")) << run->out();
  run->askToStop();
  run->wait();  // 0 or 1, for the other one may be crashing now
}

TEST_F(Run, AskedTwiceItKills) {
  start({"fixtures/pair"}, {"hang"});
  EXPECT_TRUE(awaits("right serves "));
  EXPECT_TRUE(awaits("left serves "));
  ASSERT_TRUE(run->askToStop());
  EXPECT_TRUE(awaits("left ends"));
  stop(8);
  EXPECT_TRUE(says("not all have stopped in time\n")) << run->out();
}

TEST_F(Run, ProgramsEndWithIt) {
  start({"fixtures/life"});
  EXPECT_TRUE(awaits("| start-0 "));
  const auto program = numberAfter("| main ");
  run->kill();
  run->wait();
  run->until([&] { return !processExists(static_cast<int>(program)); });
}

TEST_F(Run, WhatWouldNotStartIsRefusedBeforeAnythingStarts) {
  start({"fixtures/life", "no-such-program"});
  EXPECT_EQ(run->wait(), 6);
  EXPECT_TRUE(run->errHas("error[E06] cannot run ")) << run->err();
  start({"fixtures/life", "artel-run"});
  EXPECT_EQ(run->wait(), 6);
  EXPECT_TRUE(run->errHas("artel-run did not answer \"check --json\"")) << run->err();
  EXPECT_TRUE(run->errHas("it said: ")) << run->err();
  EXPECT_EQ(run->out(), "");
  run = std::make_unique<Program>("artel-run", std::vector<std::string>{});
  EXPECT_EQ(run->wait(), 2);
  EXPECT_TRUE(run->errHas("usage: artel-run PROGRAM")) << run->err();
}

}  // namespace
}  // namespace artel::testing
