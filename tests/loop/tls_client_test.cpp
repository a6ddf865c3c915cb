// Clients over TLS (manual 1.10.4, 1.16.35): verified by default, with the name of the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "tests/support/tls.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct TlsClient : ::testing::Test {
  CertificateFiles files;
  std::vector<std::string> events;
  std::string error;

  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
  AsyncTcpConnectionPtr to(const std::string& address, ClientOptions options) {
    auto made = AsyncTcpConnection::to(address, std::move(options));
    made->onConnect = [this](TcpConnection&) { events.push_back("connect"); };
    made->onMessage = [this](TcpConnection&, std::string_view text) { events.emplace_back(text); };
    made->onError = [this](TcpConnection&, const Error& e) { events.push_back("error"), error = e.message; };
    made->onClose = [this](TcpConnection&) { events.push_back("close"); };
    return made;
  }
  /// Of one who believes the server's certificate.
  ClientOptions believing() const {
    ClientOptions options;
    options.ssl.caFile = files.certificate;
    options.ssl.peerName = "a.example";
    return options;
  }
  static std::string at(const World& world, const std::string& scheme, const std::string& host = "localhost") {
    return scheme + "://" + host + ":" + std::to_string(world.port());
  }
};

TEST_F(TlsClient, IsVerifiedAndSaysWhatWasSentBefore) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options = believing();
  options.transport = "ssl";
  const auto c = to(at(world, "text"), options);
  c->onConnect = [this](TcpConnection& self) {
    events.push_back("connect");
    self.send("second");
  };
  EXPECT_EQ(c->send("first"), SendStatus::queued);
  c->connect();
  world.until([&] { return has("second"); });
  EXPECT_THAT(events, ElementsAre("connect", "first", "second"));
  EXPECT_EQ(c->transport(), "ssl");
  c->close();
  world.until([&] { return has("close"); });
}

TEST_F(TlsClient, WhoIsNotBelievedIsAnError) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  World world(worker);
  const auto c = to(at(world, "ssl"), {});
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
  EXPECT_THAT(error, HasSubstr("cannot connect to localhost:"));
  EXPECT_THAT(error, HasSubstr("TLS failed: "));
}

TEST_F(TlsClient, AnotherHostIsRefusedUnlessToldOtherwise) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options;
  options.ssl.caFile = files.certificate;
  options.ssl.peerName = "other.example";
  const auto wrong = to(at(world, "tls"), options);
  wrong->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
  EXPECT_THAT(error, HasSubstr("TLS failed: "));
  events.clear();
  options.ssl.verifyPeerName = false;
  const auto anybody = to(at(world, "tls"), options);
  anybody->send("hello");
  anybody->connect();
  world.until([&] { return has("hello"); });
  events.clear();
  const auto nothing = to(at(world, "tls"), {.ssl = [] {
                            SslOptions off;
                            off.verifyPeer = false;
                            off.verifyPeerName = false;
                            return off;
                          }()});
  nothing->send("hi");
  nothing->connect();
  world.until([&] { return has("hi"); });
}

TEST_F(TlsClient, WithoutAPeerNameTheHostIsAskedForAndCompared) {
  const CertificateFiles local("localhost");
  Worker worker("ssl://0.0.0.0:0");
  worker.ssl = files.options();  // of a.example
  worker.ssl.sniServerCerts["localhost"] = SslCertificate(local.certificate, local.key);
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options;
  options.ssl.caFile = local.certificate;
  const auto right = to(at(world, "ssl"), options);
  right->send("hello");
  right->connect();
  world.until([&] { return has("hello"); });  // the server has seen which name it is asked for
  events.clear();
  options.ssl.caFile = files.certificate;
  const auto wrong = to(at(world, "ssl", "127.0.0.2"), options);  // the certificate is not for that address
  wrong->send("hello");
  wrong->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
  EXPECT_THAT(error, HasSubstr("TLS failed: "));
}

TEST_F(TlsClient, ConnectsAgainFromAnyCallback) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options = believing();
  options.transport = "ssl";
  for (const std::string from : {"onConnect", "onMessage", "onClose", "a timer"}) {
    const auto c = to(at(world, "text"), options);
    int connects = 0, answers = 0, closes = 0;
    const auto again = [&](const char* here) {
      if (from == here && connects == 1) c->reconnect(1ms);
    };
    c->onConnect = [&](TcpConnection& self) {
      ++connects;
      self.send("hello");
      again("onConnect");
    };
    c->onMessage = [&](TcpConnection& self, std::string_view) {
      ++answers;
      again("onMessage");
      if (from == "onClose" && connects == 1) self.close();
      if (from == "a timer" && connects == 1)
        Timer::add(
            1ms, [&] { again("a timer"); }, false);
    };
    c->onClose = [&](TcpConnection&) {
      ++closes;
      again("onClose");
    };
    c->connect();
    world.until([&] {
      return connects == 2 && answers > 0 && closes == 1 && c->getStatus() == TcpConnection::Status::established;
    });
    world.until([&] { return answers == (from == "onConnect" ? 1 : 2); });
    c->onClose = nullptr;
    c->destroy();
    world.settle();
  }
}

TEST_F(TlsClient, WebSocketOverTls) {
  Worker worker("wss://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  std::string host;
  worker.onWebSocketConnect = [&](TcpConnection&, const http::Request& request) { host = request.header("Host"); };
  World world(worker);
  ClientOptions options = believing();
  const auto c = to(at(world, "wss") + "/chat", options);
  c->send("hello");
  c->connect();
  world.until([&] { return has("hello"); });
  EXPECT_EQ(host, "localhost:" + std::to_string(world.port()));
  EXPECT_EQ(c->protocol.name(), "ws");
}

TEST_F(TlsClient, APlainPortIsAnError) {
  Worker worker("text://127.0.0.1:0");
  World world(worker);
  const auto c = to(at(world, "ssl"), {});
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
}

TEST_F(TlsClient, AServerThatSaysNothing) {
  Worker worker("tcp://127.0.0.1:0");
  World world(worker);
  const auto c = to(at(world, "ssl", "127.0.0.1"), {.connectTimeout = 300ms});
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(error, HasSubstr("the TLS handshake takes longer than connectTimeout"));
}

TEST_F(TlsClient, ClosedInTheHandshakeWithSomethingQueuedItEnds) {
  for (const auto timeout : {1000ms, 0ms}) {
    events.clear();
    Worker worker("tcp://127.0.0.1:0");
    World world(worker);
    ClientOptions options;
    options.connectTimeout = timeout;
    options.ssl.caFile = files.certificate;  // read sooner than those of the system
    const auto c = to(at(world, "ssl", "127.0.0.1"), options);
    c->onConnect = [this](TcpConnection& self) {
      events.push_back("connect");
      self.close();
    };
    c->send("waits for the handshake");
    c->connect();
    world.until([&] { return has("connect"); });
    if (timeout == 0ms) {
      world.tickAfter(29s);
      world.settle();
      EXPECT_THAT(events, ElementsAre("connect"));
      world.tickAfter(31s);
    }
    world.until([&] { return has("close"); });
    EXPECT_THAT(events, ElementsAre("connect", "close"));
  }
}

TEST_F(TlsClient, WhatBreaksLaterIsNoFailedConnect) {
  if (!platform::directIo()) GTEST_SKIP() << "sockets are libuv's there";
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options = believing();
  const auto c = to(at(world, "ssl"), options);
  c->send("hello");
  c->connect();
  world.until([&] { return has("hello"); });
  const std::string_view garbage("\x17\x03\x03\x00\x05wrong", 10);  // a record that nobody has encrypted
  platform::sendNow(Conn::of(world.first()).native(), garbage.data(), garbage.size());
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "hello", "close")) << error;
}

/// With TLS 1.3 the client's handshake is done before the server has looked at its certificate.
TEST_F(TlsClient, ACertificateThatIsMissedIsAFailedConnect) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.ssl.verifyPeer = true;
  worker.ssl.caFile = files.certificate;
  World world(worker);
  ClientOptions options = believing();
  const auto c = to(at(world, "ssl"), options);
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
  EXPECT_THAT(error, HasSubstr("cannot connect to localhost:"));
  EXPECT_THAT(error, HasSubstr("certificate required"));
}

TEST_F(TlsClient, AuthoritiesThatHaveChangedAreReadAnew) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  const CertificateFiles authorities("other.example");
  ClientOptions options;
  options.ssl.caFile = authorities.certificate;
  options.ssl.peerName = "a.example";
  const auto refused = to(at(world, "ssl"), options);
  refused->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "error", "close"));
  events.clear();
  authorities.write(developmentCertificate().certificate, "");
  const auto believed = to(at(world, "ssl"), options);
  believed->send("hello");
  believed->connect();
  world.until([&] { return has("hello") || has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "hello"));
}

TEST_F(TlsClient, ADotAtTheEndOfANameIsNoPartOfIt) {
  const CertificateFiles dotted("b.example");
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.ssl.sniServerCerts["b.example"] = SslCertificate(dotted.certificate, dotted.key);
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options;
  options.ssl.caFile = dotted.certificate;
  options.ssl.peerName = "b.example.";
  const auto c = to(at(world, "ssl"), options);
  c->send("hello");
  c->connect();
  world.until([&] { return has("hello") || has("close"); });
  EXPECT_THAT(events, ElementsAre("connect", "hello")) << error;
}

TEST_F(TlsClient, AHalfCloseWaitsForTheHandshake) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onConnect = [](TcpConnection& c) { c.send("banner"); };
  World world(worker);
  Worker between("tcp://127.0.0.1:0");
  between.onConnect = [&](TcpConnection& client) {
    ClientOptions options = believing();
    const auto upstream = AsyncTcpConnection::to(at(world, "ssl"), options);
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();
  };
  between.listen();
  Client client(world, between.core().address.port);
  client.shutdown();
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "banner");
}

TEST_F(TlsClient, ASlowTargetOfAPipeSlowsItsSourceAndNothingIsLost) {
  constexpr std::size_t limit = 100'000;
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  ConnectionPtr target;
  std::string got;
  const std::string question = pattern(20'000'000, 1), answer = pattern(20'000'000, 2);
  worker.onConnect = [&](TcpConnection& c) {
    c.maxSendBufferSize = answer.size() + 1;
    target = c.share();
  };
  worker.onMessage = [&](TcpConnection& c, std::string_view bytes) {
    if (got.empty()) c.pauseRecv(), c.send(answer);
    got += bytes;
  };
  worker.onClose = [&](TcpConnection&) { target.reset(); };
  World world(worker);
  Worker between("tcp://127.0.0.1:0");
  ConnectionPtr left, right;
  between.onConnect = [&](TcpConnection& client) {
    ClientOptions options = believing();
    const auto upstream = AsyncTcpConnection::to(at(world, "ssl"), options);
    client.maxSendBufferSize = upstream->maxSendBufferSize = limit;
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();
    left = client.share();
    right = upstream;
  };
  between.listen();
  Client client(world, between.core().address.port);
  world.until([&] { return client.connected(); });
  client.pauseReading();
  client.send(question);
  std::size_t mostRight = 0, mostLeft = 0;
  const auto look = [&] {
    mostRight = std::max(mostRight, right->getSendBufferQueueSize());
    mostLeft = std::max(mostLeft, left->getSendBufferQueueSize());
  };
  world.until([&] { return left && !got.empty(); });
  for (std::uint64_t before = 1; before != left->bytesRead() + right->bytesRead();) {
    before = left->bytesRead() + right->bytesRead();
    for (int i = 0; i < 4; ++i) world.forTime(10ms), look();
  }
  // Both ways stand still.
  EXPECT_LT(left->bytesRead(), question.size() - 1'000'000);
  EXPECT_LT(right->bytesRead(), answer.size() - 1'000'000);
  client.resumeReading();
  world.until([&] { return look(), client.received.size() >= answer.size(); }, 20s);
  EXPECT_TRUE(client.received == answer);
  EXPECT_LT(got.size(), question.size());  // one way goes on while the other stands
  client.shutdown();
  target->resumeRecv();
  world.until([&] { return look(), got.size() >= question.size(); }, 20s);
  EXPECT_TRUE(got == question);
  world.until([&] { return client.ended() && between.connections().empty() && !target; });
  EXPECT_LE(mostRight, limit + 512 * 1024);
  EXPECT_LE(mostLeft, limit + 512 * 1024);
  EXPECT_EQ(between.sendFails() + world.process().clients().sendFails(), 0u);
}

TEST_F(TlsClient, FilesThatCannotBeReadAreNamed) {
  Worker worker("ssl://127.0.0.1:0");
  worker.ssl = files.options();
  World world(worker);
  ClientOptions options;
  options.ssl.caFile = "no-such-file.pem";
  const auto c = to(at(world, "ssl"), options);
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(error, HasSubstr("no-such-file.pem"));
}

TEST_F(TlsClient, AProxyHeaderComesBeforeTls) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.proxyProtocol = true;
  worker.trustedProxies = {"127.0.0.1"};
  std::string peer;
  worker.onMessage = [&](TcpConnection& c, std::string_view text) {
    peer = c.getRemoteIp();
    c.send(text);
  };
  World world(worker);
  // Something between that says the header and passes the rest on.
  Worker between("tcp://127.0.0.1:0");
  between.onConnect = [&](TcpConnection& client) {
    const auto upstream = AsyncTcpConnection::to("tcp://127.0.0.1:" + std::to_string(world.port()));
    upstream->send("PROXY TCP4 192.0.2.7 10.0.0.1 5 6\r\n");
    client.pipe(*upstream);
    upstream->pipe(client);
    upstream->connect();
  };
  between.listen();
  ClientOptions options = believing();
  options.transport = "ssl";
  const auto c = to("text://localhost:" + std::to_string(between.core().address.port), options);
  c->send("hello");
  c->connect();
  world.until([&] { return has("hello"); });
  EXPECT_EQ(peer, "192.0.2.7");
}

}  // namespace
}  // namespace artel::testing
