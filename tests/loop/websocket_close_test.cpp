// The closing handshake of WebSocket, and what violations end with (RFC 6455 section 7).
#include <gtest/gtest.h>

#include "tests/support/websocket.hpp"

namespace artel::testing {
namespace {

TEST(WebSocketConnection, ViolationsCloseWithTheirCode) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  int messages = 0;
  worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
  World world(worker);
  const std::pair<std::string, std::uint16_t> table[] = {
      {frame(opcode::text, std::string(1001, 'x')), 1009},
      {frame(opcode::text, std::string(600, 'x'), false) + frame(opcode::continuation, std::string(600, 'x')), 1009},
      {frame(opcode::text, "\xff\xfe"), 1007},
      {std::string("\x81\x01x", 3), 1002},  // unmasked
      {frame(opcode::continuation, "x"), 1002},
      {frame(opcode::text, "x", false) + frame(opcode::text, "y"), 1002},
      {frame(opcode::ping, std::string(126, 'x')), 1002},
      {frame(3, "x"), 1002},
      {closeFrame(1000).replace(0, 1, "\xc8"), 1002},  // RSV1
  };
  for (const auto& [bytes, code] : table) {
    Client client(world);
    client.send(hello() + bytes + frame(opcode::text, "after"));
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    const std::string got = after101(client);
    ASSERT_GE(got.size(), 4u);
    EXPECT_EQ(got[0], '\x88');
    EXPECT_EQ(static_cast<unsigned char>(got[2]) << 8 | static_cast<unsigned char>(got[3]), code);
  }
  EXPECT_EQ(messages, 0);
  Client exact(world);
  exact.send(hello() + frame(opcode::text, std::string(1000, 'x')));
  world.until([&] { return messages == 1; });
}

TEST(WebSocketConnection, GoodMessagesBeforeAViolationAreAnswered) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  const std::pair<std::string, std::uint16_t> table[] = {
      {frame(3, ""), 1002},
      {frame(opcode::text, "\xff"), 1007},
      {frame(opcode::text, "half\xc3", false) + frame(opcode::continuation, "("), 1007},
      {frame(opcode::text, std::string(500, 'x') + "\xff" + std::string(400, 'x')).substr(0, 600), 1007},  // unfinished
      {frame(opcode::binary, std::string(1001, 'x')).substr(0, 4), 1009},
  };
  for (const auto& [bytes, code] : table) {
    Client client(world);
    client.send(hello() + frame(opcode::text, "one") + frame(opcode::ping, "p") + frame(opcode::text, "two") + bytes);
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    const std::string good = text("one") + std::string("\x8a\x01p", 3) + text("two");
    const std::string got = after101(client);
    ASSERT_GE(got.size(), good.size() + 4);
    EXPECT_EQ(got.substr(0, good.size()), good);
    EXPECT_EQ(got.substr(good.size() + 2, 2), closed(code).substr(2, 2)) << code;
  }
}

TEST(WebSocketConnection, CloseWithCodeAndReason) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view how) {
    if (how == "code") c.close(websocket::Close{4001, "enough"});
    if (how == "plain") c.close();
    if (how == "words") c.close("bye");
    if (how == "sent") {
      c.send(websocket::Close{4002, "sent"});
      EXPECT_EQ(c.send("after the Close"), SendStatus::dropped);
    }
  };
  World world(worker);
  const std::pair<std::string, std::string> table[] = {{"code", closed(4001, "enough")},
                                                       {"plain", closed(1000)},
                                                       {"words", text("bye") + closed(1000)},
                                                       {"sent", closed(4002, "sent")}};
  for (const auto& [how, expected] : table) {
    Client client(world);
    client.send(hello() + frame(opcode::text, how));
    ASSERT_TRUE(world.until([&, expected = expected] { return after101(client).size() >= expected.size(); }));
    client.send(closeFrame(1000));
    world.until([&] { return client.ended(); });
    EXPECT_EQ(after101(client), expected) << how;
  }
}

TEST(WebSocketConnection, ACloseThatIsNotAnsweredIsNotWaitedForLongerThanLingerTimeout) {
  Worker worker("websocket://127.0.0.1:0");
  worker.bodyTimeout = 0s;
  int messages = 0, closes = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    if (++messages == 1) c.send(websocket::Close{4002, "sent"});
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "close"));
  ASSERT_TRUE(world.until([&] { return after101(client) == closed(4002, "sent"); }));
  world.tickAfter(1s);
  client.send(frame(opcode::text, "on its way") + frame(opcode::ping, ""));
  ASSERT_TRUE(world.until([&] { return messages == 2; })) << "what the peer had to say is heard meanwhile";
  EXPECT_FALSE(client.ended());
  world.tickAfter(3s);  // whatever came: it buys no time
  ASSERT_TRUE(world.until([&] { return client.ended(); }));
  EXPECT_EQ(closes, 0);
  world.tickAfter(6s);
  world.until([&] { return closes == 1; });
}

TEST(WebSocketConnection, ACloseBehindWhatNobodyTakesIsGivenUpAlsoWithoutSendTimeout) {
  Worker worker("websocket://127.0.0.1:0");
  worker.sendTimeout = 0s;
  worker.minRate = 1 << 30;  // where a write is seen only when it is done, it has no more time than elsewhere
  std::string events;
  worker.onMessage = [](TcpConnection& c, std::string_view) {
    c.maxSendBufferSize = 64 << 20;
    EXPECT_EQ(c.send(std::string(32 << 20, 'x')), SendStatus::queued);
    EXPECT_EQ(c.send(websocket::Close{}), SendStatus::queued);
  };
  worker.onError = [&](TcpConnection&, const Error& error) { events += error.message + ", "; };
  worker.onClose = [&](TcpConnection&) { events += "closed"; };
  World world(worker);
  Client client(world);
  client.keep(false);
  client.pauseReadingAt(200);
  client.send(hello() + frame(opcode::text, "much"));
  ASSERT_TRUE(world.until([&] { return client.total() >= 200; }));
  world.forTime(100ms);  // the kernel takes what it can
  for (int i = 0; i < 3; ++i) world.tickAfter(i * 5s);
  EXPECT_EQ(events, "");
  world.tickAfter(60s);
  world.until([&] { return events == "client takes nothing, closed"; });
}

TEST(WebSocketConnection, ACloseIsNotMissedWhileItIsNotReadFrom) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view) {
    c.send(websocket::Close{});
    c.pauseRecv();
  };
  bool bye = false;
  worker.onWebSocketClose = [&](TcpConnection&, const websocket::Close&) { bye = true; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "close"));
  ASSERT_TRUE(world.until([&] { return after101(client) == closed(1000); }));
  client.send(closeFrame(1000));
  for (int i = 1; i < 4; ++i) world.tickAfter(i * 5s);
  world.settle();
  ASSERT_FALSE(client.ended());
  world.first().resumeRecv();
  world.until([&] { return bye; });
}

TEST(WebSocketConnection, AStopSaysGoingAway) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
  world.process().stop(0, false);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), closed(1001));
  client.close();
  world.until([&] { return world.process().done(); });
}

}  // namespace
}  // namespace artel::testing
