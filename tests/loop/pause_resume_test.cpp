// pauseRecv and resumeRecv (manual 1.9.3.6, 1.9.3.7).
#include <gtest/gtest.h>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(PauseResume, NothingIsDeliveredInBetweenAndNothingIsLost) {
  Worker worker("text://127.0.0.1:0");
  std::vector<std::string> lines;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    lines.emplace_back(line);
    if (lines.size() == 2 || lines.size() == 4) c.pauseRecv();
  };
  World world(worker);
  Client client(world);
  client.send("1\n2\n3\n4\n5\n");
  world.until([&] { return lines.size() == 2; });
  client.send("6\n");
  world.forTime(20ms);
  EXPECT_EQ(lines.size(), 2u);
  world.first().resumeRecv();
  EXPECT_EQ(lines.size(), 2u) << "nothing the user calls calls the user back";
  world.settleOnce();
  EXPECT_EQ(lines.size(), 4u) << "paused again inside the resumed delivery";
  world.forTime(20ms);
  EXPECT_EQ(lines.size(), 4u);
  world.first().resumeRecv();
  world.until([&] { return lines.size() == 6; });
  EXPECT_EQ(lines, (std::vector<std::string>{"1", "2", "3", "4", "5", "6"}));
}

TEST(PauseResume, MemoryStaysFlatAndTheEndIsNoticedAfterwards) {
  Worker worker("tcp://127.0.0.1:0");
  std::size_t received = 0;
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) { c.pauseRecv(); };
  worker.onMessage = [&](TcpConnection&, std::string_view data) { received += data.size(); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  constexpr std::size_t size = 40'000'000;
  client.send(std::string(size, 'x'));
  client.shutdown();
  world.forTime(50ms);
  EXPECT_EQ(received, 0u);
  EXPECT_EQ(world.first().getRecvBufferQueueSize(), 0u);
  EXPECT_EQ(world.first().bytesRead(), 0u);
  EXPECT_EQ(closes, 0);
  world.first().pauseRecv();
  world.first().resumeRecv();
  world.first().resumeRecv();
  world.until([&] { return closes == 1; });
  EXPECT_EQ(received, size);
}

TEST(PauseResume, HeaderTimeoutCountsFromTheResume) {
  Worker worker("text://127.0.0.1:0");
  worker.headerTimeout = 1s;
  int lines = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    if (++lines == 1) c.pauseRecv();
  };
  World world(worker);
  Client client(world);
  client.send("1\n2 without end");
  ASSERT_TRUE(world.until([&] { return lines == 1; }));
  world.forTime(1200ms);
  world.tickAfter(0ms);
  world.first().resumeRecv();
  world.settleOnce();
  world.tickAfter(400ms);
  client.send("\n");
  world.until([&] { return lines == 2; });
}

TEST(PauseResume, CloseWhilePaused) {
  Worker worker("text://127.0.0.1:0");
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) {
    c.pauseRecv();
    c.close("bye");
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send("ignored\n");
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "bye\n");
  client.close();
  world.until([&] { return closes == 1; });
}

}  // namespace
}  // namespace artel::testing
