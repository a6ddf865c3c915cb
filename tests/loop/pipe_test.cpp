// pipe (manual 1.9.3.8), here between two accepted connections.
#include <gtest/gtest.h>

#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "tests/support/websocket.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

struct Proxy {
  explicit Proxy(const char* listen = "tcp://127.0.0.1:0") : worker(listen) {
    worker.onConnect = [this](TcpConnection& c) { (connects++ == 0 ? left : right) = c.share(); };
    world = std::make_unique<World>(worker);
    one = std::make_unique<Client>(*world);
    world->until([&] { return connects == 1 && one->connected(); });
    two = std::make_unique<Client>(*world);
    world->until([&] { return connects == 2 && two->connected(); });
  }
  void join() {
    left->pipe(*right);
    right->pipe(*left);
  }
  Worker worker;
  int connects = 0;
  ConnectionPtr left, right;
  std::unique_ptr<World> world;
  std::unique_ptr<Client> one, two;
};

TEST(Pipe, TwentyMegabytesEachWay) {
  Proxy proxy;
  proxy.join();
  const std::string there = pattern(20 * megabyte, 1), back = pattern(20 * megabyte, 2);
  proxy.one->send(there);
  proxy.two->send(back);
  proxy.world->until(
      [&] { return proxy.two->received.size() >= there.size() && proxy.one->received.size() >= back.size(); }, 20s);
  EXPECT_TRUE(proxy.two->received == there);
  EXPECT_TRUE(proxy.one->received == back);
}

TEST(Pipe, ASlowReaderSlowsTheSenderAndLosesNothing) {
  Proxy proxy;
  proxy.join();
  proxy.right->maxSendBufferSize = 100'000;
  const std::string bytes = pattern(40 * megabyte);
  proxy.two->pauseReading();
  proxy.one->send(bytes);
  std::size_t most = 0;
  std::uint64_t read = 1, before = 0;
  while (read != before) {
    before = read;
    proxy.world->forTime(30ms);
    read = proxy.left->bytesRead();
    most = std::max(most, proxy.right->getSendBufferQueueSize());
  }
  EXPECT_LT(read, bytes.size());
  EXPECT_LE(most, 100'000u + 256 * 1024);
  proxy.two->resumeReading();
  proxy.world->until([&] { return proxy.two->received.size() >= bytes.size(); }, 20s);
  EXPECT_TRUE(proxy.two->received == bytes);
  EXPECT_EQ(proxy.worker.sendFails(), 0u);
}

/// A protocol that has nothing to say to a message leaves a buffer with nothing in it, which never drains.
TEST(Pipe, ToOneWithoutAnySendBufferThatSkipsAMessage) {
  struct Skipping {
    using Message = std::string_view;
    Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
    std::string_view decode(std::string_view bytes, Peer&) { return bytes; }
    void encode(std::string_view text, Peer&, std::string& out) {
      if (text != "skipped") out += text;
    }
  };
  Proxy proxy;
  proxy.right->protocol = protocol<Skipping>();
  proxy.right->maxSendBufferSize = 0;
  proxy.left->pipe(*proxy.right);
  proxy.one->send("skipped");
  ASSERT_TRUE(proxy.world->until([&] { return proxy.left->bytesRead() == 7; }));
  proxy.one->send("through");
  EXPECT_TRUE(proxy.world->until([&] { return proxy.two->received == "through"; })) << proxy.two->received;
}

/// What is only corked goes out at the turn's end, and no drain is told that would let the source go on.
TEST(Pipe, ToOneWhoseLimitWasLoweredBehindWhatIsCorked) {
  for (const std::size_t limit : {std::size_t{0}, std::size_t{100}}) {
    Proxy proxy;
    proxy.right->send(std::string(1000, 'x'));
    proxy.right->maxSendBufferSize = limit;
    proxy.left->pipe(*proxy.right);
    proxy.one->send("through");
    EXPECT_TRUE(proxy.world->until([&] { return proxy.two->received.ends_with("through"); })) << limit;
  }
}

/// Else an echo behind a proxy stands still as soon as all buffers on the way are full.
TEST(Pipe, OneWayGoesOnWhileTheOtherStands) {
  Proxy proxy;
  proxy.join();
  proxy.right->maxSendBufferSize = 100'000;
  proxy.two->pauseReading();
  proxy.one->send(pattern(40 * megabyte));
  proxy.world->until([&] { return proxy.right->getSendBufferQueueSize() >= 100'000; });
  const std::string bytes = pattern(5 * megabyte, 2);
  proxy.two->send(bytes);
  proxy.world->until([&] { return proxy.one->received.size() >= bytes.size(); });
  EXPECT_TRUE(proxy.one->received == bytes);
}

TEST(Pipe, IntoOneThatIsFullAlreadyLosesNothing) {
  Proxy proxy;
  proxy.right->maxSendBufferSize = 1000;
  proxy.two->pauseReading();
  const std::string first = pattern(10 * megabyte, 1), second = pattern(300'000, 2);
  EXPECT_NE(proxy.right->send(first), SendStatus::dropped);
  proxy.world->settle();
  ASSERT_GE(proxy.right->getSendBufferQueueSize(), 1000u);
  proxy.left->pipe(*proxy.right);
  proxy.one->send(second);
  proxy.world->settle();
  proxy.two->resumeReading();
  proxy.world->until([&] { return proxy.two->total() >= first.size() + second.size(); }, 20s);
  EXPECT_TRUE(proxy.two->received == first + second);
}

/// One whose client has ended its side, or has gone and nobody noticed, while the other says nothing.
TEST(Pipe, OfWhichOnlyAHalfIsLeftAndThatIsStillEndsAfterTenMinutes) {
  Proxy proxy;
  proxy.join();
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); });
  proxy.world->tickAfter(599s);
  proxy.world->settle();
  EXPECT_EQ(proxy.worker.connections().size(), 2u);
  proxy.two->send("still here");
  proxy.world->until([&] { return proxy.one->received == "still here"; });
  proxy.world->tickAfter(601s);
  proxy.world->until([&] { return proxy.one->ended(); });
  proxy.two->close();
  proxy.world->until([&] { return proxy.worker.connections().empty(); });
}

TEST(Pipe, WhoIsNotReadBecauseTheOtherIsSlowIsNotStill) {
  Proxy proxy;
  proxy.worker.sendTimeout = 0s;
  proxy.join();
  proxy.left->maxSendBufferSize = 100'000;
  proxy.one->pauseReading();
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); });
  const std::string bytes = pattern(20 * megabyte);
  proxy.two->send(bytes);
  proxy.world->until([&] { return Conn::of(*proxy.right).paused(); });
  proxy.world->tickAfter(601s);
  proxy.one->resumeReading();
  proxy.world->until([&] { return proxy.one->received.size() == bytes.size(); }, 20s);
}

/// One way only: the other's answers are a handler's.
TEST(Pipe, WhoTalksWithAHandlerIsNotStill) {
  Proxy proxy;
  proxy.left->pipe(*proxy.right);
  std::string heard;
  proxy.right->onMessage = [&](TcpConnection&, std::string_view text) { heard += text; };
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); });
  proxy.world->forTime(3s);
  proxy.two->send("talks");
  proxy.world->until([&] { return heard == "talks"; });
  proxy.world->tickAfter(598s);  // of the first ten minutes have passed, of the second not
  proxy.world->settle();
  EXPECT_FALSE(proxy.one->ended());
}

TEST(Pipe, AHalfCloseIsPassedOn) {
  Proxy proxy;
  proxy.join();
  const std::string request = pattern(3 * megabyte), reply = pattern(5 * megabyte, 2);
  proxy.one->send(request);
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); }, 10s);
  EXPECT_TRUE(proxy.two->received == request);
  EXPECT_FALSE(proxy.one->ended());
  proxy.two->send(reply);  // "what was the sum?" - the answer may come after the question has ended
  proxy.two->shutdown();
  proxy.world->until([&] { return proxy.one->ended(); }, 10s);
  EXPECT_TRUE(proxy.one->received == reply);
  proxy.world->until([&] { return proxy.worker.connections().empty(); });
}

TEST(Pipe, AHalfCloseInTheMiddleOfAMessageIsPassedOn) {
  Proxy proxy("text://127.0.0.1:0");
  proxy.join();
  proxy.one->send("line\nno end");
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); });
  EXPECT_EQ(proxy.two->received, "line\n");
}

TEST(Pipe, EitherSideClosingClosesTheOther) {
  for (const bool reset : {false, true}) {
    for (const bool first : {false, true}) {
      Proxy proxy;
      proxy.join();
      proxy.one->send("a");
      proxy.two->send("b");
      proxy.world->until([&] { return proxy.two->received == "a" && proxy.one->received == "b"; });
      Client& leaves = first ? *proxy.one : *proxy.two;
      Client& stays = first ? *proxy.two : *proxy.one;
      leaves.close(reset);
      proxy.world->until([&] { return stays.ended(); });
      stays.close();
      proxy.world->until([&] { return proxy.worker.connections().empty(); });
    }
  }
}

TEST(Pipe, ClosingOneByHandClosesTheOther) {
  Proxy proxy;
  proxy.join();
  proxy.left->destroy();
  proxy.world->until([&] { return proxy.two->ended() && proxy.one->ended(); });
}

TEST(Pipe, OneWayEndsWhenBothPeersHaveEnded) {
  Proxy proxy;
  proxy.left->pipe(*proxy.right);
  proxy.one->send("abc");
  proxy.one->shutdown();
  proxy.world->until([&] { return proxy.two->ended(); });
  EXPECT_EQ(proxy.two->received, "abc");
  proxy.two->close();
  proxy.world->until([&] { return proxy.worker.connections().empty(); });
}

TEST(Pipe, ASourceThatWaitsIsClosedWithItsTarget) {
  Proxy proxy;
  proxy.left->pipe(*proxy.right);
  proxy.two->pauseReading();
  proxy.one->send(pattern(20 * megabyte, 1));
  proxy.world->until([&] { return proxy.right->getSendBufferQueueSize() >= proxy.right->maxSendBufferSize; });
  proxy.two->close(true);
  proxy.world->until([&] { return proxy.one->ended() && proxy.worker.connections().empty(); });
}

TEST(Pipe, BetweenWebSocketsAMessageKeepsItsType) {
  Proxy proxy("websocket://127.0.0.1:0");
  proxy.one->send(hello());
  proxy.two->send(hello());
  ASSERT_TRUE(proxy.world->until([&] { return wholeAnswer(proxy.one->received) && wholeAnswer(proxy.two->received); }));
  proxy.join();
  const std::string_view noText("\xff\xfe\0", 3);
  proxy.one->send(frame(opcode::binary, noText) + frame(opcode::text, "hi"));
  proxy.two->send(frame(opcode::binary, noText));
  const std::string binary = answer(websocket::Type::binary, noText);
  proxy.world->until([&] { return after101(*proxy.two) == binary + text("hi") && after101(*proxy.one) == binary; });
}

TEST(Pipe, BytesBecomeBinaryMessagesAndMessagesBytes) {
  for (const std::string scheme : {"tcp", "frame"}) {
    const std::string sent = scheme == "tcp" ? "\xff\xfe" : std::string("\0\0\0\6\xff\xfe", 6);
    Worker bare(scheme + "://127.0.0.1:0"), worker("websocket://127.0.0.1:0");
    ConnectionPtr left;
    bare.onConnect = [&](TcpConnection& c) { left = c.share(); };
    World world(bare);
    worker.listen();
    Client one(world), two(world, worker.core().address.port);
    two.send(hello());
    ASSERT_TRUE(world.until([&] { return left && wholeAnswer(two.received); }));
    ConnectionPtr right = worker.connections().find(left->id() + 1)->share();
    left->pipe(*right);
    right->pipe(*left);
    one.send(sent);
    two.send(frame(opcode::text, "hi"));
    world.until(
        [&] { return after101(two) == answer(websocket::Type::binary, "\xff\xfe") && one.received.ends_with("hi"); });
  }
}

TEST(Pipe, TakesOverFromOnWebSocketMessage) {
  Worker worker("http://127.0.0.1:0");
  std::vector<ConnectionPtr> both;
  worker.onWebSocketMessage = [](TcpConnection& c, std::string_view) { c.send("not piped"); };
  worker.onWebSocketConnected = [&](TcpConnection& c, const http::Request&) { both.push_back(c.share()); };
  World world(worker);
  Client one(world), two(world);
  one.send(hello());
  two.send(hello());
  ASSERT_TRUE(world.until([&] { return both.size() == 2; }));
  both[0]->pipe(*both[1]);
  both[1]->pipe(*both[0]);
  one.send(frame(opcode::text, "hi"));
  two.send(frame(opcode::text, "hi"));
  world.until([&] { return after101(one) == text("hi") && after101(two) == text("hi"); });
}

TEST(Pipe, AConnectionWhoseMessagesAreNoTextIsRefused) {
  Worker worker("http://127.0.0.1:0");
  World world(worker);
  Client one(world), two(world);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 2; }));
  TcpConnection& c = world.first();
  EXPECT_THROW(c.pipe(*worker.connections().find(c.id() + 1)), std::invalid_argument);
  one.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return wholeAnswer(one.received); });
}

}  // namespace
}  // namespace artel::testing
