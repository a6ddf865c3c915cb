// What runs in which process (rows 1.6.1, 1.8.3.1, 1.16.9), and one socket per process (row 1.8.2.6).
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <sstream>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

/// The process numbers behind a word, in the order of the lines.
std::vector<int> pids(const Program& program, const std::string& word) {
  std::vector<int> found;
  std::istringstream lines(program.out());
  std::string first;
  int pid = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (words >> first >> pid && first == word) found.push_back(pid);
  }
  return found;
}

TEST(Life, MainRunsOnceWorkersRunTheCallbacks) {
  Program program("fixtures/life", {"start", "--count", "3"});
  program.port();
  const bool cluster = capabilities().workerProcesses;
  EXPECT_EQ(pids(program, "main"), std::vector<int>{program.pid()});
  EXPECT_EQ(pids(program, "start-0").size(), 1u);
  EXPECT_EQ(pids(program, "start").size(), cluster ? 2u : 0u);
  if (!cluster) return;
  for (const int pid : pids(program, "start")) EXPECT_NE(pid, program.pid());
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(pids(program, "stop").size(), 3u);
  EXPECT_EQ(pids(program, "after"), std::vector<int>{program.pid()})
      << "runAll returns where the user started it, only there";
}

TEST(Life, GlobalsBelongToTheirProcess) {
  Program program("fixtures/life", {"start", "--count", "1"});
  const auto port = program.port();
  EXPECT_EQ(bodyOf(get(port)), "0 1");
  EXPECT_EQ(bodyOf(get(port)), "0 2");
}

TEST(Life, ReusePortSpreadsByHash) {
  if (!capabilities().reusePort) GTEST_SKIP() << capabilities().whyLimited;
  Program program("fixtures/life", {"start", "--count", "4"});
  const auto port = program.port();
  std::map<std::string, int> spread;
  for (int i = 0; i < 400; ++i) {
    const std::string body = bodyOf(get(port));
    ++spread[body.substr(0, body.find(' '))];
  }
  EXPECT_EQ(spread.size(), 4u);
  for (const auto& [id, connections] : spread) {
    EXPECT_GE(connections, 40) << id;
    EXPECT_LE(connections, 200) << id;
  }
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
}

}  // namespace
}  // namespace artel::testing
