// References, husks and callbacks that pull the rug from under themselves (connection.hpp, "Lifetime").
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

const std::string hello =
    "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

std::vector<std::unique_ptr<Client>> connect(World& world, std::size_t count) {
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<Client>(world));
  world.until([&] {
    return world.worker().connections().size() == count &&
           std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->connected(); });
  });
  return clients;
}

TEST(Lifetime, ClosingWhileIterating) {
  Worker worker("tcp://127.0.0.1:0");
  int closes = 0;
  worker.onClose = [&](TcpConnection& c) {
    ++closes;
    EXPECT_TRUE(worker.connections().contains(c.id()));
  };
  World world(worker);
  const auto clients = connect(world, 50);
  std::size_t seen = 0;
  for (auto& [id, c] : worker.connections()) {
    EXPECT_EQ(id, c->id());
    ++seen;
    if (seen % 2 == 0)
      c->destroy();
    else
      c->close();
  }
  EXPECT_EQ(seen, 50u);
  EXPECT_EQ(worker.connections().size(), 50u);
  EXPECT_EQ(closes, 0);
  world.settle();
  EXPECT_EQ(closes, 25);
  EXPECT_EQ(worker.connections().size(), 25u);
  for (const auto& client : clients) client->close();
  world.until([&] { return closes == 50; });
  EXPECT_TRUE(worker.connections().empty());
  EXPECT_EQ(worker.connections().begin(), worker.connections().end());
}

TEST(Lifetime, ABroadcastToClientsOfWhichHalfHaveGone) {
  Worker worker("text://127.0.0.1:0");
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  auto clients = connect(world, 100);
  for (std::size_t i = 0; i < clients.size(); i += 2) clients[i]->close(i % 4 == 0);
  for (auto& [id, c] : worker.connections()) c->send("news");
  world.until([&] {
    for (std::size_t i = 1; i < clients.size(); i += 2)
      if (clients[i]->received != "news\n") return false;
    return closes == 50;
  });
  EXPECT_EQ(worker.connections().size(), 50u);
}

TEST(Lifetime, IdsGrowAndAreNeverUsedAgain) {
  Worker worker("tcp://127.0.0.1:0");
  std::vector<std::uint64_t> ids;
  worker.onConnect = [&](TcpConnection& c) { ids.push_back(c.id()); };
  World world(worker);
  for (int i = 0; i < 5; ++i) {
    Client client(world);
    world.until([&] { return ids.size() == static_cast<std::size_t>(i) + 1; });
  }
  EXPECT_GE(ids.front(), 1u);
  EXPECT_EQ(std::set<std::uint64_t>(ids.begin(), ids.end()).size(), 5u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST(Lifetime, ShareKeepsWeakGoesAndTheIdIsForgotten) {
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  auto clients = connect(world, 2);
  const ConnectionPtr kept = world.first().share();
  const std::weak_ptr<TcpConnection> weak = worker.connections().find(kept->id() + 1)->weak();
  ASSERT_FALSE(weak.expired());
  const std::uint64_t id = kept->id(), other = weak.lock()->id();
  clients.clear();
  world.until([&] { return worker.connections().empty() && weak.expired(); });
  EXPECT_EQ(worker.connections().find(id), nullptr);
  EXPECT_EQ(worker.connections().find(other), nullptr);
  EXPECT_EQ(worker.connections().find(0), nullptr);
  EXPECT_EQ(kept->getStatus(), TcpConnection::Status::closed);
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(Lifetime, ACallbackThatHoldsItsOwnConnectionEndsWithIt) {
  Worker worker("tcp://127.0.0.1:0");
  std::weak_ptr<TcpConnection> weak;
  worker.onConnect = [&](TcpConnection& c) {
    weak = c.weak();
    c.onMessage = [self = c.share()](TcpConnection&, std::string_view) { self->send("x"); };
    c.onClose = [self = c.share()](TcpConnection&) {};
  };
  World world(worker);
  {
    Client client(world);
    client.send("?");
    world.until([&] { return client.received == "x"; });
  }
  world.until([&] { return worker.connections().empty(); });
  world.until([&] { return weak.expired(); });
}

TEST(Lifetime, ContextIsMadeOnceAndDiesWithTheConnection) {
  struct Counter {
    std::shared_ptr<int> alive = std::make_shared<int>(0);
  };
  Worker worker("text://127.0.0.1:0");
  std::weak_ptr<int> alive;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    auto& counter = c.context<Counter>();
    alive = counter.alive;
    c.send(std::to_string(++*counter.alive));
    EXPECT_THROW(c.context<int>(), std::logic_error);
  };
  World world(worker);
  {
    Client client(world);
    client.send("a\nb\n");
    world.until([&] { return client.received == "1\n2\n"; });
  }
  world.until([&] { return alive.expired(); });
}

// ---- the end inside every callback ----------------------------------------------------------------------------------

enum class End { close, closeWords, destroy, both };

class EndInside : public ::testing::TestWithParam<std::pair<const char*, End>> {
 protected:
  static void end(TcpConnection& c) {
    switch (GetParam().second) {
      case End::close:
        return c.close();
      case End::closeWords:
        return c.close("bye");
      case End::destroy:
        return c.destroy();
      case End::both:
        c.close();
        c.destroy();
    }
  }
  /// A client does `act`; the connection must end once, and only once.
  static void run(Worker& worker, const std::function<void(World&, Client&)>& act) {
    int connects = 0, closes = 0;
    const auto connected = worker.onConnect;
    worker.onConnect = [&, connected](TcpConnection& c) {
      ++connects;
      if (connected) connected(c);
    };
    const auto closed = worker.onClose;
    worker.onClose = [&, closed](TcpConnection& c) {
      ++closes;
      if (closed) closed(c);
    };
    World world(worker);
    Client client(world);
    world.until([&] { return client.connected() && connects == 1; });
    act(world, client);
    world.until([&] { return client.ended() || closes == 1; });
    client.close();
    world.until([&] { return closes == 1; });
    world.settle();
    EXPECT_EQ(closes, 1);
    EXPECT_TRUE(worker.connections().empty());
  }
};

TEST_P(EndInside, OnConnect) {
  Worker worker("text://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { end(c); };
  run(worker, [](World&, Client&) {});
}

TEST_P(EndInside, OnMessage) {
  for (const char* scheme : {"tcp", "text"}) {
    Worker worker(std::string(scheme) + "://127.0.0.1:0");
    int messages = 0;
    worker.onMessage = [&](TcpConnection& c, std::string_view) {
      ++messages;
      c.send("answer");
      end(c);
      c.send("late");
    };
    run(worker, [](World&, Client& client) { client.send("a\nb\nc\n"); });
    EXPECT_EQ(messages, 1);
  }
}

TEST_P(EndInside, OnMessageOfARequest) {
  Worker worker("http://127.0.0.1:0");
  int messages = 0;
  worker.onMessage = [&](TcpConnection& c, const http::Request& request) {
    ++messages;
    end(c);
    EXPECT_EQ(request.path(), "/") << "the request stays readable";
    EXPECT_EQ(c.send("late"), SendStatus::dropped);
  };
  run(worker, [](World&, Client& client) {
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  });
  EXPECT_EQ(messages, 1);
}

TEST_P(EndInside, OnClose) {
  Worker worker("text://127.0.0.1:0");
  worker.onClose = [](TcpConnection& c) { end(c); };
  run(worker, [](World&, Client& client) { client.close(); });
}

TEST_P(EndInside, OnBufferFullAndOnError) {
  for (const bool full : {true, false}) {
    Worker worker("tcp://127.0.0.1:0");
    if (full)
      worker.onBufferFull = [](TcpConnection& c) { end(c); };
    else
      worker.onError = [](TcpConnection& c, const Error&) { end(c); };
    run(worker, [](World& world, Client& client) {
      client.keep(false);
      world.first().send(std::string(20'000'000, 'x'));
      world.first().send("dropped");
    });
  }
}

TEST_P(EndInside, OnBufferDrain) {
  Worker worker("tcp://127.0.0.1:0");
  int drains = 0;
  worker.onBufferDrain = [&](TcpConnection& c) {
    ++drains;
    end(c);
  };
  run(worker, [](World& world, Client& client) {
    client.keep(false);
    world.first().send(std::string(20'000'000, 'x'));
  });
  EXPECT_EQ(drains, 1);
}

TEST_P(EndInside, WebSocketHooks) {
  const std::string ping("\x89\x80\0\0\0\0", 6), pong("\x8a\x80\0\0\0\0", 6), bye("\x88\x80\0\0\0\0", 6),
      text("\x81\x81\0\0\0\0a", 7);
  for (int hook = 0; hook < 6; ++hook) {
    Worker worker("http://127.0.0.1:0");
    int calls = 0;
    const auto leave = [&](TcpConnection& c) {
      ++calls;
      end(c);
    };
    worker.onWebSocketMessage = [](TcpConnection&, std::string_view) {};
    if (hook == 0) worker.onWebSocketConnect = [&](TcpConnection& c, const http::Request&) { leave(c); };
    if (hook == 1) worker.onWebSocketConnected = [&](TcpConnection& c, const http::Request&) { leave(c); };
    if (hook == 2) worker.onWebSocketPing = [&](TcpConnection& c, std::string_view) { leave(c); };
    if (hook == 3) worker.onWebSocketPong = [&](TcpConnection& c, std::string_view) { leave(c); };
    if (hook == 4) worker.onWebSocketClose = [&](TcpConnection& c, const websocket::Close&) { leave(c); };
    if (hook == 5) worker.onWebSocketMessage = [&](TcpConnection& c, std::string_view) { leave(c); };
    run(worker, [&](World&, Client& client) { client.send(hello + ping + pong + text + bye); });
    EXPECT_EQ(calls, 1) << "hook " << hook;
  }
}

TEST_P(EndInside, ATimerThatFoundItById) {
  Worker worker("text://127.0.0.1:0");
  worker.onConnect = [&](TcpConnection& c) {
    Timer::delay(0.001, [&worker, id = c.id()] {
      if (TcpConnection* found = worker.connections().find(id)) end(*found);
    });
  };
  run(worker, [](World&, Client&) {});
}

INSTANTIATE_TEST_SUITE_P(EveryWay, EndInside,
                         ::testing::Values(std::pair{"Close", End::close}, std::pair{"CloseWords", End::closeWords},
                                           std::pair{"Destroy", End::destroy}, std::pair{"Both", End::both}),
                         [](const auto& one) { return std::string(one.param.first); });

TEST(Lifetime, OneConnectionsHandlerDestroysAllOthers) {
  Worker worker("text://127.0.0.1:0");
  int closes = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    for (auto& [id, other] : worker.connections())
      if (other.get() != &c) other->destroy();
    c.send("alone");
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  auto clients = connect(world, 10);
  for (auto& client : clients) client->send("a\nb\n");  // all in one turn: the others' bytes lie there, too
  world.until([&] { return closes == 9; });
  EXPECT_EQ(worker.connections().size(), 1u);
}

// ---- slots ----------------------------------------------------------------------------------------------------------

TEST(Lifetime, AWorkerThatGoesWithATimersCallbackEndsItsConnections) {
  Worker outer("text://127.0.0.1:0");
  World world(outer);
  int connects = 0, closes = 0;
  auto inner = std::make_shared<Worker>("text://127.0.0.1:0");
  inner->onConnect = [&](TcpConnection&) { ++connects; };
  inner->onClose = [&](TcpConnection&) { ++closes; };
  inner->listen();
  const Client client(world, inner->core().address.port);
  world.until([&] { return connects == 1; });
  // The callback holds the last reference; it goes when libuv lets go of the timer, after the end of the turn.
  Timer::delay(0.01, [inner](Timer::Id) {});
  inner.reset();
  world.until([&] { return closes == 1; });
  EXPECT_TRUE(world.until([&] { return client.ended(); }));
}

TEST(Lifetime, ACallbackReplacesAndClearsItself) {
  Worker worker("text://127.0.0.1:0");
  std::string seen;
  worker.onConnect = [&](TcpConnection& c) {
    c.onMessage = [&, big = std::string(1000, 'x')](TcpConnection& self, std::string_view line) {
      self.onMessage = [&](TcpConnection& again, std::string_view second) {
        again.onMessage = nullptr;
        seen += "second:" + std::string(second) + " ";
      };
      EXPECT_EQ(big.size(), 1000u) << "the running closure lives until it returns";
      EXPECT_EQ(big[999], 'x');
      seen += "first:" + std::string(line) + " ";
    };
    c.onClose = [&, big = std::string(1000, 'x')](TcpConnection& self) {
      self.onClose = nullptr;
      seen += big.substr(0, 1);
    };
  };
  World world(worker);
  {
    Client client(world);
    client.send("a\nb\nc\n");
    world.until([&] { return seen == "first:a second:b "; });
  }
  world.until([&] { return worker.connections().empty(); });
  EXPECT_EQ(seen, "first:a second:b x");
}

TEST(Lifetime, TheWorkersCallbacksReplaceThemselvesToo) {
  Worker worker("text://127.0.0.1:0");
  std::string seen;
  worker.onConnect = [&, big = std::string(1000, 'x')](TcpConnection&) {
    worker.onConnect = [&](TcpConnection&) { seen += "2"; };
    seen += big.size() == 1000 ? "1" : "?";
  };
  World world(worker);
  Client one(world), two(world);
  world.until([&] { return seen == "12"; });
}

TEST(Lifetime, ALaterChangeOfTheWorkersCallbackConcernsNewConnectionsOnly) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view) { c.send("old"); };
  World world(worker);
  Client one(world);
  one.send("?\n");
  world.until([&] { return one.received == "old\n"; });
  worker.onMessage = [](TcpConnection& c, std::string_view) { c.send("new"); };
  Client two(world);
  two.send("?\n");
  one.send("?\n");
  world.until([&] { return one.received == "old\nold\n" && two.received == "new\n"; });
}

TEST(Lifetime, TwoConnectionsHandlersDoNotMix) {
  Worker worker("text://127.0.0.1:0");
  int number = 0;
  worker.onConnect = [&](TcpConnection& c) {
    c.onMessage = [n = ++number](TcpConnection& self, std::string_view) { self.send(std::to_string(n)); };
  };
  World world(worker);
  Client one(world);
  world.until([&] { return number == 1; });
  Client two(world);
  for (int i = 0; i < 2; ++i) one.send("?\n"), two.send("?\n");
  world.until([&] { return one.received == "1\n1\n" && two.received == "2\n2\n"; });
}

// ---- hammer ---------------------------------------------------------------------------------------------------------

void hammer(const char* scheme, unsigned seed) {
  SCOPED_TRACE(std::string(scheme) + ", seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t n) { return static_cast<std::size_t>(random() % n); };
  Worker worker(std::string(scheme) + "://127.0.0.1:0");
  std::uint64_t connects = 0, closes = 0;
  std::vector<ConnectionPtr> kept;
  const auto anyone = [&]() -> TcpConnection* {
    std::size_t skip = below(static_cast<std::uint32_t>(worker.connections().size()) + 1);
    for (auto& [id, c] : worker.connections())
      if (skip-- == 0) return c.get();
    return kept.empty() ? nullptr : kept[below(static_cast<std::uint32_t>(kept.size()))].get();
  };
  const auto mischief = [&] {
    TcpConnection* c = anyone();
    if (c == nullptr) return;
    switch (below(12)) {
      case 0:
        return c->close();
      case 1:
        return c->destroy();
      case 2:
        return c->close("bye");
      case 3:
        return c->pauseRecv();
      case 4:
        for (auto& [id, one] : worker.connections()) one->resumeRecv();
        return;
      case 5:
        kept.push_back(c->share());
        if (kept.size() > 10) kept.erase(kept.begin());
        return;
      case 6:
        c->onClose = [&](TcpConnection&) { ++closes; };
        return;
      case 7:
        c->send(std::string(below(300'000), 'y'));
        return;
      case 8:
        Timer::delay(0.001, [weak = c->weak()] {
          if (const auto alive = weak.lock()) alive->destroy();
        });
        return;
      default:
        c->send("x");
    }
  };
  worker.onConnect = [&](TcpConnection&) {
    ++connects;
    if (below(3) == 0) mischief();
  };
  worker.onMessage = [&](TcpConnection& c, std::string_view data) {
    c.send(data);
    if (below(3) == 0) mischief();
  };
  worker.onClose = [&](TcpConnection&) {
    ++closes;
    mischief();
  };
  worker.onBufferFull = [&](TcpConnection&) { mischief(); };
  worker.onBufferDrain = [&](TcpConnection&) { mischief(); };
  worker.onError = [&](TcpConnection&, const Error&) { mischief(); };
  World world(worker);
  {
    std::vector<std::unique_ptr<Client>> clients(30);
    for (int step = 0; step < 3000; ++step) {
      auto& client = clients[below(30)];
      switch (below(10)) {
        case 0:
          client.reset();
          break;
        case 1:
          if (client) client->close(true);
          break;
        case 2:
          if (client) client->shutdown();
          break;
        case 3:
          if (client && client->connected()) client->pauseReading();
          break;
        default:
          if (!client) client = std::make_unique<Client>(world);
          client->send(std::string(below(2000), 'z') + "\n");
      }
      world.settleOnce();
    }
  }
  world.until([&] {
    for (auto& [id, c] : worker.connections()) c->resumeRecv();
    return worker.connections().empty();
  });
  EXPECT_EQ(connects, closes);
  EXPECT_GT(connects, 100u);
}

TEST(Lifetime, HammerRaw) { hammer("tcp", 1); }
TEST(Lifetime, HammerText) { hammer("text", 2); }
TEST(Lifetime, HammerFrame) { hammer("frame", 3); }

}  // namespace
}  // namespace artel::testing
