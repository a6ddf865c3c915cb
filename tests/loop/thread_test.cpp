// Everything but Loop::post belongs to the loop's thread; builds with assertions say so (row 1.16.3).
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(ThreadDeathTest, SendFromAnotherThreadTripsTheAssertion) {
#ifdef NDEBUG
  GTEST_SKIP() << "this build has no assertions; the one for the sanitizers has";
#else
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  Client client(world);
  world.until([&] { return !worker.connections().empty(); });
  TcpConnection& connection = world.first();
  EXPECT_DEATH(std::thread([&] { connection.send("x"); }).join(), "belongs to the loop's thread");
#endif
}

}  // namespace
}  // namespace artel::testing
