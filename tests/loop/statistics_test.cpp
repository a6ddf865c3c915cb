// A worker's numbers as they are seen from outside while it works (row 1.14.2).
#include <gtest/gtest.h>
#include <uv.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "src/master/statistics_reader.hpp"
#include "src/net/loop.hpp"
#include "src/net/statistics.hpp"
#include "src/worker/core.hpp"
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

struct Slow {
  net::Running what;
  std::uint64_t subject, milliseconds;
};
std::vector<Slow> slowOnes;

TEST_F(StatisticsOfAProcess, ASlowCallbackIsNamedAndNoOtherOfItsTurn) {
  Worker worker("text://127.0.0.1:0");
  std::uint64_t quick = 0, slow = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    (line == "slow" ? slow : quick) = c.id();
    if (line == "slow") std::this_thread::sleep_for(750ms);
    c.send(line);
  };
  bool closed = false;
  worker.onClose = [&](TcpConnection& c) { closed = closed || c.id() == slow; };
  World world(worker);
  net::activity.onSlow = [](net::Running what, std::uint64_t subject, std::uint64_t milliseconds) noexcept {
    slowOnes.push_back({what, subject, milliseconds});
  };
  net::activity.slowAfter = 600;
  slowOnes.clear();
  Client before(world), between(world), after(world);
  for (Client* client : {&before, &between, &after}) {
    client->send("quick\n");
    world.until([&] { return client->received == "quick\n"; });
  }
  EXPECT_TRUE(slowOnes.empty());
  // All in one turn: nothing is read before all has been sent.
  before.send("quick\n");
  between.send("slow\n");
  after.send("quick\n");
  world.until([&] { return after.received == "quick\nquick\n" && between.received == "quick\nslow\n"; });
  ASSERT_EQ(slowOnes.size(), 1u);
  EXPECT_EQ(slowOnes[0].what, net::Running::message);
  EXPECT_EQ(slowOnes[0].subject, slow);
  EXPECT_NE(slow, quick);
  EXPECT_GE(slowOnes[0].milliseconds, 740u) << "the clock may be some milliseconds behind";
  const std::uint64_t timer = Timer::delay(0.001, [] { std::this_thread::sleep_for(750ms); });
  world.until([&] { return slowOnes.size() == 2; });
  EXPECT_EQ(slowOnes[1].what, net::Running::timer);
  EXPECT_EQ(slowOnes[1].subject, timer);
  between.close();
  world.until([&] { return closed; });
  world.settle();
  EXPECT_EQ(slowOnes.size(), 2u);
}

TEST_F(StatisticsOfAProcess, WhatAWorkerHasCountedStaysCountedWhenItIsDestroyed) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  net::activity.attach(block.get());
  auto inner = std::make_unique<Worker>("text://127.0.0.1:0");
  inner->onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  inner->listen();
  Client client(world, inner->core().address.port);
  client.send("1\n2\n3\n");
  world.until([&] { return client.received == "1\n2\n3\n"; });
  world.settle();
  EXPECT_EQ(read().requests, 3u);
  inner.reset();
  world.until([&] { return client.ended(); });
  world.settle();
  EXPECT_EQ(read().requests, 3u);
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

TEST_F(StatisticsOfAProcess, BytesThatWaitAreCountedUntilTheyAreGone) {
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  net::activity.attach(block.get());
  const std::string large(20'000'000, 'x');
  // What is there now, in no turn between: the kernel may take more in each.
  const auto here = [&] {
    std::uint64_t bytes = 0;
    for (auto& [id, connection] : worker.connections()) bytes += connection->getSendBufferQueueSize();
    return bytes;
  };
  Client reader(world);
  reader.keep(false);
  world.until([&] { return worker.connections().size() == 1 && reader.connected(); });
  EXPECT_EQ(read().sendQueue, 0u);
  reader.pauseReading();
  EXPECT_EQ(world.first().send(large), SendStatus::queued);
  EXPECT_GT(here(), large.size() / 2);
  EXPECT_EQ(net::loop().sendQueue(), here());
  world.until([&] { return read().sendQueue > 0; });
  EXPECT_LE(read().sendQueue, large.size());
  reader.resumeReading();
  world.until([&] { return reader.total() == large.size(); });
  world.settle();
  EXPECT_EQ(read().sendQueue, 0u) << "at once, not a second later";

  // Two of them; the first that goes leaves the place of the other.
  Client other(world);
  world.until([&] { return worker.connections().size() == 2 && other.connected(); });
  reader.pauseReading();
  other.pauseReading();
  for (auto& [id, connection] : worker.connections()) connection->send(large);
  EXPECT_GT(here(), large.size()) << "of both";
  EXPECT_EQ(net::loop().sendQueue(), here());
  world.settle();
  EXPECT_EQ(net::loop().sendQueue(), here()) << "when the kernel has taken some of it";
  world.first().destroy();
  world.until([&] { return worker.connections().size() == 1; });
  EXPECT_GT(here(), 0u);
  EXPECT_EQ(net::loop().sendQueue(), here());
  world.first().destroy();
  world.until([&] { return worker.connections().empty(); });
  world.settle();
  EXPECT_EQ(net::loop().sendQueue(), 0u) << "closed with all that it held";
  EXPECT_EQ(read().sendQueue, 0u);
}

}  // namespace
}  // namespace artel::testing
