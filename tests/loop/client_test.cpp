// AsyncTcpConnection (manual 1.10): how it connects, fails and ends.
#include "artel/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "src/worker/core.hpp"
#include "tests/support/dialling.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Status = TcpConnection::Status;

TEST(Client, AsksAndIsAnswered) {
  WithEcho d;
  const auto c = d.to(d.address());
  EXPECT_EQ(c->getStatus(), Status::initial);
  EXPECT_EQ(c->getStatusName(), "INITIAL");
  c->connect();
  EXPECT_EQ(c->getStatus(), Status::connecting);
  c->onConnect = [&](TcpConnection& self) {
    d.events.push_back("connect");
    EXPECT_EQ(self.getStatus(), Status::established);
    EXPECT_EQ(self.worker(), nullptr);
    EXPECT_EQ(self.dialled(), c.get());
    EXPECT_EQ(self.getRemoteIp(), "127.0.0.1");
    EXPECT_EQ(self.getRemotePort(), d.server.core().address.port);
    self.send("hello");
  };
  EXPECT_TRUE(d.events.empty());
  d.world.until([&] { return d.has("message hello"); });
  EXPECT_EQ(c->getLocalPort(), d.peerPort);
  EXPECT_EQ(c->transport(), "tcp");
  c->close();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "message hello", "close"));
  EXPECT_EQ(c->getStatus(), Status::closed);
  EXPECT_EQ(c->send("late"), SendStatus::dropped);
  EXPECT_EQ(d.server.connections().size(), 0u);
}

TEST(Client, APauseLastsThroughAConnectThatFailed) {
  WithEcho d;
  const auto c = d.to(d.address(), {.bindTo = "nowhere"});
  c->onError = [&](TcpConnection&, const Error&) {
    d.events.push_back("error");
    c->options().bindTo.clear();
    c->reconnect(std::chrono::milliseconds(1));
  };
  c->send("one");
  c->connect();
  c->pauseRecv();
  d.world.until([&] { return d.has("connect"); });
  d.world.forTime(100ms);
  EXPECT_THAT(d.events, ElementsAre("error", "connect"));
  c->resumeRecv();
  d.world.until([&] { return d.has("message one"); });
}

TEST(Client, WhatIsSentBeforeItStandsArrivesFirst) {
  WithEcho d;
  const auto c = d.to(d.address());
  EXPECT_EQ(c->send("one"), SendStatus::queued);
  c->onConnect = [](TcpConnection& self) { self.send("three"); };
  c->connect();
  EXPECT_EQ(c->send("two"), SendStatus::queued);
  d.world.until([&] { return d.events.size() == 3; });
  EXPECT_THAT(d.events, ElementsAre("message one", "message two", "message three"));
}

TEST(Client, ARefusedPortIsAnErrorAndAClose) {
  Dialling d;
  const auto c = d.to(closedAddress());
  c->connect();
  EXPECT_TRUE(d.events.empty());  // never inside the call
  d.world.until([&] { return d.has("close"); }, 5s);
  EXPECT_THAT(d.events, ElementsAre("error 1", "close"));
  EXPECT_THAT(d.error.message, HasSubstr("cannot connect to 127.0.0.1:"));
  EXPECT_THAT(d.error.message, HasSubstr(" s: "));
  EXPECT_NE(d.error.systemCode, 0);
  EXPECT_EQ(c->getStatus(), Status::closed);
  EXPECT_EQ(d.world.process().clients().connections().size(), 0u);
}

TEST(Client, ANameIsLookedUpAndAllItsAddressesAreTried) {
  WithEcho d;  // on IPv4 only: where localhost is ::1, too, that one refuses
  const auto c = d.to("text://localhost:" + std::to_string(d.server.core().address.port));
  EXPECT_EQ(c->getRemoteHost(), "localhost");
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  EXPECT_EQ(c->getRemoteIp(), "127.0.0.1");
}

TEST(Client, ANameThatIsNone) {
  Dialling d;
  const auto c = d.to("tcp://" + std::string(70, 'a') + ".invalid:80");  // a label may have 63 letters
  c->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("error 1", "close"));
  EXPECT_THAT(d.error.message, HasSubstr("does not resolve"));
}

TEST(Client, ConnectTimeoutEndsAnAttempt) {
  if (!platform::directIo()) GTEST_SKIP() << "a full queue refuses there";
  Dialling d;
  // A listener whose queue is full and whom nobody serves: its system answers nothing.
  const auto listener = platform::openListener(platform::SocketKind::tcp, "127.0.0.1", 0, {.backlog = 0});
  ASSERT_TRUE(listener);
  const std::uint16_t port = platform::boundPort(*listener);
  const Client one(d.world, port), two(d.world, port), three(d.world, port);
  d.world.settle();
  const auto c = d.to("tcp://127.0.0.1:" + std::to_string(port), {.connectTimeout = 50ms});
  c->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("error 1", "close"));
  EXPECT_THAT(d.error.message, HasSubstr("connecting takes longer than connectTimeout, 0.050 s"));
  platform::closeSocket(*listener);
}

TEST(Client, CloseAndDestroyWhileItConnects) {
  for (const bool destroy : {true, false}) {
    WithEcho d;
    const auto c = d.to(d.address());
    c->connect();
    destroy ? c->destroy() : c->close();
    EXPECT_TRUE(d.events.empty());
    d.world.until([&] { return d.has("close"); });
    d.world.settle();
    EXPECT_THAT(d.events, ElementsAre("close"));
  }
}

TEST(Client, ItLivesByItselfWhileConnected) {
  WithEcho d;
  std::weak_ptr<TcpConnection> weak;
  {
    const auto c = d.to(d.address());
    weak = c->weak();
    c->connect();
  }
  d.world.until([&] { return d.has("connect"); });
  ASSERT_FALSE(weak.expired());
  weak.lock()->close();
  d.world.until([&] { return d.has("close"); });
  d.world.settle();
  EXPECT_TRUE(weak.expired());
}

TEST(Client, ACallbackThatHoldsItsOwnConnectionDoesNotLeak) {
  WithEcho d;
  std::weak_ptr<TcpConnection> weak;
  {
    const auto c = d.to(d.address());
    weak = c->weak();
    c->onMessage = [c](TcpConnection&, std::string_view) { c->close(); };
    c->onConnect = [c](TcpConnection&) { c->send("x"); };
    c->connect();
  }
  d.world.until([&] { return weak.expired(); });
}

TEST(Client, APeerThatEnds) {
  WithEcho d;
  d.server.onMessage = [](TcpConnection& c, std::string_view) { c.close("bye"); };
  const auto c = d.to(d.address());
  c->connect();
  c->send("x");
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "message bye", "close"));
}

TEST(Client, TheAddressOfThisEnd) {
  WithEcho d;
  const std::uint16_t port = closedPort();
  const auto c = d.to(d.address(), {.bindTo = "127.0.0.1:" + std::to_string(port)});
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  EXPECT_EQ(c->getLocalPort(), port);
  d.world.until([&] { return d.peerPort == port; });
  const auto wrong = d.to(d.address(), {.bindTo = "nowhere"});
  wrong->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.error.message, HasSubstr("bindTo"));
}

TEST(Client, FullBuffersWhileItConnects) {
  WithEcho d("tcp://127.0.0.1:0");
  const auto c = d.to(d.address("tcp"));
  c->maxSendBufferSize = 10;
  c->onBufferFull = [&](TcpConnection&) { d.events.push_back("full"); };
  c->onBufferDrain = [&](TcpConnection&) { d.events.push_back("drain"); };
  c->connect();
  EXPECT_EQ(c->send("0123456789"), SendStatus::queued);
  EXPECT_EQ(c->send("lost"), SendStatus::dropped);
  d.world.until([&] { return d.has("message 0123456789"); });
  EXPECT_THAT(d.events, ElementsAre("full", "error 2", "connect", "drain", "message 0123456789"));
}

/// The same with a codec, whose messages pass another way.
TEST(Client, FullBuffersOfAProtocolWhileItConnects) {
  WithEcho d;
  const auto c = d.to(d.address());
  c->maxSendBufferSize = 10;
  c->connect();
  EXPECT_EQ(c->send("0123456789"), SendStatus::queued);
  EXPECT_EQ(c->send("lost"), SendStatus::dropped);
  d.world.until([&] { return d.has("message 0123456789"); });
  EXPECT_FALSE(d.has("message lost"));
}

TEST(Client, AreCountedButNotForMaxConnections) {
  WithEcho d;
  d.server.maxConnections = 1;
  const auto c = d.to(d.address());
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  EXPECT_EQ(d.world.process().clients().connections().size(), 1u);
  EXPECT_EQ(d.worker.connections().size(), 0u);
  EXPECT_EQ(std::count(Worker::all().begin(), Worker::all().end(), &d.world.process().clients()), 0);
}

TEST(Client, IdleTimeout) {
  WithEcho d;
  const auto c = d.to(d.address(), {.idleTimeout = 5s});
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  d.world.tickAfter(4s);
  EXPECT_EQ(c->getStatus(), Status::established);
  d.world.tickAfter(6s);
  d.world.until([&] { return d.has("close"); });
}

TEST(Client, SlowServersAreCutAsSlowClientsAre) {
  Dialling d;
  Worker server("text://127.0.0.1:0");
  server.onConnect = [](TcpConnection& c) { c.sendRaw("a line without an end"); };
  server.listen();
  const auto c = d.to("text://127.0.0.1:" + std::to_string(server.core().address.port));
  c->connect();
  d.world.until([&] { return d.has("connect") && c->getRecvBufferQueueSize() > 0; });
  d.world.tickAfter(5s);
  EXPECT_EQ(c->getStatus(), Status::established);
  d.world.tickAfter(11s);
  d.world.until([&] { return d.has("close"); });
}

TEST(Client, OfAUnixSocket) {
  if (!capabilities().unixSockets) GTEST_SKIP() << capabilities().whyLimited;
  const std::string path = std::filesystem::temp_directory_path().string() + "/artel-client-" +
                           std::to_string(Worker::processId()) + ".sock";
  Dialling d;
  Worker server("unix://" + path);
  server.protocol = "text";
  server.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  server.listen();
  const auto c = d.to("unix://" + path);
  c->onMessage = nullptr;
  c->protocol = "text";
  c->onMessage = [&](TcpConnection&, std::string_view text) { d.events.push_back(std::string(text)); };
  c->send("hello");
  c->connect();
  d.world.until([&] { return d.has("hello"); });
  EXPECT_EQ(c->transport(), "unix");
  EXPECT_EQ(c->getRemoteIp(), "");
  server.unlisten();
}

TEST(Client, PassesBothWaysBetweenAcceptedAndDialled) {
  WithEcho d("tcp://127.0.0.1:0");
  Worker proxy("tcp://127.0.0.1:0");
  proxy.onConnect = [&](TcpConnection& client) {
    const auto upstream = AsyncTcpConnection::to(d.address("tcp"));
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();
  };
  proxy.listen();
  const std::string bytes = pattern(8 * 1024 * 1024);
  Client client(d.world, proxy.core().address.port);
  client.send(bytes);
  client.shutdown();
  d.world.until([&] { return client.ended(); }, 20s);
  EXPECT_TRUE(client.received == bytes);
  d.world.until([&] { return proxy.connections().empty() && d.world.process().clients().connections().empty(); });
}

TEST(Client, AProxysTargetThatRefusesEndsItsClient) {
  Dialling d;
  Worker proxy("tcp://127.0.0.1:0");
  const std::string nowhere = closedAddress();
  proxy.onConnect = [&](TcpConnection& client) {
    const auto upstream = AsyncTcpConnection::to(nowhere);
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();
  };
  proxy.listen();
  Client client(d.world, proxy.core().address.port);
  client.send("anybody?");
  d.world.until([&] { return client.ended(); });
}

TEST(Client, ExceptionsInItsCallbacksAreThoseOfAnyConnection) {
  WithEcho d;
  Worker::onException = [&](const std::exception_ptr&, Connection*) {
    d.events.push_back("exception");
    return true;
  };
  const auto refused = d.to(closedAddress());
  refused->onError = [](TcpConnection&, const Error&) { throw std::runtime_error("onError"); };
  refused->onClose = [](TcpConnection&) { throw std::runtime_error("onClose"); };
  refused->connect();
  d.world.until([&] { return d.events.size() == 2; });
  EXPECT_EQ(refused->getStatus(), Status::closed);
  const auto c = d.to(d.address());
  c->onConnect = [](TcpConnection& self) {
    self.send("x");
    throw std::runtime_error("onConnect");
  };
  c->connect();
  d.world.until([&] { return d.has("message x"); });
  EXPECT_THAT(d.events, ElementsAre("exception", "exception", "exception", "message x"));
  EXPECT_EQ(d.world.process().clients().connections().size(), 1u);
  Worker::onException = nullptr;
}

/// Four digits say how long the rest is.
struct Lengths {
  using Message = std::string;
  Input input(std::string_view bytes, Peer&) {
    if (bytes.size() < 4) return Input::needMore();
    return Input::packet(4 + std::stoul(std::string(bytes.substr(0, 4))));
  }
  std::string decode(std::string_view packet, Peer&) { return std::string(packet.substr(4)); }
  void encode(std::string_view text, Peer&, std::string& out) {
    const std::string size = std::to_string(text.size());
    out.append(4 - size.size(), '0').append(size).append(text);
  }
};

TEST(Client, SpeaksFrameAndRegisteredSchemesWithinItsPackageLimit) {
  registerProtocol("lengths", protocol<Lengths>());
  for (const std::string scheme : {"frame", "lengths"}) {
    WithEcho d(scheme + "://127.0.0.1:0");
    std::vector<std::string> served;
    d.server.onMessage = [&](TcpConnection& c, const std::string& text) {
      served.push_back(text);
      c.send(std::string_view(text));
      if (text == "more") c.send(std::string_view(std::string(997, 'x')));
    };
    const auto c = d.to(d.address(scheme));
    c->maxPackageSize = 1000;  // with the four bytes of its length
    c->send("first");
    c->connect();
    d.world.until([&] { return d.has("message first"); });
    EXPECT_EQ(c->protocol.name(), scheme);
    const std::string largest(996, 'x');
    c->send("");
    c->send(largest);
    d.world.until([&] { return d.has("message " + largest); });
    c->send("more");
    d.world.until([&] { return d.has("close"); });
    EXPECT_THAT(d.events,
                ElementsAre("connect", "message first", "message ", "message " + largest, "message more", "close"));
    EXPECT_THAT(served, ElementsAre("first", "", largest, "more"));
    EXPECT_EQ(d.world.process().clients().protocolErrors(), 1u);
  }
}

TEST(Client, EndsWithTheProcessAfterThoseWhoAreServed) {
  WithEcho d;
  const auto c = d.to(d.address());
  const auto waiting = d.to(d.address());
  waiting->reconnect(1h);
  c->connect();
  d.world.until([&] { return d.has("connect"); });
  c->onClose = [&](TcpConnection& self) {
    d.events.push_back("close");
    self.dialled()->reconnect();  // nothing, in a process that stops
  };
  d.world.process().stop(0, false);
  d.world.until([&] { return d.world.process().done(); });
  EXPECT_THAT(d.events, ElementsAre("connect", "close"));
}

TEST(Client, AddressesAreChecked) {
  Dialling d;
  const auto refused = [](const std::string& address) {
    try {
      AsyncTcpConnection::to(address);
      return std::string("taken");
    } catch (const SetupError& e) {
      return e.text();
    }
  };
  EXPECT_THAT(refused("127.0.0.1:80"), HasSubstr("cannot read the remote address"));
  EXPECT_THAT(refused("tcp://127.0.0.1:x"), HasSubstr("is no port"));
  EXPECT_THAT(refused("tcp://127.0.0.1:0"), HasSubstr("port 0"));
  EXPECT_THAT(refused("tcp:///x:80"), HasSubstr("E06"));
  EXPECT_THAT(refused("tcp://"), HasSubstr("host is missing"));
  EXPECT_THAT(refused(""), HasSubstr("empty"));
  EXPECT_THAT(refused("nope://127.0.0.1:80"), HasSubstr("unknown scheme"));
  EXPECT_THAT(refused("http://127.0.0.1:80"), HasSubstr("tcp://"));
  EXPECT_THAT(refused("websocket://127.0.0.1:80"), HasSubstr("ws://127.0.0.1:80"));
  EXPECT_THAT(refused("ws://me:secret@127.0.0.1:80/a@b"), HasSubstr("a user name does not belong there"));
  EXPECT_THAT(refused("ws://me:secret@127.0.0.1:80/a@b"), HasSubstr("ws://127.0.0.1:80/a@b, and an Authorization"));
  EXPECT_EQ(refused("ws://127.0.0.1:80/a@b?c=d:e@f"), "taken");
  EXPECT_THAT(refused("udp://127.0.0.1:80"), HasSubstr("AsyncUdpConnection"));
  EXPECT_EQ(refused("Text://[::1]:80/a?b"), "taken");
  const auto c = AsyncTcpConnection::to("tcp://[::1]:80/a?b#c");
  EXPECT_EQ(c->getRemoteURI(), "/a?b");
  EXPECT_EQ(c->getRemoteHost(), "::1");
  EXPECT_EQ(AsyncTcpConnection::to("tcp://localhost")->getRemoteURI(), "/");
}

TEST(Client, NotBeforeTheLoopRuns) { EXPECT_THROW(AsyncTcpConnection::to("tcp://127.0.0.1:80"), std::logic_error); }

}  // namespace
}  // namespace artel::testing
