// AsyncTcpConnection (manual 1.10.3): how it connects again, and what takes that back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "tests/support/dialling.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using Status = TcpConnection::Status;

TEST(Client, ReconnectsInOnCloseWithTheSameObject) {
  WithEcho d;
  const auto c = d.to(d.address());
  const auto id = c->id();
  int closes = 0;
  c->onClose = [&](TcpConnection& self) {
    if (++closes < 3) self.dialled()->reconnect(1ms);
  };
  c->onConnect = [&](TcpConnection& self) { self.close(); };
  c->connect();
  d.world.until([&] { return closes == 3; });
  d.world.forTime(20ms);
  EXPECT_EQ(d.accepted, 3);
  EXPECT_EQ(c->id(), id);
  EXPECT_EQ(c->getStatus(), Status::closed);
  EXPECT_TRUE(d.events.empty());
}

TEST(Client, ReconnectInOnErrorTakesThePlaceOfOnClose) {
  WithEcho d;
  const auto port = d.server.core().address.port;
  d.server.unlisten();
  d.world.settle();
  const auto c = d.to("text://127.0.0.1:" + std::to_string(port));
  int errors = 0;
  Worker back("text://127.0.0.1:" + std::to_string(port));
  c->onError = [&](TcpConnection& self, const Error&) {
    EXPECT_EQ(self.getStatus(), Status::closing);
    if (++errors == 3) back.listen();
    self.dialled()->reconnect(1ms);
    EXPECT_EQ(self.send("lost"), SendStatus::dropped);
  };
  EXPECT_EQ(c->send("kept"), SendStatus::queued);
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  EXPECT_EQ(errors, 3);
  EXPECT_THAT(d.events, ElementsAre("connect"));
}

TEST(Client, AThousandAttemptsKeepNothingAndThenItConnects) {
  Dialling d;
  const std::uint16_t port = closedPort();
  Worker back("text://127.0.0.1:" + std::to_string(port));
  auto c = d.to("text://127.0.0.1:" + std::to_string(port));
  int errors = 0, closes = 0;
  std::size_t before = 0, after = 0;
  c->onError = [&](TcpConnection& self, const Error&) {
    ++errors;
    if (errors % 2 == 0) self.dialled()->reconnect();  // the others do it in onClose
    if (errors == 10) before = openDescriptors();
    if (errors == 1000) after = openDescriptors(), back.listen();
  };
  c->onClose = [&](TcpConnection& self) {
    if (!d.has("connect")) self.dialled()->reconnect();
    ++closes;
  };
  c->connect();
  d.world.until([&] { return d.has("connect"); }, 20s);
  EXPECT_EQ(errors, 1000);
  EXPECT_EQ(closes, 500);
  EXPECT_EQ(before, after);
  EXPECT_THAT(d.events, ElementsAre("connect"));
  EXPECT_EQ(d.world.process().clients().connections().size(), 1u);
  const auto weak = c->weak();
  c.reset();
  weak.lock()->close();
  d.world.until([&] { return weak.expired(); });
}

/// What is called in a callback, in this order; and what comes of it.
TEST(Client, OfReconnectAndAnEndTheLaterOneCounts) {
  using Events = std::vector<std::string>;
  const auto run = [](const std::string& where, bool destroy, bool reconnectLast) {
    bool done = false;
    const auto act = [&](const char* here, TcpConnection& self) {
      if (where != here || std::exchange(done, true)) return;
      if (!reconnectLast) self.dialled()->reconnect(1ms);
      destroy ? self.destroy() : self.close();
      if (reconnectLast) self.dialled()->reconnect(1ms);
    };
    WithEcho d;  // after what the callbacks use: the last of them run when it goes
    const auto c = d.to(where == "onError" ? closedAddress() : d.address());
    c->onConnect = [&](TcpConnection& self) {
      d.events.push_back("connect");
      if (where == "onClose") self.close();
      act("onConnect", self);
    };
    c->onError = [&](TcpConnection& self, const Error&) {
      d.events.push_back("error");
      act("onError", self);
    };
    c->onClose = [&](TcpConnection& self) {
      d.events.push_back("close");
      act("onClose", self);
    };
    c->connect();
    d.world.until([&] { return d.has("close"); });
    const std::size_t all = where == "onClose" || (where == "onError" && destroy) ? 4 : 3;
    if (reconnectLast) d.world.until([&] { return d.events.size() >= all; });
    d.world.forTime(10ms);
    EXPECT_EQ(c->getStatus() == Status::established, where == "onConnect" && reconnectLast);
    return d.events;
  };
  for (const bool destroy : {true, false}) {
    EXPECT_EQ(run("onError", destroy, false), (Events{"error", "close"})) << destroy;
    EXPECT_EQ(run("onClose", destroy, false), (Events{"connect", "close"})) << destroy;
    EXPECT_EQ(run("onConnect", destroy, false), (Events{"connect", "close"})) << destroy;
    EXPECT_EQ(run("onClose", destroy, true), (Events{"connect", "close", "connect", "close"})) << destroy;
    EXPECT_EQ(run("onConnect", destroy, true), (Events{"connect", "close", "connect"})) << destroy;
  }
  EXPECT_EQ(run("onError", true, true), (Events{"error", "close", "error", "close"}));
  EXPECT_EQ(run("onError", false, true), (Events{"error", "error", "close"}));  // a close has nothing to end there
}

TEST(Client, WhatAFailedConnectHadStillToSendGoesOutWithTheNext) {
  Dialling d;
  const std::uint16_t port = closedPort();
  Worker back("text://127.0.0.1:" + std::to_string(port));
  std::vector<std::string> got;
  back.onMessage = [&](TcpConnection&, std::string_view text) { got.emplace_back(text); };
  const auto c = d.to("text://127.0.0.1:" + std::to_string(port));
  c->onError = [&](TcpConnection& self, const Error&) {
    back.listen();
    self.dialled()->reconnect();
  };
  c->onConnect = [](TcpConnection& self) { self.send("two"); };
  c->send("one");
  c->connect();
  d.world.until([&] { return got.size() == 2; });
  EXPECT_THAT(got, ElementsAre("one", "two"));
}

TEST(Client, CancelReconnect) {
  Dialling d;
  const auto c = d.to(closedAddress());
  EXPECT_FALSE(c->cancelReconnect());
  c->onClose = [&](TcpConnection& self) {
    d.events.push_back("close");
    self.dialled()->reconnect(200ms);
  };
  c->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_EQ(c->getStatus(), Status::initial);
  EXPECT_TRUE(c->cancelReconnect());
  EXPECT_FALSE(c->cancelReconnect());
  d.world.forTime(300ms);
  EXPECT_THAT(d.events, ElementsAre("error 1", "close"));
}

TEST(Client, CloseAndDestroyEndOneThatWaitsToConnectAgain) {
  for (const bool destroy : {true, false}) {
    WithEcho d;
    auto c = d.to(d.address());
    c->reconnect(5ms);
    destroy ? c->destroy() : c->close();
    d.world.until([&] { return d.has("close"); });
    d.world.forTime(30ms);
    EXPECT_EQ(d.accepted, 0);
    EXPECT_THAT(d.events, ElementsAre("close"));
    EXPECT_EQ(c->getStatus(), Status::closed);
    const auto weak = c->weak();
    c.reset();
    EXPECT_TRUE(weak.expired()) << "nobody waits for it any more";
  }
}

TEST(Client, OneThatWaitedAndIsClosedMayConnectAgainInOnClose) {
  WithEcho d;
  const auto c = d.to(d.address());
  c->onClose = [&](TcpConnection& self) {
    if (!d.has("close")) self.dialled()->reconnect(1ms);
    d.events.push_back("close");
  };
  c->reconnect(1h);
  c->close();
  d.world.until([&] { return d.has("connect"); });
  EXPECT_THAT(d.events, ElementsAre("close", "connect"));
}

TEST(Client, ReconnectOfOneThatIsConnected) {
  WithEcho d;
  const auto c = d.to(d.address());
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  c->reconnect();
  d.world.until([&] { return d.accepted == 2 && c->getStatus() == Status::established; });
  EXPECT_THAT(d.events, ElementsAre("connect", "close", "connect"));
}

TEST(Client, ConnectWhileItWaitsConnectsNow) {
  WithEcho d;
  const auto c = d.to(d.address());
  c->reconnect(1h);
  EXPECT_EQ(c->getStatus(), Status::initial);
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  c->connect();  // no effect
  d.world.forTime(10ms);
  EXPECT_EQ(d.accepted, 1);
}

TEST(Client, AProtocolBeginsAnewWithEachConnection) {
  struct Numbered {
    using Message = std::string;
    Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
    std::string decode(std::string_view bytes, Peer&) { return std::to_string(++count) + std::string(bytes); }
    void encode(std::string_view text, Peer&, std::string& out) { out += text; }
    int count = 0;
  };
  WithEcho d("tcp://127.0.0.1:0");
  const auto c = d.to(d.address("tcp"));
  c->onMessage = nullptr;
  c->protocol = protocol<Numbered>();
  c->onMessage = [&](TcpConnection& self, const std::string& text) {
    d.events.push_back(text);
    self.close();
  };
  c->onConnect = [](TcpConnection& self) { self.send("x"); };
  c->onClose = [&](TcpConnection& self) {
    if (d.events.size() < 2) self.dialled()->reconnect();
  };
  c->connect();
  d.world.until([&] { return d.events.size() == 2; });
  EXPECT_THAT(d.events, ElementsAre("1x", "1x"));
}

TEST(Client, AProtocolThatCannotBeMadeAnewIsNotUsedOnceMore) {
  static bool fails;
  fails = false;
  struct Failing {
    using Message = std::string;
    Failing() = default;
    Failing(const Failing&) {
      if (fails) throw std::runtime_error("no more of these");
    }
    Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
    std::string decode(std::string_view bytes, Peer&) { return std::string(bytes); }
    void encode(std::string_view text, Peer&, std::string& out) { out += text; }
    int state = 0;  // one without any is shared
  };
  WithEcho d("tcp://127.0.0.1:0");
  Worker::onException = [](const std::exception_ptr&, Connection*) { return true; };
  const auto c = d.to(d.address("tcp"));
  c->onMessage = nullptr;
  c->protocol = protocol<Failing>();
  int connects = 0;
  c->onConnect = [&](TcpConnection& self) {
    ++connects;
    fails = true;
    self.close();
  };
  c->onClose = [&](TcpConnection& self) {
    if (connects == 1 && d.events.empty()) self.dialled()->reconnect();
  };
  c->onError = [&](TcpConnection&, const Error& error) { d.events.push_back(error.message); };
  c->connect();
  const bool told = d.world.until([&] { return !d.events.empty(); });
  Worker::onException = nullptr;
  ASSERT_TRUE(told);
  EXPECT_THAT(d.events.front(), ::testing::HasSubstr("its protocol threw"));
  EXPECT_EQ(connects, 1);
}

TEST(Client, APipeKeepsItsHalfClosesWhenItsTargetIsTriedAgain) {
  Dialling d;
  const std::uint16_t port = closedPort();
  Worker target("tcp://127.0.0.1:" + std::to_string(port));
  std::string got;
  target.onMessage = [&](TcpConnection& c, std::string_view bytes) {
    got += bytes;
    c.close("bye");  // its end comes first
  };
  Worker proxy("tcp://127.0.0.1:0");
  AsyncTcpConnectionPtr upstream;
  proxy.onConnect = [&](TcpConnection& client) {
    upstream = AsyncTcpConnection::to("tcp://127.0.0.1:" + std::to_string(port));
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->onError = [&](TcpConnection& self, const Error&) {
      target.listen();
      self.dialled()->reconnect(20ms);
    };
    upstream->connect();
  };
  proxy.listen();
  Client client(d.world, proxy.core().address.port);
  client.send("hello");
  d.world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "bye");
  EXPECT_EQ(got, "hello");
  d.world.settle();
  EXPECT_EQ(upstream->getStatus(), Status::established) << "the client may still send";
  client.shutdown();
  d.world.until([&] { return proxy.connections().empty() && upstream->getStatus() == Status::closed; });
}

TEST(Client, AProcessThatStopsConnectsNothingAgain) {
  WithEcho d;
  const Client served(d.world, d.server.core().address.port);  // so that clients stay
  d.world.until([&] { return d.accepted == 1; });
  const auto connected = d.to(d.address()), failing = d.to(closedAddress());
  connected->connect();
  d.world.until([&] { return d.has("connect"); });
  d.world.process().stop(0, true);
  d.world.settle();
  connected->reconnect();
  EXPECT_EQ(connected->getStatus(), Status::established);
  failing->onError = [&](TcpConnection& self, const Error&) {
    d.events.push_back("error");
    self.dialled()->reconnect();
  };
  failing->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "error", "close"));
}

}  // namespace
}  // namespace artel::testing
