// Through proxies (manual 1.10) and behind them (manual 1.16.38).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "src/worker/core.hpp"
#include "tests/support/tls.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

/// A target, and a proxy that answers with what it is told and then passes everything on.
struct Through {
  explicit Through(std::vector<std::string> answers, const CertificateFiles* certificate = nullptr)
      : answers(std::move(answers)), world(idle), target("text://127.0.0.1:0"), proxy("tcp://127.0.0.1:0") {
    target.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
    if (certificate != nullptr) secure(target, *certificate);
    target.listen();
    proxy.onMessage = [this](TcpConnection& c, std::string_view bytes) {
      heard.emplace_back(bytes);
      const std::string answer = this->answers.front();
      this->answers.erase(this->answers.begin());
      c.send(answer);
      if (!this->answers.empty()) return;
      const auto upstream = AsyncTcpConnection::to("tcp://127.0.0.1:" + std::to_string(port(target)));
      c.pipe(*upstream);
      upstream->pipe(c);
      upstream->connect();
    };
    proxy.listen();
  }
  static std::uint16_t port(Worker& worker) { return worker.core().address.port; }
  std::string proxyAddress() { return "127.0.0.1:" + std::to_string(port(proxy)); }
  void dial(ClientOptions options, const std::string& host = "far.example") {
    client = AsyncTcpConnection::to("text://" + host + ":" + std::to_string(port(target)), std::move(options));
    client->onConnect = [this](TcpConnection&) { events.push_back("connect"); };
    client->onMessage = [this](TcpConnection&, std::string_view text) { events.emplace_back(text); };
    client->onError = [this](TcpConnection&, const Error& e) { events.push_back(error = e.message); };
    client->onClose = [this](TcpConnection&) { events.push_back("close"); };
    client->send("hello");
    client->connect();
  }
  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }

  std::vector<std::string> answers, heard, events;  // before the world, whose end is told, too
  std::string error;
  Worker idle;
  World world;
  Worker target, proxy;
  AsyncTcpConnectionPtr client;
};

TEST(ProxyClient, ThroughHttpConnect) {
  Through t({"HTTP/1.1 200 Connection established\r\n\r\n"});
  t.dial({.proxyHttp = t.proxyAddress(), .proxyAuthorization = "Basic dXNlcjpwYXNz"});
  t.world.until([&] { return t.has("hello"); });
  EXPECT_THAT(t.events, ElementsAre("connect", "hello"));
  const std::string authority = "far.example:" + std::to_string(t.port(t.target));
  EXPECT_EQ(t.heard.front(), "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority +
                                 "\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
}

TEST(ProxyClient, ThroughSocks5WithAndWithoutAPassword) {
  {
    Through open({"\5\0"s, "\5\0\0\1\0\0\0\0\0\0"s});
    open.dial({.proxySocks5 = open.proxyAddress()});
    open.world.until([&] { return open.has("hello"); });
    EXPECT_EQ(open.heard[0], "\5\1\0"s);
    EXPECT_THAT(open.heard[1], HasSubstr("far.example"));
  }
  Through locked({"\5\2"s, "\1\0"s, "\5\0\0\1\0\0\0\0\0\0"s});
  locked.dial({.proxySocks5 = locked.proxyAddress(), .proxySocks5Username = "me", .proxySocks5Password = "pw"},
              "127.0.0.1");
  locked.world.until([&] { return locked.has("hello"); });
  EXPECT_EQ(locked.heard[1], "\1\2me\2pw");
  EXPECT_THAT(locked.heard[2], HasSubstr("\1\x7f\0\0\1"s));  // a number goes as one
}

TEST(ProxyClient, BehindAProxyTheTargetIsWhoseCertificateCounts) {
  const CertificateFiles files("a.example");
  for (const bool socks : {false, true}) {
    for (const bool right : {true, false}) {
      Through t(socks ? std::vector{"\5\0"s, "\5\0\0\1\0\0\0\0\0\0"s} : std::vector{"HTTP/1.1 200 OK\r\n\r\n"s},
                &files);
      ClientOptions options;
      options.transport = "ssl";
      options.ssl.caFile = files.certificate;
      (socks ? options.proxySocks5 : options.proxyHttp) = t.proxyAddress();
      t.dial(options, right ? "a.example" : "far.example");
      t.world.until([&] { return t.has("hello") || t.has("close"); });
      if (right)
        EXPECT_THAT(t.events, ElementsAre("connect", "hello")) << t.error;
      else
        EXPECT_THAT(t.error, HasSubstr("TLS failed: "));
    }
  }
}

/// What a proxy says behind its answer is no part of a TLS connection that begins later.
TEST(ProxyClient, WhatCameBehindAnAnswerIsForgottenWhenTlsCannotBegin) {
  const CertificateFiles files("a.example");
  Through t({"HTTP/1.1 200 OK\r\n\r\nevil\n", "HTTP/1.1 200 OK\r\n\r\n"}, &files);
  ClientOptions options;
  options.transport = "ssl";
  options.ssl.caFile = files.certificate + ".none";
  options.proxyHttp = t.proxyAddress();
  t.dial(options, "a.example");
  t.client->onError = [&](TcpConnection&, const Error&) {
    t.events.push_back("error");
    t.client->options().ssl.caFile = files.certificate;
    t.client->reconnect(std::chrono::milliseconds(1));
  };
  t.world.until([&] { return t.has("hello"); });
  EXPECT_THAT(t.events, ElementsAre("error", "connect", "hello"));
}

TEST(ProxyClient, AnswersBeforeTheAnswerAreBounded) {
  std::string many;
  while (many.size() <= 16 * 1024) many += "HTTP/1.1 100 go on\r\n\r\n";
  Through t({many, ""});
  t.dial({.proxyHttp = t.proxyAddress()});
  t.world.until([&] { return t.has("close"); });
  EXPECT_THAT(t.error, HasSubstr("Proxy CONNECT failed: too many answers before the answer"));
}

/// The proxy stands for ports that no test may listen on.
TEST(ProxyClient, WebSocketWithoutAPortIsOn80And443AndItsHostLineHasNone) {
  const CertificateFiles files("a.example");
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"ws://a.example", "a.example:80", "a.example"},
      {"ws://a.example:80/x", "a.example:80", "a.example"},
      {"ws://a.example:443", "a.example:443", "a.example:443"},
      {"ws://[2001:db8::1]", "[2001:db8::1]:80", "[2001:db8::1]"},
      {"ws://[2001:db8::1]:81/", "[2001:db8::1]:81", "[2001:db8::1]:81"},
      {"wss://a.example?q=1", "a.example:443", "a.example"},
      {"wss://a.example:443", "a.example:443", "a.example"},
      {"wss://a.example:80", "a.example:80", "a.example:80"},
      {"wss://[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::1]"},
  };
  for (const auto& [address, asked, host] : cases) {
    std::string proxyHeard, said;
    Worker target("websocket://127.0.0.1:0"), proxy("tcp://127.0.0.1:0");
    if (address.starts_with("wss")) secure(target, files);
    target.onMessage = [](TcpConnection&, std::string_view) {};
    target.onWebSocketConnect = [&](TcpConnection&, const http::Request& request) { said = request.header("Host"); };
    World world(target);
    proxy.onMessage = [&](TcpConnection& c, std::string_view bytes) {
      proxyHeard = bytes.substr(0, bytes.find("\r\n"));
      c.send("HTTP/1.1 200 OK\r\n\r\n");
      const auto upstream = AsyncTcpConnection::to("tcp://127.0.0.1:" + std::to_string(world.port()));
      c.pipe(*upstream);
      upstream->pipe(c);
      upstream->connect();
    };
    proxy.listen();
    ClientOptions options;
    options.proxyHttp = "127.0.0.1:" + std::to_string(proxy.core().address.port);
    options.ssl.caFile = files.certificate;
    options.ssl.peerName = "a.example";
    const auto c = AsyncTcpConnection::to(address, options);
    std::string error;
    bool open = false;
    c->onWebSocketConnect = [&](TcpConnection&, const http::Answer&) { open = true; };
    c->onError = [&](TcpConnection&, const Error& e) { error = e.message; };
    c->connect();
    world.until([&] { return open || !error.empty(); });
    EXPECT_EQ(error, "") << address;
    EXPECT_EQ(proxyHeard, "CONNECT " + asked + " HTTP/1.1") << address;
    EXPECT_EQ(said, host) << address;
  }
}

TEST(ProxyClient, ItsAnswersMayComeByteByByte) {
  for (const bool socks : {false, true}) {
    Through t({"", ""});
    const std::string answers = socks ? "\5\0\5\0\0\3\3a.b\0\0welcome\n"s : "HTTP/1.1 200 OK\r\nX: y\r\n\r\nwelcome\n"s;
    t.proxy.onMessage = [](TcpConnection&, std::string_view) {};
    t.proxy.onConnect = [&](TcpConnection& c) {
      for (std::size_t i = 0; i < answers.size(); ++i)
        Timer::add(
            std::chrono::milliseconds(i),
            [weak = c.weak(), byte = answers.substr(i, 1)] {
              if (const auto to = weak.lock()) to->send(byte);
            },
            false);
    };
    ClientOptions options;
    (socks ? options.proxySocks5 : options.proxyHttp) = t.proxyAddress();
    t.dial(options);
    t.world.until([&] { return t.has("welcome") || t.has("close"); });
    EXPECT_THAT(t.events, ElementsAre("connect", "welcome")) << t.error;
  }
}

TEST(ProxyClient, ItsOwnerMayDestroyItInAnyCallback) {
  for (const bool fails : {false, true}) {
    Through t({fails ? "HTTP/1.1 403 No\r\n\r\n"s : "HTTP/1.1 200 OK\r\n\r\nwelcome\n"s, ""});
    t.proxy.onMessage = [&](TcpConnection& c, std::string_view) { c.send(t.answers.front()); };
    t.client = AsyncTcpConnection::to("text://far.example:80", {.proxyHttp = t.proxyAddress()});
    const auto gone = [&](const char* what) {
      t.events.push_back(what);
      const auto last = std::exchange(t.client, nullptr);
      last->destroy();
    };
    t.client->onConnect = [&](TcpConnection&) { gone("connect"); };
    t.client->onError = [&](TcpConnection&, const Error&) { gone("error"); };
    t.client->onMessage = [&](TcpConnection&, std::string_view text) { t.events.emplace_back(text); };
    t.client->onClose = [&](TcpConnection&) { t.events.push_back("close"); };
    t.client->connect();
    t.world.until([&] { return t.has("close"); });
    t.world.settle();
    EXPECT_THAT(t.events, ElementsAre(fails ? "error" : "connect", "close"));
    EXPECT_EQ(t.world.process().clients().connections().size(), 0u);
  }
}

TEST(ProxyClient, AFirstWordBehindTheAnswerIsNotLost) {
  Through t({"HTTP/1.1 200 OK\r\n\r\nwelcome\n"});
  t.dial({.proxyHttp = t.proxyAddress()});
  t.world.until([&] { return t.has("hello"); });
  EXPECT_THAT(t.events, ElementsAre("connect", "welcome", "hello"));
}

TEST(ProxyClient, EachFailureSaysWhatItIs) {
  const std::tuple<std::string, bool, std::string> failures[] = {
      {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false,
       "Proxy CONNECT failed: 407 Proxy Authentication Required"},
      {"\5\xff"s, true, "SOCKS5 authentication method negotiation failed"},
      {"\5\2\1\1"s, true, "SOCKS5 authentication failed"},
      {"\5\0\5\1\0\1\0\0\0\0\0\0"s, true, "SOCKS5 connect failed: general SOCKS server failure"},
      {"\5\0\5\4\0\1\0\0\0\0\0\0"s, true, "SOCKS5 connect failed: host unreachable"},
      {"\5\0\5\5\0\1\0\0\0\0\0\0"s, true, "SOCKS5 connect failed: connection refused"},
      {"\5\0\5\x42\0\1\0\0\0\0\0\0"s, true, "SOCKS5 connect failed: an unknown failure"},
      {"nonsense", true, "that is no SOCKS5 proxy"},
  };
  for (const auto& [answer, socks, why] : failures) {
    Through t({answer, ""});
    ClientOptions options;
    (socks ? options.proxySocks5 : options.proxyHttp) = t.proxyAddress();
    if (answer.starts_with("\5\2")) options.proxySocks5Username = "me";
    t.dial(options);
    t.world.until([&] { return t.has("close"); });
    EXPECT_EQ(t.events.size(), 2u);
    EXPECT_THAT(t.error, HasSubstr(why));
    EXPECT_THAT(t.error, HasSubstr("cannot connect to far.example:"));
    EXPECT_THAT(t.error, HasSubstr("through the proxy 127.0.0.1:"));
  }
}

TEST(ProxyClient, AProxyThatHangsUp) {
  Through t({"", ""});
  t.proxy.onMessage = [](TcpConnection& c, std::string_view) { c.close(); };
  t.dial({.proxyHttp = t.proxyAddress()});
  t.world.until([&] { return t.has("close"); });
  EXPECT_THAT(t.error, HasSubstr("closed the connection"));
}

TEST(ProxyClient, AProxyThatSaysNothing) {
  Through silent({"", ""});
  silent.dial({.connectTimeout = 30ms, .proxyHttp = silent.proxyAddress()});
  silent.world.until([&] { return silent.has("close"); });
  EXPECT_THAT(silent.error, HasSubstr("connectTimeout"));
}

TEST(ProxyClient, AProxyThatIsNone) {
  Through wrong({"", ""});
  wrong.dial({.proxyHttp = "nonsense"});
  wrong.world.until([&] { return wrong.has("close"); });
  EXPECT_THAT(wrong.error, HasSubstr("port is missing"));
}

// ---- a proxy in front -----------------------------------------------------------------------------------------------

TEST(BehindProxy, ThePeerIsWhomTheHeaderNames) {
  Worker worker("text://127.0.0.1:0");
  worker.proxyProtocol = true;
  worker.trustedProxies = {"127.0.0.0/8"};
  std::vector<std::string> seen;
  worker.onConnect = [&](TcpConnection& c) { seen.push_back(c.getRemoteAddress()); };
  worker.onMessage = [&](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  Client one(world), two(world), local(world);
  one.send("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nhel");
  world.until([&] { return seen.size() == 1; });
  one.send("lo\n");
  for (const char c :
       "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\0\x50x\n"s) {
    two.send(std::string_view(&c, 1));
    world.settleOnce();
  }
  local.send("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0y\n"s);
  world.until([&] { return one.received == "hello\n" && two.received == "x\n" && local.received == "y\n"; });
  EXPECT_EQ(seen[0], "192.0.2.1:56324");
  EXPECT_EQ(seen[1], "[2001:db8::1]:4660");
  EXPECT_EQ(seen[2], "127.0.0.1:" + std::to_string(local.localPort()));
}

TEST(BehindProxy, WhoSendsNoHeaderNeverBegan) {
  Worker worker("http://127.0.0.1:0");
  worker.proxyProtocol = true;
  worker.trustedProxies = {"127.0.0.1"};
  int begun = 0, ended = 0;
  worker.onConnect = [&](TcpConnection&) { ++begun; };
  worker.onClose = [&](TcpConnection&) { ++ended; };
  World world(worker);
  Client direct(world), silent(world), gone(world);
  direct.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  gone.send("PROXY TCP4");
  gone.shutdown();
  world.until([&] { return direct.ended() && gone.ended() && worker.connections().size() == 1; });
  EXPECT_EQ(worker.protocolErrors(), 1u);
  EXPECT_EQ(world.first().send("x"), SendStatus::dropped);
  ::testing::internal::CaptureStderr();
  worker.core().lastHints.clear();  // one line a minute
  world.tickAfter(11s);
  world.until([&] { return silent.ended() && worker.connections().empty(); });
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("sent no PROXY header in time"), std::string::npos);
  EXPECT_EQ(worker.protocolErrors(), 2u);
  EXPECT_EQ(begun + ended, 0);
}

TEST(BehindProxy, OthersMayNotConnect) {
  Worker worker("text://127.0.0.1:0");
  worker.proxyProtocol = true;
  worker.trustedProxies = {"192.0.2.0/24", "unix"};
  World world(worker);
  Client client(world);
  client.send("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nx\n");
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "");
}

TEST(BehindProxy, SettingsAreChecked) {
  for (const char* bad : {"127.0.0.", "localhost", "10.0.0.0/33", ""}) {
    Worker worker("http://127.0.0.1:0");
    worker.trustedProxies = {bad};
    EXPECT_THROW(worker.core().resolve(), SetupError) << bad;
  }
  Worker worker("http://127.0.0.1:0");
  worker.proxyProtocol = true;
  EXPECT_THROW(worker.core().resolve(), SetupError);
  worker.trustedProxies = {"::1/128", "10.0.0.0/8", "unix"};
  EXPECT_NO_THROW(worker.core().resolve());
}

TEST(BehindProxy, ClientIpBelievesTrustedProxiesOnly) {
  Worker worker("http://127.0.0.1:0");
  std::string seen;
  worker.onMessage = [&](TcpConnection& c, const http::Request& r) {
    seen = http::clientIp(c, r);
    c.send("x");
  };
  worker.trustedProxies = {"127.0.0.1", "10.0.0.0/8"};
  World world(worker);
  const auto ask = [&](const std::string& lines) {
    seen.clear();
    Client client(world);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
    world.until([&] { return !seen.empty(); });
    return seen;
  };
  EXPECT_EQ(ask(""), "127.0.0.1");
  EXPECT_EQ(ask("X-Real-IP: 203.0.113.9\r\n"), "203.0.113.9");
  EXPECT_EQ(ask("X-Real-IP: nonsense\r\n"), "127.0.0.1");
  EXPECT_EQ(ask("X-Forwarded-For: 203.0.113.7\r\nX-Real-IP: 1.2.3.4\r\n"), "203.0.113.7");
  // What the client made up stands in front of what the proxies wrote.
  EXPECT_EQ(ask("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3\r\n"), "203.0.113.7");
  EXPECT_EQ(ask("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.7\r\n"), "203.0.113.7");
  EXPECT_EQ(ask("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"), "10.0.0.1");
  EXPECT_EQ(ask("X-Forwarded-For: [2001:DB8::7]:1234\r\n"), "2001:db8::7");
  EXPECT_EQ(ask("X-Forwarded-For: 203.0.113.7:80\r\n"), "203.0.113.7");
  EXPECT_EQ(ask("X-Forwarded-For: 1.2.3.4, unknown\r\n"), "127.0.0.1");
  EXPECT_EQ(ask("X-Forwarded-For: [2001:db8::7]\r\n"), "2001:db8::7");
  for (const char* none : {"[2001:db8::7", "[2001:db8::7]x", "[2001:db8::7]:", "[2001:db8::7]:x", "[203.0.113.7]", "[]",
                           "203.0.113.7:", "203.0.113.7:x", "203.0.113.7:123456", "fe80::1%eth0"})
    EXPECT_EQ(ask("X-Forwarded-For: 203.0.113.7, " + std::string(none) + "\r\n"), "127.0.0.1") << none;

  Worker open("http://127.0.0.1:0");
  open.onMessage = worker.onMessage;
  open.listen();
  Client client(world, open.core().address.port);
  seen.clear();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\r\n");
  world.until([&] { return !seen.empty(); });
  EXPECT_EQ(seen, "127.0.0.1");
}

}  // namespace
}  // namespace artel::testing
