// No allocation per message: every operator new is counted.
#include <gtest/gtest.h>

#include "tests/loop/count_new.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

/// A client that allocates nothing: it writes the same bytes with uv_try_write, and its answers are only counted.
std::uint64_t allocationsFor(World& world, Client& client, std::string_view request, std::size_t answerSize, int rounds,
                             const std::function<void(std::string_view)>& sendNow) {
  client.keep(false);
  std::uint64_t before = 0;
  for (int i = -16; i < rounds; ++i) {  // the first ones fill pools
    if (i == 0) before = allocations;
    const std::size_t wanted = client.total() + answerSize;
    sendNow(request);
    for (int turns = 0; client.total() < wanted && turns < 100'000; ++turns) world.settleOnce();
    EXPECT_EQ(client.total(), wanted);
    if (client.total() != wanted) break;
  }
  return allocations - before;
}

constexpr int rounds = 500;

TEST(Allocation, TheCounterCounts) {
  const std::uint64_t before = allocations;
  auto* one = new std::string(100, 'x');
  delete one;
  EXPECT_GE(allocations - before, 1u);
}

TEST(Allocation, NonePerTextMessage) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  Client client(world);
  world.until([&] { return client.connected(); });
  EXPECT_EQ(allocationsFor(world, client, "hello world\n", 12, rounds,
                           [&](std::string_view bytes) { client.tryWrite(bytes); }),
            0u);
}

TEST(Allocation, NonePerFrame) {
  Worker worker("frame://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Client client(world);
  world.until([&] { return client.connected(); });
  const std::string frame("\0\0\0\x09hello", 9);
  EXPECT_EQ(allocationsFor(world, client, frame, 9, rounds, [&](std::string_view bytes) { client.tryWrite(bytes); }),
            0u);
}

TEST(Allocation, NonePerHttpHello) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("hello world"); };
  World world(worker);
  Client client(world);
  const std::string request =
      "GET /index.html?a=1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
  client.send(request);
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(allocationsFor(world, client, request, client.received.size(), rounds,
                           [&](std::string_view bytes) { client.tryWrite(bytes); }),
            0u);
}

TEST(Allocation, NonePerWebSocketEcho) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Client client(world);
  client.send(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  world.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
  std::string frame = "\x81\x85";
  frame += std::string("\0\0\0\0", 4) + "hello";
  EXPECT_EQ(allocationsFor(world, client, frame, 7, rounds, [&](std::string_view bytes) { client.tryWrite(bytes); }),
            0u);
}

}  // namespace
}  // namespace artel::testing
