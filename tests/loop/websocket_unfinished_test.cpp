// WebSocket messages that have begun: their memory and their time.
#include <gtest/gtest.h>

#include "tests/loop/count_new.hpp"
#include "tests/support/websocket.hpp"

namespace artel::testing {
namespace {

/// How many of six unfinished messages of that size take new memory for their first fragment.
int freshOfSix(std::size_t size) {
  std::vector<std::string> bytes(6, frame(opcode::binary, std::string(size, 'x'), false));
  std::vector<std::unique_ptr<websocket::Reader>> readers;
  for (int i = 0; i < 6; ++i) readers.push_back(std::make_unique<websocket::Reader>(websocket::Role::server));
  int fresh = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    largestAllocation = 0;
    EXPECT_EQ(readers[i]->input(bytes[i], 1 << 20).size, bytes[i].size());
    readers[i]->decode(bytes[i], 1 << 20);
    EXPECT_TRUE(readers[i]->unfinished());
    if (largestAllocation >= size) ++fresh;
  }
  return fresh;
}

TEST(WebSocketBuffers, FourOfSixtyFourKilobytesAreKeptForTheNextMessages) {
  freshOfSix(60 * 1024);
  EXPECT_EQ(freshOfSix(60 * 1024), 2);
  freshOfSix(65 * 1024);  // takes those that were kept, and they are too large now
  EXPECT_EQ(freshOfSix(65 * 1024), 6);
}

TEST(WebSocketConnection, AnAnnouncedLengthReservesNothing) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
  const std::string begun = frame(opcode::binary, std::string(9'000'000, 'x')).substr(0, 3000);
  largestAllocation = 0;
  for (std::size_t at = 0; at < begun.size(); at += 1000) {
    client.send(begun.substr(at, 1000));
    ASSERT_TRUE(world.until([&] { return world.first().getRecvBufferQueueSize() == at + 1000; }));
  }
  EXPECT_LE(largestAllocation, 16'000u);
}

/// A message that does not come to its end, in each way that it can.
class UnfinishedMessage : public ::testing::TestWithParam<const char*> {
 protected:
  UnfinishedMessage() : worker("websocket://127.0.0.1:0") {
    worker.onMessage = [](TcpConnection& c, std::string_view) { c.send("got it"); };
  }
  /// The handshake is done and the beginning of the message is there.
  void begin(World& world, Client& client) {
    client.send(hello());
    ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
    const std::uint64_t before = world.first().bytesRead();
    client.send(start());
    ASSERT_TRUE(world.until([&] { return world.first().bytesRead() == before + start().size(); }));
    world.tickAfter(0ms);
  }
  std::string start() const {
    const std::string whole = frame(opcode::text, std::string(100, 'x'));
    if (std::string_view(GetParam()) == "Frame") return whole.substr(0, 50);
    return frame(opcode::text, std::string(100, 'x'), false);  // the first fragment, and no other
  }
  Worker worker;
  const std::string slow = closed(1008, "the message comes too slowly");
};

TEST_P(UnfinishedMessage, ThatFallsSilentEndsTheConnection) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(29s);
  world.settle();
  EXPECT_EQ(after101(client), "");
  world.tickAfter(31s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), slow);
}

TEST_P(UnfinishedMessage, HasNoLimitWhereTheLimitIsOff) {
  worker.bodyTimeout = 0ms;
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(48h);
  world.settle();
  EXPECT_EQ(after101(client), "");
}

TEST_P(UnfinishedMessage, OfAPausedConnectionIsNotItsPeersFault) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.first().pauseRecv();
  world.tickAfter(100s);
  world.first().resumeRecv();
  world.tickAfter(101s);
  world.tickAfter(120s);
  world.settle();
  EXPECT_EQ(after101(client), "") << "its time began anew";
  world.tickAfter(132s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), slow);
}

TEST_P(UnfinishedMessage, EachMessageHasItsOwnTime) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(20s);
  client.send(std::string_view(GetParam()) == "Frame" ? frame(opcode::text, std::string(100, 'x')).substr(50)
                                                      : frame(opcode::continuation, "end"));
  ASSERT_TRUE(world.until([&] { return after101(client) == text("got it"); }));
  client.send(start());
  ASSERT_TRUE(world.until(
      [&] { return world.first().getRecvBufferQueueSize() > 0 || std::string_view(GetParam()) != "Frame"; }));
  world.tickAfter(25s);
  world.tickAfter(50s);
  world.settle();
  EXPECT_EQ(after101(client), text("got it"));
}

/// Pings of which each tick sees only a part are no unfinished message.
TEST(WebSocketConnection, ControlFramesThatAreCutAtEachTickAreNoSlowMessage) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world);
  const std::string ping = frame(opcode::ping, "still here");
  client.send(hello() + ping.substr(0, 3));
  ASSERT_TRUE(
      world.until([&] { return !worker.connections().empty() && world.first().getRecvBufferQueueSize() == 3; }));
  std::string pongs;
  for (int i = 0; i < 4; ++i) {
    world.tickAfter(i * 31s);
    client.send(ping.substr(3) + ping.substr(0, 3));
    websocket::appendControl(pongs, opcode::pong, "still here");
    ASSERT_TRUE(world.until([&] { return after101(client) == pongs; })) << i;
  }
  EXPECT_FALSE(client.ended());
}

/// What a peer has paid for a message is what it sent, not what that became.
class SlowCompressed : public ::testing::TestWithParam<bool> {};

TEST_P(SlowCompressed, MessagesAreAsSlowAsTheirBytesOnTheWire) {
  const bool fragments = GetParam();
  Worker worker("websocket://127.0.0.1:0");
  worker.websocketDeflate = true;
  worker.bodyTimeout = 100ms;
  worker.minRate = 100'000;
  World world(worker);
  Client client(world);
  const std::string offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  websocket::Compression mine(websocket::Role::client, {});
  const std::string payload(mine.deflate(std::string(1'000'000, 'x')).value_or(""));
  ASSERT_LT(payload.size(), 10'000u);
  std::string begun = frame(opcode::binary | opcode::compressed, payload, !fragments);
  if (!fragments) begun.resize(begun.size() - 5);
  client.send(hello(offer) + begun);
  std::uint64_t sent = hello(offer).size() + begun.size();
  const auto arrived = [&] { return !worker.connections().empty() && world.first().bytesRead() == sent; };
  ASSERT_TRUE(world.until(arrived));
  world.tickAfter(0ms);
  world.forTime(300ms);
  const std::string more = fragments ? frame(opcode::continuation, "", false) : "x";
  client.send(more);  // it is not silent
  sent += more.size();
  ASSERT_TRUE(world.until(arrived));
  world.tickAfter(0ms);
  EXPECT_NE(world.first().getStatus(), TcpConnection::Status::established);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), closed(1008, "the message comes too slowly"));
}
INSTANTIATE_TEST_SUITE_P(In, SlowCompressed, ::testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "Fragments" : "Frame"); });

/// Memory that is kept for the next message is nothing that anybody has sent.
TEST(WebSocketConnection, AFragmentOfOneByteBuysNoMoreThanAByteDoes) {
  Worker worker("websocket://127.0.0.1:0");
  worker.bodyTimeout = 1s;
  worker.minRate = 1000;
  World world(worker);
  Client client(world);
  const std::string begun = hello() + frame(opcode::binary, std::string(40'000, 'x'), false) +
                            frame(opcode::continuation, "", true) + frame(opcode::binary, "x", false);
  client.send(begun);
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() == begun.size(); }));
  // It is never silent, but each of these is 7 bytes, of which one counts: all of them together buy no second.
  for (int i = 0; i < 100 && !client.ended(); ++i) {
    client.send(frame(opcode::continuation, "y", false));
    world.forTime(50ms);
  }
  world.until([&] { return client.ended(); });
  EXPECT_TRUE(after101(client).ends_with(closed(1008, "the message comes too slowly")));
}

INSTANTIATE_TEST_SUITE_P(In, UnfinishedMessage, ::testing::Values("Frame", "Fragments"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace artel::testing
