// A worker's numbers as they are seen from outside while it works (row 1.14.2).
#include <gtest/gtest.h>
#include <uv.h>

#include <memory>
#include <optional>

#include "src/master/statistics_reader.hpp"
#include "src/net/statistics.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

class StatisticsOfAProcess : public ::testing::Test {
 protected:
  StatisticsOfAProcess() { net::StatisticsBlock::prepare(block.get(), "test"); }
  ~StatisticsOfAProcess() override { net::activity.attach(nullptr); }
  /// As the master would read it a second from now.
  WorkerNumbers read() const {
    return readStatistics({reinterpret_cast<const std::byte*>(block.get()), sizeof(net::StatisticsBlock)},
                          uv_hrtime() / 1'000'000 + 1000)
        .value();
  }
  std::unique_ptr<net::StatisticsBlock> block = std::make_unique<net::StatisticsBlock>();
};

TEST_F(StatisticsOfAProcess, EveryCallbackIsSeenWhileItRunsAndOnlyThen) {
  Worker worker("text://127.0.0.1:0");
  std::optional<WorkerNumbers> connecting, message, timer, closing;
  std::uint64_t id = 0, timerId = 0;
  worker.onConnect = [&](TcpConnection& c) {
    connecting = read();
    id = c.id();
  };
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    message = read();
    c.send(line);
  };
  worker.onClose = [&](TcpConnection&) { closing = read(); };
  World world(worker);
  net::activity.attach(block.get());
  Client client(world);
  client.send("hello\n");
  world.until([&] { return client.received == "hello\n"; });
  timerId = Timer::delay(0.001, [&] { timer = read(); });
  world.until([&] { return timer.has_value(); });
  world.settle();
  const WorkerNumbers between = read();
  EXPECT_EQ(between.connections, 1u);
  EXPECT_EQ(between.requests, 1u);
  EXPECT_EQ(between.bytesIn, 6u);
  EXPECT_EQ(between.bytesOut, 6u);
  EXPECT_EQ(between.timers, 0u);
  EXPECT_FALSE(between.busy()) << "the loop sleeps";
  EXPECT_TRUE(between.callback50) << "the first event is timed";
  client.close();
  world.until([&] { return closing.has_value(); });

  const auto seen = [](const std::optional<WorkerNumbers>& numbers, net::Running what, std::uint64_t subject) {
    ASSERT_TRUE(numbers);
    EXPECT_TRUE(numbers->busy()) << net::nameOf(what);
    EXPECT_EQ(numbers->running, what);
    EXPECT_EQ(numbers->subject, subject) << net::nameOf(what);
  };
  seen(connecting, net::Running::connect, id);
  seen(message, net::Running::message, id);
  seen(timer, net::Running::timer, timerId);
  seen(closing, net::Running::close, id);
}

TEST_F(StatisticsOfAProcess, DatagramsCount) {
  Worker worker("udp://127.0.0.1:0");
  std::optional<WorkerNumbers> inside;
  worker.onMessage = [&](UdpConnection& c, std::string_view data) {
    inside = read();
    c.send(data);
  };
  World world(worker);
  net::activity.attach(block.get());
  Datagrams client(world);
  client.send("12345");
  world.until([&] { return !client.received.empty(); });
  world.settle();
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->running, net::Running::datagram);
  EXPECT_EQ(read().requests, 1u);
  EXPECT_EQ(read().bytesIn, 5u);
  EXPECT_EQ(read().bytesOut, 5u);
}

}  // namespace
}  // namespace artel::testing
