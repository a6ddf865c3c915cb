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
  static std::string at(const World& world, const std::string& scheme, const std::string& host = "localhost") {
    return scheme + "://" + host + ":" + std::to_string(world.port());
  }
};

TEST_F(TlsClient, IsVerifiedAndSaysWhatWasSentBefore) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  ClientOptions options;
  options.transport = "ssl";
  options.ssl.caFile = files.certificate;
  options.ssl.peerName = "a.example";
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

TEST_F(TlsClient, WebSocketOverTls) {
  Worker worker("wss://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  std::string host;
  worker.onWebSocketConnect = [&](TcpConnection&, const http::Request& request) { host = request.header("Host"); };
  World world(worker);
  ClientOptions options;
  options.ssl.caFile = files.certificate;
  options.ssl.peerName = "a.example";
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
  const auto c = to(at(world, "ssl"), {.connectTimeout = 30ms});
  c->connect();
  world.until([&] { return has("close"); });
  EXPECT_THAT(error, HasSubstr("the TLS handshake takes longer than connectTimeout"));
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
  ClientOptions options;
  options.transport = "ssl";
  options.ssl.caFile = files.certificate;
  options.ssl.peerName = "a.example";
  const auto c = to("text://localhost:" + std::to_string(between.core().address.port), options);
  c->send("hello");
  c->connect();
  world.until([&] { return has("hello"); });
  EXPECT_EQ(peer, "192.0.2.7");
}

}  // namespace
}  // namespace artel::testing
