// Start, clients, stop, again and again on one port (ARTEL_CYCLES: how often; 5).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

TEST(Cycles, EachStopSaysGoodbyeAndLeavesThePortFree) {
  using Clock = std::chrono::steady_clock;
  const char* wanted = std::getenv("ARTEL_CYCLES");
  const int cycles = wanted != nullptr ? std::atoi(wanted) : 5;
  std::string port = "0";
  std::chrono::milliseconds longest{0};
  for (int i = 0; i < cycles; ++i) {
    const auto began = Clock::now();
    Program program("fixtures/pair", {"start", "--worker", "left", "--listen", "left=text://127.0.0.1:" + port});
    const auto bound = program.port();
    ASSERT_NE(bound, 0) << program.err();
    EXPECT_TRUE(i == 0 || std::to_string(bound) == port) << bound;
    port = std::to_string(bound);
    std::vector<std::unique_ptr<Wire>> wires;
    for (int n = 0; n < 20; ++n) {
      wires.push_back(std::make_unique<Wire>(bound));
      wires.back()->send("hello\n");
      EXPECT_EQ(wires.back()->receive([](const std::string& got) { return got == "hello\n"; }), "hello\n");
    }
    ASSERT_TRUE(program.askToStop());
    EXPECT_EQ(program.wait(), 0) << program.err();
    EXPECT_NE(program.out().find("left ends"), std::string::npos) << program.out();
    for (const auto& wire : wires) EXPECT_EQ(wire->receive([](const std::string&) { return false; }), "");
    longest = std::max(longest, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
  }
  std::printf("%d cycles, the longest took %d ms\n", cycles, static_cast<int>(longest.count()));
  EXPECT_LT(longest, 10s);
}

}  // namespace
}  // namespace artel::testing
