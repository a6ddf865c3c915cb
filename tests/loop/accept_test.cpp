// Accepting, and what strangers are told (manual 1.8.4.3, 1.8.1; decisions §4).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Accept, MaxConnectionsClosesTheNextOne) {
  Worker worker("text://127.0.0.1:0");
  worker.maxConnections = 2;
  int connects = 0, closes = 0;
  worker.onConnect = [&](TcpConnection&) { ++connects; };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client one(world), two(world);
  ASSERT_TRUE(world.until([&] { return connects == 2; }));
  Client three(world);
  world.until([&] { return three.ended(); });
  EXPECT_EQ(three.received, "");
  EXPECT_EQ(connects, 2);
  three.close();
  one.close();
  world.until([&] { return closes == 1 && worker.connections().size() == 1; });
  Client four(world);
  world.until([&] { return connects == 3; });
}

// Each costs a descriptor for as long as its own end is waited for.
TEST(Accept, OfThoseTurnedAwayOnlySomeAreWaitedFor) {
  for (const std::string scheme : {"text", "http"}) {
    Worker worker(scheme + "://127.0.0.1:0");
    worker.maxConnections = 16;
    World world(worker);
    std::vector<std::unique_ptr<Client>> clients;
    const auto connect = [&](std::size_t number) {
      while (clients.size() < number) clients.push_back(std::make_unique<Client>(world));
    };
    connect(16);
    ASSERT_TRUE(world.until([&] { return worker.connections().size() == 16; }));
    connect(16 + 64 + 2 + 10);
    ASSERT_TRUE(world.until([&] {
      return std::all_of(clients.begin() + 16, clients.end(), [](const auto& one) { return one->ended(); });
    }));
    EXPECT_EQ(worker.connections().size(), 16u + 64 + 2) << scheme;
    for (auto at = clients.begin() + 16; at != clients.end(); ++at)
      EXPECT_EQ((*at)->received.substr(0, 12), scheme == "http" ? "HTTP/1.1 503" : "");
    clients.resize(16);
    ASSERT_TRUE(world.until([&] { return worker.connections().size() == 16; }));
    clients.front()->close();
    ASSERT_TRUE(world.until([&] { return worker.connections().size() == 15; }));
    Client next(world);
    world.until([&] { return worker.connections().size() == 16; });
    world.settle();
    EXPECT_FALSE(next.ended());
  }
}

TEST(Accept, PausedClientsWaitInTheQueue) {
  Worker worker("text://127.0.0.1:0");
  int connects = 0;
  worker.onConnect = [&](TcpConnection& c) {
    ++connects;
    c.send("hello");
  };
  World world(worker);
  worker.pauseAccept();
  Client one(world), two(world);
  world.until([&] { return one.connected() && two.connected(); });
  world.forTime(20ms);
  EXPECT_EQ(connects, 0);
  worker.resumeAccept();
  EXPECT_EQ(connects, 0) << "nothing the user calls calls the user back";
  world.until([&] { return one.received == "hello\n" && two.received == "hello\n"; });
  worker.resumeAccept();
  Client three(world);
  world.until([&] { return connects == 3; });
}

// Two things: the listener is looked at between those who are ready, and who was accepted is read at once.
TEST(Accept, WhoIsNewDoesNotWaitUntilAllOthersWereServed) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv accepts on this system";
  constexpr std::size_t many = 300;
  Worker worker("text://127.0.0.1:0");
  std::vector<std::string> served;
  worker.onMessage = [&](TcpConnection&, std::string_view line) { served.emplace_back(line); };
  World world(worker);
  std::vector<std::unique_ptr<Client>> here;
  while (here.size() < many) here.push_back(std::make_unique<Client>(world));
  ASSERT_TRUE(world.until([&] {
    return worker.connections().size() == many &&
           std::all_of(here.begin(), here.end(), [](const auto& one) { return one->connected(); });
  }));
  worker.pauseAccept();
  Client newcomer(world);
  ASSERT_TRUE(world.until([&] { return newcomer.connected(); }));
  for (const auto& one : here) one->tryWrite("here\n");
  newcomer.tryWrite("new\n");
  worker.resumeAccept();  // last of all
  ASSERT_TRUE(world.until([&] { return served.size() == many + 1; }));
  const auto at = std::find(served.begin(), served.end(), "new");
  ASSERT_NE(at, served.end());
  EXPECT_LT(at - served.begin(), static_cast<std::ptrdiff_t>(many) / 2) << "of " << many;
}

TEST(Accept, GoesOnAfterAFailure) {
  Worker worker("text://127.0.0.1:0");
  int connects = 0;
  worker.onConnect = [&](TcpConnection&) { ++connects; };
  World world(worker);
  Client before(world);
  ASSERT_TRUE(world.until([&] { return connects == 1; }));
  for (int i = 1; i <= 2; ++i) {
    ::testing::internal::CaptureStderr();
    worker.core().acceptor->failed(Error{Errc::outOfDescriptors, "too many open sockets", 0});
    EXPECT_EQ(::testing::internal::GetCapturedStderr().find("cannot accept") != std::string::npos, i == 1)
        << "one line a minute";
    // Where libuv accepts, the port is closed until it listens again.
    ASSERT_TRUE(world.until([&] {
      Client after(world);
      world.until([&] { return after.connected() || after.ended(); });
      return after.connected() && world.until([&] { return connects == 1 + i; });
    }));
  }
  EXPECT_FALSE(before.ended()) << "who was served still is";
}

TEST(Accept, AListenerMadeAtRunTimeIsWarnedOfOnceWhereThereIsOneProcess) {
  Worker worker("text://127.0.0.1:0"), inner("text://127.0.0.1:0"), other("text://127.0.0.1:0");
  World world(worker);
  ::testing::internal::CaptureStderr();
  inner.listen();
  other.listen();
  const std::string log = ::testing::internal::GetCapturedStderr();
  const std::string warning = "listens at run time";
  const auto first = log.find(warning);
  EXPECT_EQ(first == std::string::npos, capabilities().manyListeners) << log;
  EXPECT_EQ(log.rfind(warning), first) << log;
}

TEST(Accept, TheDefaultLimitWhereThereIsOne) {
  for (const char* address : {"text://127.0.0.1:0", "http://127.0.0.1:0"}) {
    Worker worker(address);
    if (worker.maxConnections == 0) GTEST_SKIP() << "no limit by default here";
    EXPECT_EQ(worker.maxConnections, 256u);
    std::size_t connects = 0;
    worker.onConnect = [&](TcpConnection&) { ++connects; };
    World world(worker);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 256; ++i) clients.push_back(std::make_unique<Client>(world));
    ASSERT_TRUE(world.until([&] { return connects == 256; }));
    Client next(world);
    world.until([&] { return next.ended(); });
    EXPECT_EQ(next.received.substr(0, 12), *address == 'h' ? "HTTP/1.1 503" : "");
    EXPECT_EQ(connects, 256u);
    for (const auto& client : clients) EXPECT_FALSE(client->ended());
  }
}

TEST(Accept, TwoThousandAtOnceWithTheLimitRaised) {
  constexpr std::size_t count = 2000;
  if (platform::raiseOpenFiles(2 * count + 100) < 2 * count + 100) GTEST_SKIP() << "too few open files are allowed";
  Worker worker("text://127.0.0.1:0");
  worker.maxConnections = count;
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  const auto clients = manyClients(world, count);
  ASSERT_EQ(worker.connections().size(), count);
  for (std::size_t i = 0; i < count; ++i) clients[i]->send(std::to_string(i) + "\n");
  EXPECT_TRUE(world.until(
      [&] {
        for (std::size_t i = 0; i < count; ++i)
          if (clients[i]->received != std::to_string(i) + "\n") return false;
        return true;
      },
      30s));
}

TEST(Accept, AtMostSixtyFourATurn) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv accepts on this system";
  Worker worker("text://127.0.0.1:0");
  std::size_t inThisTurn = 0, most = 0, connects = 0, answered = 0;
  worker.onConnect = [&](TcpConnection&) {
    ++connects;
    most = std::max(most, ++inThisTurn);
  };
  worker.onMessage = [&](TcpConnection&, std::string_view) { ++answered; };
  World world(worker);
  Client first(world);
  ASSERT_TRUE(world.until([&] { return connects == 1; }));
  worker.pauseAccept();
  std::vector<std::unique_ptr<Client>> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(std::make_unique<Client>(world));
  ASSERT_TRUE(world.until(
      [&] { return std::all_of(crowd.begin(), crowd.end(), [](const auto& client) { return client->connected(); }); }));
  worker.resumeAccept();
  while (connects < 301) {
    first.send("meanwhile\n");
    inThisTurn = 0;
    world.settleOnce();
  }
  EXPECT_EQ(most, 64u);
  EXPECT_GT(answered, 2u) << "who is there goes on";
}

TEST(Accept, TheQueueIsAsLongAsTheBacklogSays) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv listens on this system";
  Worker worker("text://127.0.0.1:0", {.backlog = 2});
  World world(worker);
  worker.pauseAccept();
  std::vector<std::unique_ptr<Client>> crowd;
  for (int i = 0; i < 10; ++i) {  // one after the other: the kernel looks when a client knocks
    crowd.push_back(std::make_unique<Client>(world));
    world.forTime(5ms);
  }
  const auto in = std::count_if(crowd.begin(), crowd.end(), [](const auto& client) { return client->connected(); });
  EXPECT_GE(in, 1);
  EXPECT_LE(in, 4) << "the others wait outside";
}

TEST(Accept, KeepAliveIsWithinWhatLinuxTakes) {
  const auto asked = [](int idle, int interval, int probes) {
    Worker worker("text://127.0.0.1:0",
                  {.keepAliveIdle = idle, .keepAliveInterval = interval, .keepAliveProbes = probes});
    const auto options = worker.core().listenOptions().keepAlive;
    return std::array{options.idleSeconds, options.intervalSeconds, options.probes};
  };
  EXPECT_EQ(asked(55, 54, 3), (std::array{55, 54, 3}));
  EXPECT_EQ(asked(0, -1, 0), (std::array{1, 1, 1}));
  EXPECT_EQ(asked(86400, 86400, 1000), (std::array{32767, 32767, 127}));
}

TEST(Accept, ASecondWorkerAtRunTime) {
  Worker outer("text://127.0.0.1:0");
  std::unique_ptr<Worker> inner;
  outer.onWorkerStart = [&](Worker&) {
    inner = std::make_unique<Worker>("text://127.0.0.1:0");
    inner->onMessage = [&](TcpConnection& c, std::string_view line) {
      for (auto& [id, one] : outer.connections()) one->send(line);
      c.send(outer.connections().empty() ? "fail" : "ok");
    };
    inner->listen();
  };
  World world(outer);
  const std::uint16_t port = inner->core().address.port;
  EXPECT_EQ(inner->listenAddress(), "text://127.0.0.1:" + std::to_string(port));
  Client browser(world), pusher(world, port);
  ASSERT_TRUE(world.until([&] { return !outer.connections().empty(); }));
  pusher.send("news\n");
  world.until([&] { return pusher.received == "ok\n" && browser.received == "news\n"; });
  EXPECT_EQ(inner->connections().size(), 1u);
  EXPECT_EQ(inner->totalRequests(), 1u);

  inner->unlisten();
  world.settle();
  Client late(world, port);
  world.until([&] { return late.ended(); });
  EXPECT_FALSE(late.connected());
  pusher.send("more\n");
  world.until([&] { return browser.received == "news\nmore\n"; });
  inner->listen();
  Client again(world, port);
  again.send("again\n");
  world.until([&] { return again.received == "ok\n"; });
}

TEST(Accept, AWorkerThatGoesTakesItsConnectionsAlong) {
  Worker outer("text://127.0.0.1:0");
  World world(outer);
  auto inner = std::make_unique<Worker>("text://127.0.0.1:0");
  int closes = 0;
  ConnectionPtr kept;
  inner->onConnect = [&](TcpConnection& c) { kept = c.share(); };
  inner->onClose = [&](TcpConnection& c) {
    ++closes;
    EXPECT_EQ(c.worker(), nullptr);
  };
  inner->listen();
  Client client(world, inner->core().address.port);
  ASSERT_TRUE(world.until([&] { return kept != nullptr && client.connected(); }));
  inner.reset();
  world.until([&] { return client.ended() && closes == 1; });
  EXPECT_EQ(kept->send("x"), SendStatus::dropped);
}

TEST(Accept, ABusyAddressIsASetupErrorOfListen) {
  Worker worker("text://127.0.0.1:0");
  World world(worker);
  Worker second("text://127.0.0.1:" + std::to_string(world.port()));
  try {
    second.listen();
    FAIL() << "two listeners on one address";
  } catch (const SetupError& e) {
    EXPECT_EQ(e.exit(), Exit::cannotListen);
    EXPECT_NE(std::string(e.what()).find(std::to_string(world.port())), std::string::npos) << e.what();
  }
}

TEST(Accept, HttpOnAnotherProtocolsPortGetsAPageThatSaysSo) {
  for (const char* scheme : {"text", "frame", "websocket"}) {
    for (const std::size_t split : {std::size_t{0}, std::size_t{4}, std::size_t{16}}) {
      SCOPED_TRACE(std::string(scheme) + " split at " + std::to_string(split));
      Worker worker(std::string(scheme) + "://127.0.0.1:0");
      int messages = 0;
      worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
      World world(worker);
      Client client(world);
      const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
      if (split > 0) {
        client.send(request.substr(0, split));
        ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() == split; }));
      }
      client.send(request.substr(split));
      world.until([&] { return client.ended(); });
      EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 426");
      EXPECT_NE(client.received.find("This port speaks " + std::string(scheme)), std::string::npos);
      EXPECT_EQ(messages, 0);
    }
  }
}

TEST(Accept, ATlsHelloIsClosedWithAHint) {
  for (const char* scheme : {"text", "frame"}) {
    ::testing::internal::CaptureStderr();
    Worker worker(std::string(scheme) + "://127.0.0.1:0");
    int messages = 0;
    worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
    World world(worker);
    Client client(world);
    client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 12));
    world.until([&] { return client.ended(); });
    EXPECT_EQ(client.received, "");
    EXPECT_EQ(messages, 0);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("TLS"), std::string::npos);
  }
}

TEST(Accept, ATextThatLooksLikeARequestIsLeftAlone) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  Client client(world);
  client.send("GET /x\nPUT\n");
  world.until([&] { return client.received == "GET /x\nPUT\n"; });
}

}  // namespace
}  // namespace artel::testing
