// What HTTP costs at most on a real connection, and what no call of the user's can put on the wire.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "src/net/loop.hpp"
#include "src/protocol/bounded_append.hpp"
#include "tests/loop/count_new.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

std::string get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(HttpLimits, RequestsBehindAnUnansweredOneAreReadAheadOnlyALittle) {
  Worker worker("http://127.0.0.1:0");
  std::weak_ptr<TcpConnection> asked;
  int requests = 0;
  worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    if (++requests == 1)
      asked = c.weak();  // answered later
    else
      c.send("ok");
  };
  World world(worker);
  Client client(world);
  client.keep(false);
  std::string pipelined;
  int sent = 0;
  for (; pipelined.size() < 16 * megabyte; ++sent) pipelined += get("/" + std::to_string(sent));
  client.send(pipelined);
  ASSERT_TRUE(world.until([&] { return requests == 1; }));
  std::uint64_t before = 0;
  while (before != world.first().bytesRead()) {  // until it is not read from any more
    before = world.first().bytesRead();
    world.forTime(30ms);
  }
  EXPECT_LE(world.first().getRecvBufferQueueSize(), 64 * 1024 + Loop::Impl::receiveBufferSize);
  EXPECT_EQ(requests, 1);
  asked.lock()->send("at last");
  world.until([&] { return requests == sent; }, 30s);
}

TEST(HttpLimits, WhoWaitsForAnAnswerIsNotIdle) {
  for (const bool chunked : {false, true}) {
    Worker worker("http://127.0.0.1:0");
    worker.idleTimeout = 5s;
    worker.keepAliveTimeout = 0s;
    std::weak_ptr<TcpConnection> asked;
    worker.onMessage = [&](TcpConnection& c, const http::Request&) {
      asked = c.weak();
      if (!chunked) return;
      c.send(http::Response{.status = 200, .chunked = true});
    };
    World world(worker);
    Client client(world);
    client.send(get("/"));
    ASSERT_TRUE(world.until([&] { return !asked.expired(); }));
    world.tickAfter(60s);
    world.settle();
    ASSERT_FALSE(client.ended()) << chunked;
    if (chunked) {
      asked.lock()->send(http::Chunk{"later"});
      asked.lock()->send(http::Chunk::last());
    } else {
      asked.lock()->send("later");
    }
    EXPECT_TRUE(world.until([&] { return client.received.find("later") != std::string::npos; }));
    world.tickAfter(60s);
    EXPECT_TRUE(world.until([&] { return client.ended(); })) << "now it is";
  }
}

/// Nothing else would notice that it has gone.
TEST(HttpLimits, WhoHasEndedItsSideAndWaitsForAnAnswerIsIdle) {
  Worker worker("http://127.0.0.1:0");
  worker.idleTimeout = 5s;
  bool asked = false;
  worker.onMessage = [&](TcpConnection&, const http::Request&) { asked = true; };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  ASSERT_TRUE(world.until([&] { return asked; }));
  client.shutdown();
  world.forTime(30ms);
  EXPECT_EQ(worker.connections().size(), 1u);
  world.tickAfter(10s);
  world.until([&] { return client.ended() && worker.connections().empty(); });
}

TEST(HttpLimits, WhoTakesAnAnswerSlowlyIsNotIdle) {
  Worker worker("http://127.0.0.1:0");
  worker.keepAliveTimeout = worker.idleTimeout = 5s;
  worker.onMessage = [&](TcpConnection& c, const http::Request&) { c.send(std::string(16 * megabyte, 'x')); };
  World world(worker);
  Client client(world);
  client.keep(false);
  client.pauseReadingAt(1);
  client.send(get("/"));
  ASSERT_TRUE(world.until([&] { return client.total() > 0; }));
  world.settle();
  world.tickAfter(10s);
  world.settle();
  EXPECT_EQ(world.first().getStatus(), TcpConnection::Status::established);
  client.pauseReadingAt(static_cast<std::size_t>(-1));
  client.resumeReading();
  ASSERT_TRUE(world.until([&] { return client.total() > 16 * megabyte; }));
  const std::size_t before = client.total();
  world.tickAfter(0s);
  client.send(get("/"));
  EXPECT_TRUE(world.until([&] { return client.total() > before + 16 * megabyte; })) << "the next request, too";
  EXPECT_FALSE(client.ended());
}

TEST(HttpLimits, AnUnfinishedBodyHasNoMoreMemoryThanItsLimit) {
  Worker worker("http://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1'200'000; };
  World world(worker);
  Client client(world);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1200000\r\n\r\n", piece(50'000, 'x');
  client.send(head);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 1; }));
  largestAllocation = 0;
  for (std::size_t sent = 0; sent < 1'150'000;) {
    client.send(piece);
    sent += piece.size();
    ASSERT_TRUE(world.until([&] { return world.first().getRecvBufferQueueSize() == head.size() + sent; }));
  }
  EXPECT_LE(largestAllocation, 1'210'000u);
}

TEST(HttpLimits, WhatLiesAroundABodyGrowsInSmallStepsAndCheaply) {
  std::string bytes;
  std::size_t grown = 0;
  while (bytes.size() < 1'000'000) {
    const std::size_t before = bytes.capacity();
    appendBounded(bytes, "1\r\nx\r\n", 100'000);
    if (bytes.capacity() == before) continue;
    ++grown;
    ASSERT_LE(bytes.capacity(), std::max<std::size_t>(100'000, bytes.size() + bytes.size() / 8 + 16));
  }
  EXPECT_LT(grown, 100u);
}

TEST(HttpLimits, AFileGoesOutInSharesOfATurn) {
  const auto path = std::filesystem::path(::testing::TempDir()) /
                    ("artel-http-share-" + std::to_string(Worker::processId()) + ".bin");
  std::ofstream(path, std::ios::binary) << std::string(16 * megabyte, 'x');
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [&](TcpConnection& c, const http::Request&) { c.send(http::Response{}.withFile(path)); };
  World world(worker);
  Client client(world);
  client.keep(false);
  client.send(get("/"));
  std::uint64_t before = 0, most = 0;
  world.until([&] {
    if (worker.connections().empty()) return false;
    const std::uint64_t now = world.first().bytesWritten();
    most = std::max(most, now - std::exchange(before, now));
    return client.total() > 16 * megabyte;
  });
  std::filesystem::remove(path);
  // A turn may begin with what the one before has asked for.
  EXPECT_LE(most, 2 * megabyte + 64 * 1024) << "the others of this process wait no longer for their turn";
}

// ---- what is sent ---------------------------------------------------------------------------------------------------

TEST(HttpLimits, NoCallSendsALineOfSomebodyElse) {
  const std::string evil = "a\r\nSet-Cookie: evil=1";
  const std::function<void(TcpConnection&, const http::Request&)> calls[] = {
      [&](TcpConnection& c, const http::Request&) {
        c.send(http::Response{200, {{"X", evil}}});
      },
      [&](TcpConnection& c, const http::Request&) {
        c.send(http::Response{200, {{evil, "x"}}});
      },
      [&](TcpConnection& c, const http::Request&) { c.send(http::Response{200}.header("X", evil).withBody("evil")); },
      [&](TcpConnection& c, const http::Request&) { c.send(http::Response{200}.addHeader("X", evil)); },
      [&](TcpConnection& c, const http::Request&) { c.send(http::Response{200}.cookie(evil, "x")); },
      [&](TcpConnection& c, const http::Request&) { c.send(http::Response{200}.cookie("x", "y", {.path = evil})); },
      [&](TcpConnection& c, const http::Request&) {
        c.send(http::Response{.headers = {{"X", evil}}, .chunked = true});
      },
      [&](TcpConnection& c, const http::Request&) {
        c.send(http::Response{200}.withFile(std::filesystem::path(ARTEL_SOURCE_DIR) / "LICENSE").header("X", evil));
      },
      [&](TcpConnection& c, const http::Request& r) { c.send(http::Response{302}.header("Location", r.get("to"))); },
      [&](TcpConnection& c, const http::Request&) { c.acceptWebSocket(evil); },
      [&](TcpConnection& c, const http::Request&) {
        c.acceptWebSocket({}, {{"X", evil}});
      },
      [&](TcpConnection& c, const http::Request&) {
        c.close(http::Response{200, {{"X", evil}}, "evil"});
      },
  };
  const std::string request =
      "GET /?to=%0d%0aSet-Cookie:%20evil HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  int number = 0;
  for (const auto& call : calls) {
    Worker worker("http://127.0.0.1:0");
    bool called = false;
    worker.onMessage = [&](TcpConnection& c, const http::Request& r) {
      call(c, r);
      called = true;
      c.close(http::Response{500, {}, "refused"});  // room is left for another answer
    };
    World world(worker);
    Client client(world);
    client.send(request);
    world.until([&] { return called && client.ended(); });
    EXPECT_EQ(client.received.find("evil"), std::string::npos) << number << "\n" << client.received;
    EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 500") << number;
    ++number;
  }
}

// ---- pipelining -----------------------------------------------------------------------------------------------------

// Requests in a row, answered now or later, closed, destroyed, paused, in pieces; clients that go in the middle. What
// each client hears are the answers to its first requests, in their order.
TEST(HttpLimits, PipeliningHammer) {
  std::mt19937 dice(20);
  const auto oneOf = [&](unsigned n) { return static_cast<unsigned>(dice() % n); };
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [&](TcpConnection& c, const http::Request& r) {
    const std::string answer = "<" + std::string(r.path()) + ">";
    const auto later = [&](auto what) {
      Timer::delay(std::chrono::milliseconds(oneOf(4)), [what, answer, weak = c.weak()] {
        if (const auto alive = weak.lock()) what(*alive, answer);
      });
    };
    switch (oneOf(14)) {
      case 0:
        return c.close(answer);
      case 1:
        return oneOf(3) == 0 ? c.destroy() : static_cast<void>(c.send(answer));
      case 2:
        return later([](TcpConnection& one, const std::string& text) { one.close(text); });
      case 3:
        c.send(http::Response{.chunked = true});
        c.send(http::Chunk{answer});
        return later([](TcpConnection& one, const std::string&) { one.send(http::Chunk::last()); });
      case 4:
        c.pauseRecv();
        c.send(answer);
        return later([](TcpConnection& one, const std::string&) { one.resumeRecv(); });
      case 5:
      case 6:
      case 7:
        return later([](TcpConnection& one, const std::string& text) { one.send(text); });
      case 8:
        c.send(answer);
        c.send("twice");  // dropped
        return;
      case 9:
        c.send(http::Response{200, {{"Connection", "close"}}, answer});
        return;
      default:
        c.send(answer);
    }
  };
  World world(worker);
  constexpr int each = 30;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<Client>(world));
      std::string requests;
      for (int n = 0; n < each; ++n) requests += get("/" + std::to_string(n));
      const std::size_t cut = oneOf(static_cast<unsigned>(requests.size()));
      clients.back()->send(requests.substr(0, cut));
      if (oneOf(4) != 0) clients.back()->send(requests.substr(cut));
      if (oneOf(4) == 0) clients.back()->shutdown();
    }
    for (unsigned turns = oneOf(20); turns > 0; --turns) world.settleOnce();
    for (auto& client : clients)
      if (oneOf(6) == 0) client->close(oneOf(2) == 0);
    for (auto& client : clients) client->shutdown();  // who was cut in the middle of a request must not wait
    world.forTime(10ms);
    for (auto& client : clients) {
      int next = 0;
      for (std::size_t at = 0; (at = client->received.find("</", at)) != std::string::npos; ++next) {
        const std::string expected = "</" + std::to_string(next) + ">";
        ASSERT_EQ(client->received.substr(at, expected.size()), expected) << "out of order";
        at += expected.size();
      }
      ASSERT_EQ(client->received.find("twice"), std::string::npos);
    }
  }
  world.until([&] {
    for (auto& [id, connection] : worker.connections()) connection->close();
    return worker.connections().empty();
  });
}

}  // namespace
}  // namespace artel::testing
