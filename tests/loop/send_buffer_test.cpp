// The send buffer and its limit (manual 1.9.1.4, 1.9.1.5, 1.8.3.6, 1.8.3.7, 1.8.3.8, 1.9.3.1).
#include <gtest/gtest.h>

#include "src/net/loop.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

struct Stalled {
  explicit Stalled(Worker& worker) : world(worker), client(world) {
    world.until([&] { return !worker.connections().empty() && client.connected(); });
    client.pauseReading();
  }
  World world;
  Client client;
};

TEST(SendBuffer, SentQueuedFullDroppedDrained) {
  Worker worker("tcp://127.0.0.1:0");
  std::vector<std::string> events;
  worker.onBufferFull = [&](TcpConnection&) { events.emplace_back("full"); };
  worker.onBufferDrain = [&](TcpConnection& c) {
    EXPECT_TRUE(c.bufferIsEmpty());
    events.emplace_back("drain");
  };
  worker.onError = [&](TcpConnection&, const Error& e) {
    EXPECT_EQ(e.code, Errc::sendFail);
    EXPECT_EQ(static_cast<int>(e.code), 2);
    events.push_back(e.message);
  };
  Stalled s(worker);
  TcpConnection& c = s.world.first();
  EXPECT_EQ(c.maxSendBufferSize, megabyte);
  const std::string piece = pattern(300'000);
  std::string accepted;
  const auto send = [&] {
    const SendStatus status = c.send(piece);
    c.flush();
    if (status != SendStatus::dropped) accepted += piece;
    return status;
  };
  ASSERT_EQ(send(), SendStatus::sent);
  while (c.getSendBufferQueueSize() == 0) send();
  s.world.settle();
  EXPECT_TRUE(events.empty());
  while (c.getSendBufferQueueSize() < c.maxSendBufferSize) EXPECT_EQ(send(), SendStatus::queued);
  EXPECT_TRUE(events.empty()) << "nothing the user calls calls the user back";
  s.world.settle();
  EXPECT_EQ(events, std::vector<std::string>{"full"});
  EXPECT_LT(c.getSendBufferQueueSize(), c.maxSendBufferSize + piece.size());

  EXPECT_EQ(send(), SendStatus::dropped);
  s.world.settle();
  EXPECT_EQ(events, (std::vector<std::string>{"full", "send buffer full and drop package"}));
  EXPECT_EQ(worker.sendFails(), 1u);
  EXPECT_EQ(c.getStatus(), TcpConnection::Status::established);

  s.client.resumeReading();
  s.world.until([&] { return events.size() == 3; });
  EXPECT_EQ(events.back(), "drain");
  EXPECT_EQ(send(), SendStatus::sent);
  s.world.until([&] { return s.client.received.size() >= accepted.size(); });
  EXPECT_TRUE(s.client.received == accepted) << s.client.received.size() << " of " << accepted.size();
  EXPECT_EQ(c.bytesWritten(), accepted.size());
}

/// What came stands behind a limit that is not there any more when all was sent, and nobody would look again.
TEST(SendBuffer, WhatStoodBehindALimitThatWasLoweredIsDelivered) {
  for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{16384}}) {
    Worker worker("text://127.0.0.1:0");
    std::vector<std::string> lines;
    worker.onMessage = [&](TcpConnection& c, std::string_view line) {
      lines.emplace_back(line);
      if (line != "lower") return;
      c.send(std::string(20'000, 'x'));
      c.maxSendBufferSize = limit;
    };
    World world(worker);
    Client client(world);
    client.send("lower\nafter\nand\nth");
    EXPECT_TRUE(world.until([&] { return lines.size() == 3; })) << limit;
    client.send("en\n");
    EXPECT_TRUE(world.until([&] { return lines.size() == 4 && lines.back() == "then"; })) << limit;
  }
}

TEST(SendBuffer, WithoutAnySendBufferOneAnswerAfterTheOther) {
  Worker worker("http://127.0.0.1:0");
  int requests = 0;
  worker.onConnect = [](TcpConnection& c) { c.maxSendBufferSize = 0; };
  worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    ++requests;
    c.send("one");
    c.send("one too many");  // which leaves a buffer with nothing in it
  };
  World world(worker);
  Client client(world);
  std::string pipelined;
  for (int i = 0; i < 5; ++i) pipelined += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(pipelined);
  world.until([&] { return requests == 5; });
}

/// More than one write of libuv's takes.
TEST(SendBuffer, FortyMegabytesInOneMessage) {
  Worker worker("tcp://127.0.0.1:0");
  const std::string large = pattern(40 * megabyte);
  worker.onConnect = [&](TcpConnection& c) { c.send(large); };
  World world(worker);
  Client client(world);
  world.until([&] { return client.received.size() >= large.size(); }, 30s);
  EXPECT_TRUE(client.received == large) << client.received.size();
}

TEST(SendBuffer, WhatTheKernelTakesAtOnceRaisesNothing) {
  Worker worker("tcp://127.0.0.1:0");
  int events = 0;
  worker.onBufferFull = [&](TcpConnection&) { ++events; };
  worker.onBufferDrain = [&](TcpConnection&) { ++events; };
  worker.onMessage = [](TcpConnection& c, std::string_view data) { EXPECT_EQ(c.send(data), SendStatus::sent); };
  World world(worker);
  Client client(world);
  client.send("abc");
  world.until([&] { return client.received == "abc"; });
  world.settle();
  EXPECT_EQ(events, 0);
}

TEST(SendBuffer, CorkedBytesLeaveAtSixtyFourKilobytes) {
  Worker worker("tcp://127.0.0.1:0");
  std::vector<std::uint64_t> written;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    for (int i = 0; i < 4; ++i) {
      c.send(std::string(30 * 1024, 'x'));
      written.push_back(c.bytesWritten());
    }
  };
  World world(worker);
  Client client(world);
  client.send("x");
  world.until([&] { return client.total() == 4 * 30 * 1024; });
  EXPECT_EQ(written, (std::vector<std::uint64_t>{0, 0, 90 * 1024, 90 * 1024})) << "the turn has not ended";
}

TEST(SendBuffer, TheMessageThatCrossesTheLimitIsKeptHoweverLarge) {
  Worker worker("tcp://127.0.0.1:0");
  int full = 0;
  worker.onBufferFull = [&](TcpConnection&) { ++full; };
  Stalled s(worker);
  TcpConnection& c = s.world.first();
  const std::string large = pattern(20 * megabyte);
  EXPECT_EQ(c.send(large), SendStatus::queued);
  EXPECT_EQ(c.send("x"), SendStatus::dropped);
  s.world.settle();
  EXPECT_EQ(full, 1);
  s.client.resumeReading();
  s.world.until([&] { return s.client.received.size() == large.size(); });
  EXPECT_TRUE(s.client.received == large);
}

TEST(SendBuffer, ALimitChangedAtRunTimeCountsFromTheNextSend) {
  Worker worker("tcp://127.0.0.1:0");
  Stalled s(worker);
  TcpConnection& c = s.world.first();
  c.maxSendBufferSize = 100 * megabyte;
  EXPECT_EQ(c.send(std::string(20 * megabyte, 'x')), SendStatus::queued);
  EXPECT_EQ(c.send("x"), SendStatus::queued);
  c.maxSendBufferSize = megabyte;
  EXPECT_EQ(c.send("x"), SendStatus::dropped);
  c.maxSendBufferSize = 100 * megabyte;
  EXPECT_EQ(c.send("x"), SendStatus::queued);
}

TEST(SendBuffer, TheDefaultIsReadWhenAConnectionIsMade) {
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  Client before(world);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 1; }));
  TcpConnection::defaultMaxSendBufferSize = 5000;
  TcpConnection::defaultMaxPackageSize = 6000;
  Client after(world);
  world.until([&] { return worker.connections().size() == 2; });
  TcpConnection::defaultMaxSendBufferSize = TcpConnection::defaultSendBuffer;
  TcpConnection::defaultMaxPackageSize = TcpConnection::defaultPackage;
  auto at = worker.connections().begin();
  EXPECT_EQ(at->second->maxSendBufferSize, TcpConnection::defaultSendBuffer);
  EXPECT_EQ(at->second->maxPackageSize, TcpConnection::defaultPackage);
  ++at;
  EXPECT_EQ(at->second->maxSendBufferSize, 5000u);
  EXPECT_EQ(at->second->maxPackageSize, 6000u);
}

TEST(SendBuffer, ConnectionsOwnCallbacksReplaceTheWorkersForItAlone) {
  Worker worker("tcp://127.0.0.1:0");
  std::string events;
  worker.onBufferFull = [&](TcpConnection&) { events += "F"; };
  worker.onBufferDrain = [&](TcpConnection&) { events += "D"; };
  worker.onError = [&](TcpConnection&, const Error&) { events += "E"; };
  worker.onClose = [&](TcpConnection&) { events += "C"; };
  World world(worker);
  Client one(world), two(world);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 2 && one.connected() && two.connected(); }));
  TcpConnection& own = world.first();
  own.onBufferFull = [&](TcpConnection&) { events += "f"; };
  own.onBufferDrain = [&](TcpConnection&) { events += "d"; };
  own.onError = [&](TcpConnection&, const Error&) { events += "e"; };
  own.onClose = [&](TcpConnection&) { events += "c"; };
  const auto run = [&](TcpConnection& c) {
    events.clear();
    c.send(std::string(20 * megabyte, 'x'));
    c.send("dropped");
    world.until([&] { return events.size() == 3; });
    c.destroy();
    world.until([&] { return events.size() == 4; });
    return events;
  };
  EXPECT_EQ(run(own), "fedc");
  EXPECT_EQ(run(world.first()), "FEDC");
}

TEST(SendBuffer, SendingInsideEveryEventIsSafe) {
  Worker worker("tcp://127.0.0.1:0");
  int full = 0, errors = 0, drains = 0, closes = 0;
  worker.onBufferFull = [&](TcpConnection& c) {
    ++full;
    EXPECT_EQ(c.send("more"), SendStatus::dropped);
  };
  worker.onError = [&](TcpConnection& c, const Error&) {
    if (++errors < 3) c.send("more");
  };
  worker.onBufferDrain = [&](TcpConnection& c) {
    ++drains;
    EXPECT_EQ(c.send("end"), SendStatus::sent);
  };
  worker.onClose = [&](TcpConnection& c) {
    ++closes;
    EXPECT_EQ(c.send("more"), SendStatus::dropped);
  };
  Stalled s(worker);
  s.client.keep(false);
  s.world.first().send(std::string(20 * megabyte, 'x'));
  s.world.until([&] { return errors == 3; });
  s.client.resumeReading();
  s.world.until([&] { return s.client.total() == 20 * megabyte + 3; });
  s.client.close();
  s.world.until([&] { return closes == 1; });
  EXPECT_EQ(full, 1);
  EXPECT_EQ(drains, 1);
}

TEST(SendBuffer, DrainOnAClosingConnectionComesBeforeOnClose) {
  Worker worker("tcp://127.0.0.1:0");
  std::string events;
  worker.onBufferDrain = [&](TcpConnection&) { events += "d"; };
  worker.onClose = [&](TcpConnection&) { events += "c"; };
  Stalled s(worker);
  s.client.keep(false);
  s.world.first().send(std::string(20 * megabyte, 'x'));
  s.world.first().close();
  s.world.settle();
  s.client.resumeReading();
  s.world.until([&] { return s.client.ended(); });
  s.client.close();
  s.world.until([&] { return events.size() == 2; });
  EXPECT_EQ(events, "dc");
}

TEST(SendBuffer, EchoToAPeerThatNeverReadsStaysBounded) {
  Worker worker("text://127.0.0.1:0");
  int dropped = 0;
  std::size_t most = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    if (c.send(line) == SendStatus::dropped) ++dropped;
    most = std::max(most, c.getSendBufferQueueSize());
  };
  Stalled s(worker);
  TcpConnection& c = s.world.first();
  c.maxSendBufferSize = 64 * 1024;
  std::string lines;
  while (lines.size() < 32 * megabyte) lines += std::string(999, 'x') + "\n";
  s.client.send(lines);
  std::uint64_t read = 1, before = 0;
  while (read != before) {  // until reading has stopped for good
    before = read;
    s.world.forTime(30ms);
    read = c.bytesRead();
  }
  EXPECT_LT(read, 32 * megabyte) << "the peer is not read from any more";
  EXPECT_EQ(dropped, 0);
  EXPECT_LE(most, c.maxSendBufferSize + 1000 + 64 * 1024);
  EXPECT_LE(c.getRecvBufferQueueSize(), 256u * 1024);
  s.client.keep(false);
  s.client.resumeReading();
  s.world.until([&] { return s.client.total() == lines.size(); }, 20s);
  EXPECT_EQ(dropped, 0);
}

TEST(SendBuffer, HeaderTimeoutDoesNotCountWhileThePeerDoesNotRead) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [&](TcpConnection& c, std::string_view line) { c.send(line); };
  Stalled s(worker);
  s.world.first().maxSendBufferSize = 64 * 1024;
  std::string lines;
  while (lines.size() < 24 * megabyte) lines += std::string(999, 'x') + "\n";
  s.client.send(lines);
  s.client.keep(false);
  s.world.until([&] { return s.world.first().getRecvBufferQueueSize() > 0; });
  s.world.settle();
  s.world.tickAfter(20s);
  s.client.resumeReading();
  s.world.until([&] { return s.client.total() == lines.size(); }, 20s);
  EXPECT_FALSE(s.client.ended());
}

TEST(SendBuffer, HttpPipeliningToANonReaderStops) {
  Worker worker("http://127.0.0.1:0");
  int requests = 0;
  const std::string body(10'000, 'x');
  std::size_t most = 0;
  worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    ++requests;
    EXPECT_NE(c.send(body), SendStatus::dropped);
    most = std::max(most, c.getSendBufferQueueSize());
  };
  Stalled s(worker);
  TcpConnection& c = s.world.first();
  c.maxSendBufferSize = 64 * 1024;
  constexpr int asked = 10'000;
  std::string pipelined;
  for (int i = 0; i < asked; ++i) pipelined += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  s.client.keep(false);
  s.client.send(pipelined);
  int before = -1;
  while (requests != before) {
    before = requests;
    s.world.forTime(30ms);
  }
  EXPECT_LT(requests, asked);
  EXPECT_LE(most, c.maxSendBufferSize + body.size() + 1000 + 64 * 1024);
  s.world.tickAfter(20s);  // neither 408 nor the keep-alive limit: it is us who do not go on
  s.client.resumeReading();
  s.world.until([&] { return requests == asked; }, 20s);
}

TEST(SendBuffer, PushedWebSocketMessagesObeyTheLimit) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection&, std::string_view) {};
  bool ready = false;
  worker.onWebSocketConnected = [&](TcpConnection&, const http::Request&) { ready = true; };
  World world(worker);
  Client client(world);
  client.send(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  world.until([&] { return ready; });
  client.pauseReading();
  const std::string message(300'000, 'x');
  SendStatus last = SendStatus::sent;
  for (int i = 0; i < 200 && last != SendStatus::dropped; ++i) {
    last = world.first().send(message);
    world.settleOnce();
  }
  EXPECT_EQ(last, SendStatus::dropped);
  EXPECT_LE(world.first().getSendBufferQueueSize(),
            TcpConnection::defaultMaxSendBufferSize + message.size() + 64 * 1024);
}

/// Nothing ticks in a process without connections, but not before that is done.
TEST(SendBuffer, WhatTheLastConnectionsLeftIsLetGoAlsoWhenNobodyIsThere) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection&, std::string_view) {};
  World world(worker);
  std::size_t held = 0;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<Client>(world));
    clients.back()->send(std::string(150'000, 'x'));  // the beginning of a line
  }
  ASSERT_TRUE(world.until([&] {
    held = 0;
    for (const auto& [id, connection] : worker.connections()) held += connection->getRecvBufferQueueSize();
    return held == 1'500'000;
  }));
  for (const auto& client : clients) client->close();
  ASSERT_TRUE(world.until([&] { return worker.connections().empty(); }));
  EXPECT_FALSE(net::loop().buffers.atRest());
  world.until([&] { return net::loop().buffers.atRest(); }, 10s);
}

}  // namespace
}  // namespace artel::testing
