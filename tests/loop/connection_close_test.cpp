// How connections end (manual 1.8.3.5, 1.9.3.4, 1.9.3.5).
#include <gtest/gtest.h>

#include "platform/platform.hpp"
#include "src/worker/conn.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

TEST(ConnectionClose, DeliversAnEightMegabyteReplyWholeThenEofThenOnClose) {
  Worker worker("tcp://127.0.0.1:0");
  const std::string reply = pattern(8 * megabyte);
  int messages = 0, closes = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    ++messages;
    EXPECT_EQ(c.send(reply), SendStatus::queued);
    c.close();
    EXPECT_EQ(c.getStatus(), TcpConnection::Status::closing);
    EXPECT_EQ(c.send("late"), SendStatus::dropped);
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send("go");
  ASSERT_TRUE(world.until([&] { return messages == 1; }));
  // Unread bytes at a plain close would make the kernel reset the connection and cut the reply.
  client.send(std::string(300'000, 'x'));
  world.tickAfter(3s);  // the linger does not begin before everything was sent
  ASSERT_TRUE(world.until([&] { return client.ended(); }, 10s));
  EXPECT_TRUE(client.received == reply) << client.received.size();
  EXPECT_EQ(closes, 0) << "the peer has not ended yet";
  EXPECT_EQ(world.first().getStatus(), TcpConnection::Status::ending);
  client.close();
  world.until([&] { return closes == 1; });
  EXPECT_EQ(messages, 1);
}

TEST(ConnectionClose, InOnConnectDeliversTheLastWords) {
  Worker worker("tcp://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) {
    c.send("hello, ");
    c.close("bye");
  };
  World world(worker);
  Client client(world);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "hello, bye");
}

TEST(ConnectionClose, LastWordsAreNotDroppedByAFullBuffer) {
  Worker worker("tcp://127.0.0.1:0");
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && client.connected(); }));
  client.pauseReading();
  const std::string piece = pattern(100'000);
  TcpConnection& c = world.first();
  std::size_t accepted = 0;
  while (c.send(piece) != SendStatus::dropped) accepted += piece.size();
  c.close("END");
  world.settle();
  client.resumeReading();
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received.size(), accepted + 3);
  EXPECT_EQ(client.received.substr(client.received.size() - 3), "END");
  client.close();
  world.until([&] { return closes == 1; });
}

TEST(ConnectionClose, DestroyCutsWhatIsBuffered) {
  Worker worker("tcp://127.0.0.1:0");
  int closes = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    EXPECT_EQ(c.send(std::string(64 * megabyte, 'x')), SendStatus::queued);
    c.destroy();
    EXPECT_EQ(closes, 0) << "nothing the user calls calls the user back";
    EXPECT_EQ(c.getStatusName(), "CLOSED");
    c.destroy();
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.keep(false);
  client.send("go");
  world.until([&] { return client.ended(); });
  EXPECT_EQ(closes, 1);
  EXPECT_LT(client.total(), 64 * megabyte);
}

TEST(ConnectionClose, APeerThatDoesNotEndIsNotWaitedForLongerThanLingerTimeout) {
  Worker worker("tcp://127.0.0.1:0");
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) { c.close("bye"); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  world.until([&] { return client.ended(); });
  world.tickAfter(1s);
  world.settle();
  EXPECT_EQ(closes, 0);
  world.tickAfter(3s);
  world.until([&] { return closes == 1; });
}

TEST(ConnectionClose, ALingerTimeoutBelowZeroIsNone) {
  Worker worker("tcp://127.0.0.1:0");
  worker.lingerTimeout = -1ms;
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) { c.close("bye"); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  world.until([&] { return closes == 1; });  // by the process's own clock
}

TEST(ConnectionClose, APeerThatTakesNothingIsGivenUp) {
  Worker worker("tcp://127.0.0.1:0");
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && client.connected(); }));
  client.pauseReading();
  world.first().send(std::string(32 * megabyte, 'x'));
  world.first().close();
  world.forTime(50ms);
  world.tickAfter(0s);
  world.tickAfter(20s);
  world.settle();
  EXPECT_EQ(closes, 0) << "slow is allowed";
  // Where a write is seen only when all of it is done, one of this size gets a day and a half.
  world.tickAfter(platform::directIo() ? std::chrono::seconds(60) : std::chrono::hours(48));
  world.until([&] { return closes == 1; });
}

// ---- once for each cause --------------------------------------------------------------------------------------------

struct Cause {
  const char* name;
  const char* scheme;
  std::function<void(World&, Client&)> end;
};

class OnClose : public ::testing::TestWithParam<Cause> {};

TEST_P(OnClose, ComesExactlyOnceAndFindsTheConnectionInTheTable) {
  Worker worker(std::string(GetParam().scheme) + "://127.0.0.1:0");
  int connects = 0, closes = 0;
  std::uint64_t id = 0;
  ConnectionPtr kept;
  std::string address;
  worker.onConnect = [&](TcpConnection& c) {
    ++connects;
    id = c.id();
    kept = c.share();
    address = c.getRemoteAddress();
  };
  worker.onClose = [&](TcpConnection& c) {
    ++closes;
    EXPECT_EQ(c.getStatus(), TcpConnection::Status::closed);
    EXPECT_EQ(c.send("x"), SendStatus::dropped);
    EXPECT_EQ(c.worker(), &worker);
    EXPECT_TRUE(worker.connections().contains(id));
    EXPECT_EQ(c.getRemoteAddress(), address);
    c.close();
    c.destroy();
  };
  World world(worker);
  Client client(world);
  ASSERT_TRUE(world.until([&] { return connects == 1 && client.connected(); }));
  EXPECT_EQ(address, "127.0.0.1:" + std::to_string(client.localPort()));
  GetParam().end(world, client);
  ASSERT_TRUE(world.until([&] { return closes == 1; }));
  EXPECT_FALSE(worker.connections().contains(id));
  EXPECT_EQ(worker.connections().size(), 0u);
  world.forTime(20ms);
  EXPECT_EQ(closes, 1);
  EXPECT_EQ(kept->worker(), nullptr);
  EXPECT_EQ(kept->getRemoteAddress(), address);
}

INSTANTIATE_TEST_SUITE_P(
    ForEachCause, OnClose,
    ::testing::Values(Cause{"PeerFin", "tcp", [](World&, Client& c) { c.close(); }},
                      Cause{"PeerHalfClose", "tcp", [](World&, Client& c) { c.shutdown(); }},
                      Cause{"PeerReset", "tcp", [](World&, Client& c) { c.close(true); }},
                      Cause{"Close", "tcp",
                            [](World& w, Client& c) {
                              w.first().close();
                              w.until([&] { return c.ended(); });
                              c.close();
                            }},
                      Cause{"Destroy", "tcp", [](World& w, Client&) { w.first().destroy(); }},
                      Cause{"DestroyAfterClose", "tcp",
                            [](World& w, Client&) {
                              w.first().close();
                              w.first().destroy();
                            }},
                      Cause{"ProtocolError", "frame", [](World&, Client& c) { c.send(std::string("\0\0\0\1", 4)); }},
                      Cause{"IdleTimeout", "text",
                            [](World& w, Client& c) {
                              w.worker().idleTimeout = 5s;
                              w.tickAfter(6s);
                              w.until([&] { return c.ended(); });
                              c.close();
                            }},
                      Cause{"HeaderTimeout", "text",
                            [](World& w, Client& c) {
                              c.send("no end");
                              w.until([&] { return w.first().getRecvBufferQueueSize() == 6; });
                              w.tickAfter(11s);
                            }},
                      Cause{"StopOfTheProcess", "text", [](World& w, Client&) { w.process().stop(0, false); }}),
    [](const auto& one) { return std::string(one.param.name); });

// ---- harmless -------------------------------------------------------------------------------------------------------

TEST(ConnectionClose, EveryCallOnAHuskIsHarmless) {
  Worker worker("text://127.0.0.1:0");
  int closes = 0, errors = 0;
  ConnectionPtr kept;
  worker.onMessage = [&](TcpConnection& c, std::string_view) { kept = c.share(); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  worker.onError = [&](TcpConnection&, const Error&) { ++errors; };
  World world(worker);
  Client client(world), other(world);
  client.send("hi\n");
  ASSERT_TRUE(world.until([&] { return kept != nullptr; }));
  client.close(true);
  ASSERT_TRUE(world.until([&] { return closes == 1; }));
  const auto callAll = [&] {
    TcpConnection& husk = *kept;
    EXPECT_EQ(husk.send("x"), SendStatus::dropped);
    EXPECT_EQ(husk.sendRaw("x"), SendStatus::dropped);
    EXPECT_EQ(husk.send(http::Response{200}), SendStatus::dropped);
    husk.flush();
    husk.close();
    husk.close("words");
    husk.close(websocket::Close{});
    husk.destroy();
    EXPECT_TRUE(husk.closing());
    husk.pauseRecv();
    husk.resumeRecv();
    husk.pipe(husk);
    EXPECT_FALSE(husk.acceptWebSocket());
    EXPECT_EQ(husk.getRemoteIp(), "127.0.0.1");
    EXPECT_NE(husk.getRemotePort(), 0);
    EXPECT_EQ(husk.getLocalIp(), "");
    EXPECT_EQ(husk.getLocalPort(), 0);
    EXPECT_EQ(husk.getLocalAddress(), "");
    EXPECT_TRUE(husk.isIpV4());
    EXPECT_FALSE(husk.isIpV6());
    EXPECT_EQ(husk.getStatusName(), "CLOSED");
    EXPECT_EQ(husk.transport(), "tcp");
    EXPECT_EQ(husk.getSendBufferQueueSize(), 0u);
    EXPECT_EQ(husk.getRecvBufferQueueSize(), 0u);
    EXPECT_EQ(husk.bytesRead(), 3u);
    EXPECT_EQ(husk.bytesWritten(), 0u);
    EXPECT_EQ(husk.worker(), nullptr);
    EXPECT_NE(husk.id(), 0u);
    husk.context<int>() = 7;
    husk.onMessage = nullptr;
    husk.onClose = [&](TcpConnection&) { ++closes; };
    husk.protocol = "frame";
    husk.protocol = "http";
    husk.protocol = "tcp";
    EXPECT_EQ(husk.share(), kept);
    EXPECT_EQ(husk.weak().lock(), kept);
  };
  callAll();
  world.settle();
  callAll();
  world.settle();
  EXPECT_EQ(closes, 1);
  EXPECT_EQ(errors, 0);
}

TEST(ConnectionClose, AHuskMayOutliveTheLoop) {
  Worker worker("http://127.0.0.1:0");
  ConnectionPtr kept;
  worker.onConnect = [&](TcpConnection& c) { kept = c.share(); };
  {
    World world(worker);
    Client client(world);
    world.until([&] { return kept != nullptr; });
  }
  EXPECT_EQ(kept->send("x"), SendStatus::dropped);
  EXPECT_EQ(kept->getRemoteIp(), "127.0.0.1");
  kept->protocol = "text";
  kept->close();
  kept->destroy();
  kept.reset();
}

TEST(ConnectionClose, CloseTwiceSaysTheFirstWordsOnly) {
  Worker worker("tcp://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) {
    c.close("one");
    c.close("two");
    c.close();
  };
  World world(worker);
  Client client(world);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "one");
}

TEST(ConnectionClose, ASecondPacketOfTheSameReadIsNotDelivered) {
  Worker worker("text://127.0.0.1:0");
  std::vector<std::string> lines;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    lines.emplace_back(line);
    c.close("bye");
  };
  World world(worker);
  Client client(world);
  client.send("one\ntwo\n");
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "bye\n");
  EXPECT_EQ(lines, std::vector<std::string>{"one"});
}

TEST(ConnectionClose, AResetWhileBytesWaitIsAnError) {
  Worker worker("tcp://127.0.0.1:0");
  std::vector<std::string> events;
  worker.onError = [&](TcpConnection&, const Error& e) {
    EXPECT_EQ(e.code, Errc::sendFail);
    events.push_back(e.message);
  };
  worker.onClose = [&](TcpConnection&) { events.emplace_back("closed"); };
  World world(worker);
  Client client(world);
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && client.connected(); }));
  client.pauseReading();
  world.first().send(std::string(32 * megabyte, 'x'));
  world.settle();
  client.close(true);
  world.until([&] { return events.size() == 2; });
  EXPECT_EQ(events, (std::vector<std::string>{"client closed", "closed"}));
  EXPECT_EQ(worker.sendFails(), 1u);
}

TEST(ConnectionClose, AStopCanOnlyBeMadeAQuickerOne) {
  Worker worker("tcp://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.send(pattern(16 * megabyte)); };
  World world(worker);
  Client client(world);
  client.pauseReading();
  world.until([&] { return !worker.connections().empty(); });
  const auto begin = std::chrono::steady_clock::now();
  world.process().stop(0, false, 60s);
  world.process().stop(0, false, 300ms);
  world.process().stop(0, false, 60s);
  world.process().stop(0, true, 60s);
  world.until([&] { return world.process().done(); });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

/// Each that leaves must not put off the others' time.
TEST(ConnectionClose, WhileAProcessStopsThoseWhoLeaveDoNotKeepTheSilentOnes) {
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  Client silent(world);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 1; }));
  const auto watched = world.first().weak();
  std::vector<std::unique_ptr<Client>> others;
  for (int i = 0; i < 200; ++i) others.push_back(std::make_unique<Client>(world));
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 201; }));
  world.process().stop(0, false);
  for (const auto& one : others) {
    one->close();
    world.forTime(5ms);
  }
  EXPECT_TRUE(watched.expired()) << "lingerTimeout is 300 ms while the process stops";
}

}  // namespace
}  // namespace artel::testing
