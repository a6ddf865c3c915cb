// What artel-run stands on: programs beside each other, and what they print.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "platform/platform.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

using platform::Pid;
using platform::Programs;

class ProgramsBeside : public ::testing::Test {
 protected:
  Pid start(const std::string& word) {
    const auto pid = programs.start({programFile("fixtures/chatter"), word});
    EXPECT_TRUE(pid) << pid.error().message;
    return pid ? *pid : 0;
  }
  Programs programs;
};

TEST_F(ProgramsBeside, AChattyOneKeepsNobodyFromActing) {
  const Pid loud = start("forever"), other = start("forever");
  std::map<Pid, std::size_t> all;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while ((all[loud] < 4'000'000 || all[other] < 4'000'000) && std::chrono::steady_clock::now() < deadline) {
    std::map<Pid, std::size_t> once;
    for (const auto& news : programs.wait(10s).news) once[news.pid] += news.output.size();
    for (const auto& [pid, size] : once) {
      EXPECT_LE(size, 256u * 1024) << "taken in one call";
      all[pid] += size;
    }
  }
  EXPECT_GE(all[loud], 4'000'000u);
  EXPECT_GE(all[other], 4'000'000u) << "the other one is heard, too";
}

TEST_F(ProgramsBeside, AnEndIsToldThoughAnotherHoldsTheOutput) {
  const Pid pid = start("leaves");
  std::string printed;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline) {
    for (const auto& news : programs.wait(1s).news) {
      EXPECT_EQ(news.pid, pid);
      printed += news.output;
      if (!news.exit) continue;
      EXPECT_EQ(news.exit->code, 5);
      EXPECT_NE(printed.find("last words"), std::string::npos) << printed;
      // What goes on printing is heard after the end, too.
      std::string later;
      while (later.find("tick") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
        for (const auto& more : programs.wait(1s).news) later += more.output;
      }
      EXPECT_NE(later.find("tick"), std::string::npos);
      return;
    }
  }
  ADD_FAILURE() << "no end was told; it printed " << printed.size() << " bytes";
}

TEST_F(ProgramsBeside, WhatCannotBeStartedIsNoChild) {
  EXPECT_FALSE(programs.start({programFile("fixtures/no-such-program")}));
  EXPECT_FALSE(programs.start({}));
  EXPECT_TRUE(programs.wait(1ms).news.empty());
}

}  // namespace
}  // namespace artel::testing
