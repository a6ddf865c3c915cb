// Between the acceptance and the first frame: what a callback may do there (RFC 6455 sections 5.5.1 and 7.1).
#include <gtest/gtest.h>

#include "tests/support/websocket.hpp"

namespace artel::testing {
namespace {

TEST(WebSocketAccept, AnExceptionBehindItIsTold) {
  for (const bool goOn : {true, false}) {
    Worker::onException = [=](const std::exception_ptr&, Connection*) { return goOn; };
    Worker worker("websocket://127.0.0.1:0");
    worker.onWebSocketConnect = [](TcpConnection& c, const http::Request&) {
      EXPECT_TRUE(c.acceptWebSocket());
      throw std::runtime_error("too late");
    };
    bool connected = false;
    worker.onWebSocketConnected = [&](TcpConnection&, const http::Request&) { connected = true; };
    World world(worker);
    Client client(world);
    client.send(hello() + frame(opcode::text, "hi"));
    world.until([&] { return client.ended(); });
    EXPECT_EQ(after101(client), closed(1011)) << goOn;
    EXPECT_FALSE(connected);
  }
  Worker::onException = nullptr;
}

TEST(WebSocketAccept, ACloseBehindItIsSent) {
  Worker worker("websocket://127.0.0.1:0");
  int which = 0, connected = 0;
  worker.onWebSocketConnect = [&](TcpConnection& c, const http::Request&) {
    EXPECT_TRUE(c.acceptWebSocket());
    c.send("hello");
    switch (which) {
      case 0:
        return c.close(websocket::Close{4001, "not you"});
      case 1:
        return c.close();
      default:
        EXPECT_EQ(c.send(websocket::Close{4002, {}}), SendStatus::sent);
        EXPECT_EQ(c.send("behind it"), SendStatus::dropped);
    }
  };
  worker.onWebSocketConnected = [&](TcpConnection& c, const http::Request&) {
    ++connected;
    EXPECT_EQ(c.send("behind it"), SendStatus::dropped);
  };
  World world(worker);
  const std::string expected[] = {closed(4001, "not you"), closed(1000), closed(4002)};
  for (; which < 3; ++which) {
    Client client(world);
    client.send(hello());
    if (which < 2) {
      world.until([&] { return client.ended(); });
    } else {  // only the peer's own Close ends it
      world.until([&] { return !after101(client).empty(); });
      world.settle();
      EXPECT_FALSE(client.ended());
      client.send(closeFrame(4002));
      world.until([&] { return client.ended(); });
    }
    EXPECT_EQ(after101(client), text("hello") + expected[which]) << which;
    EXPECT_EQ(connected, which < 2 ? 0 : 1);
  }
}

TEST(WebSocketAccept, OfAConnectionThatHasEndedIsRefused) {
  for (const bool destroy : {false, true}) {
    Worker worker("http://127.0.0.1:0");
    bool asked = false, connected = false;
    worker.onMessage = [&](TcpConnection& c, const http::Request&) {
      asked = true;
      destroy ? c.destroy() : c.close();
      EXPECT_FALSE(c.acceptWebSocket());
    };
    worker.onWebSocketConnected = [&](TcpConnection&, const http::Request&) { connected = true; };
    World world(worker);
    Client client(world);
    client.send(hello());
    world.until([&] { return client.ended(); });
    EXPECT_TRUE(asked);
    EXPECT_EQ(client.received, "");
    EXPECT_FALSE(connected);
  }
}

TEST(WebSocketAccept, NothingFollowsACloseNotEvenWhatWasSentBeforeTheHandshake) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { EXPECT_EQ(c.send("early"), SendStatus::queued); };
  worker.onWebSocketConnected = [](TcpConnection& c, const http::Request&) { c.send(websocket::Close{}); };
  World world(worker);
  Client client(world);
  client.send(hello() + closeFrame(1000));
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), closed(1000));
}

}  // namespace
}  // namespace artel::testing
