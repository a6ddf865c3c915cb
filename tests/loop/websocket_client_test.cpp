// ws clients (manual 1.16.35, 1.17.5) against our own server, and against servers that do it wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "src/protocol/websocket_frames.hpp"
#include "src/protocol/websocket_handshake.hpp"
#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Dialling {
  Dialling() : world(worker) {}
  AsyncTcpConnectionPtr to(const std::string& address, ClientOptions options = {}) {
    auto made = AsyncTcpConnection::to(address, std::move(options));
    made->onConnect = [this](TcpConnection&) { events.push_back("connect"); };
    made->onWebSocketConnect = [this](TcpConnection&, const http::Answer& answer) {
      events.push_back("open " + std::to_string(answer.status()));
      opened = answer.header("X-Seen");
      subprotocol = answer.header("Sec-WebSocket-Protocol");
    };
    made->onMessage = [this](TcpConnection&, std::string_view text) {
      events.push_back("message " + std::string(text));
    };
    made->onError = [this](TcpConnection&, const Error& e) {
      events.push_back("error " + std::to_string(static_cast<int>(e.code)));
      error = e.message;
    };
    made->onWebSocketClose = [this](TcpConnection&, const websocket::Close& c) {
      events.push_back("closing " + std::to_string(c.code) + std::string(c.reason));
    };
    made->onClose = [this](TcpConnection&) { events.push_back("close"); };
    return made;
  }
  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
  std::vector<std::string> events;  // before the world, whose end is told, too
  std::string error, opened, subprotocol;
  Worker worker;
  World world;
};

struct WithServer : Dialling {
  explicit WithServer(bool deflate = false) : server("websocket://127.0.0.1:0") {
    server.websocketDeflate = deflate;
    server.onMessage = [](TcpConnection& c, const websocket::Message& m) { c.send(m); };
    server.onWebSocketPing = [this](TcpConnection&, std::string_view) { ++pings; };
    server.onWebSocketConnect = [this](TcpConnection& c, const http::Request& request) {
      extensions = request.header("Sec-WebSocket-Extensions");
      path = request.uri();
      host = request.header("Host");
      origin = request.header("Origin");
      cookie = request.header("Cookie");
      const auto offered = websocket::offeredSubprotocols(request);
      c.acceptWebSocket(offered.empty() ? "" : offered.back(), {{"X-Seen", std::string(request.header("X-Sent"))}});
    };
    server.listen();
  }
  std::string address(const std::string& uri = "") const {
    return "ws://127.0.0.1:" + std::to_string(server.core().address.port) + uri;
  }
  mutable Worker server;
  int pings = 0;
  std::string extensions, path, host, origin, cookie;
};

/// A server that answers the handshake with what it is told.
struct Answering : Dialling {
  explicit Answering(std::string answer) : server("tcp://127.0.0.1:0"), answer(std::move(answer)) {
    server.onMessage = [this](TcpConnection& c, std::string_view request) {
      got += request;
      if (got.find("\r\n\r\n") == std::string::npos) return;
      const std::string name = "Sec-WebSocket-Key: ";
      const auto at = got.find(name) + name.size();
      const std::string key = got.substr(at, got.find("\r\n", at) - at);
      if (const auto mark = this->answer.find("ACCEPT"); mark != std::string::npos)
        this->answer.replace(mark, 6, websocket::acceptKey(key));
      c.send(std::exchange(this->answer, {}));
    };
    server.listen();
    client = to("ws://127.0.0.1:" + std::to_string(server.core().address.port) + "/x");
  }
  Worker server;
  std::string answer, got;
  AsyncTcpConnectionPtr client;
};
const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
const std::string accept = "Sec-WebSocket-Accept: ACCEPT\r\n";

TEST(WebsocketClient, GreetsAndIsAnswered) {
  WithServer d;
  const auto c = d.to(d.address("/chat?room=1"), {.headers = {{"X-Sent", "yes"}, {"Cookie", "a=b"}},
                                                  .websocketOrigin = "http://example.com",
                                                  .websocketClientProtocol = "chat, superchat"});
  EXPECT_EQ(c->getRemoteURI(), "/chat?room=1");
  c->connect();
  d.world.until([&] { return d.has("open 101"); });
  EXPECT_EQ(d.path, "/chat?room=1");
  EXPECT_EQ(d.host, "127.0.0.1:" + std::to_string(d.server.core().address.port));
  EXPECT_EQ(d.origin, "http://example.com");
  EXPECT_EQ(d.cookie, "a=b");
  EXPECT_EQ(d.opened, "yes");
  EXPECT_EQ(d.subprotocol, "superchat");
  EXPECT_EQ(d.extensions, "");
  EXPECT_EQ(c->send("hello"), SendStatus::sent);
  d.world.until([&] { return d.has("message hello"); });
  c->close();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "open 101", "message hello", "close"));
}

TEST(WebsocketClient, WhatIsSentBeforeTheHandshakeIsDoneWaitsForIt) {
  WithServer d;
  const auto c = d.to(d.address());
  EXPECT_EQ(c->send("one"), SendStatus::queued);
  c->onConnect = [](TcpConnection& self) { EXPECT_EQ(self.send("two"), SendStatus::queued); };
  c->onWebSocketConnect = [](TcpConnection& self, const http::Answer&) { self.send("three"); };
  c->connect();
  d.world.until([&] { return d.events.size() == 3; });
  EXPECT_THAT(d.events, ElementsAre("message one", "message two", "message three"));
}

TEST(WebsocketClient, NotMoreThanMaxSendBufferSizeWaits) {
  WithServer d;
  const auto c = d.to(d.address());
  c->maxSendBufferSize = 4;
  EXPECT_EQ(c->send("four"), SendStatus::queued);
  EXPECT_EQ(c->send("five"), SendStatus::dropped);
  c->connect();
  d.world.until([&] { return d.has("message four"); });
  EXPECT_TRUE(d.has("error 2"));
  EXPECT_FALSE(d.has("message five"));
}

TEST(WebsocketClient, ItsFramesAreMaskedEachWithAnotherKey) {
  Answering d(switching + accept + "\r\n");
  d.client->connect();
  d.world.until([&] { return d.has("open 101"); });
  d.got.clear();
  d.server.onMessage = [&](TcpConnection&, std::string_view bytes) { d.got += bytes; };
  d.server.connections().begin()->second->onMessage = [&](TcpConnection&, std::string_view bytes) { d.got += bytes; };
  d.client->send("aaaa");
  d.client->send("aaaa");
  d.world.until([&] { return d.got.size() == 20; });
  EXPECT_EQ(d.got[0], '\x81');
  EXPECT_EQ(d.got[1], '\x84');
  EXPECT_NE(d.got.substr(2, 4), std::string(4, '\0'));
  EXPECT_NE(d.got.substr(2, 4), d.got.substr(12, 4));
}

TEST(WebsocketClient, LargeMessagesAndBinary) {
  WithServer d;
  const auto c = d.to(d.address());
  std::string echoed;
  websocket::Type type{};
  c->onMessage = [&](TcpConnection&, const websocket::Message& m) {
    echoed = m.payload;
    type = m.type;
  };
  const std::string bytes = pattern(300'000);
  c->websocketType = websocket::Type::binary;
  c->send(bytes);
  c->connect();
  d.world.until([&] { return !echoed.empty(); });
  EXPECT_TRUE(echoed == bytes);
  EXPECT_EQ(type, websocket::Type::binary);
}

TEST(WebsocketClient, CompressesWhenTheServerDoes) {
  for (const bool server : {true, false}) {
    WithServer d(server);
    const auto c = d.to(d.address(), {.websocketDeflate = true});
    std::size_t size = 0;
    int came = 0;
    const std::string text(100'000, 'x');
    c->onMessage = [&](TcpConnection& self, std::string_view message) {
      size = message.size();
      if (++came < 3) self.send(message);
    };
    c->send(text);
    c->connect();
    d.world.until([&] { return came == 3; });
    EXPECT_EQ(size, text.size());
    EXPECT_THAT(d.extensions, HasSubstr("permessage-deflate"));
    if (server)
      EXPECT_LT(c->bytesWritten(), 5'000u);
    else
      EXPECT_GT(c->bytesWritten(), 300'000u);
  }
}

TEST(WebsocketClient, PingsAreAnsweredAndSent) {
  WithServer d;
  const auto c = d.to(d.address(), {.websocketPingInterval = 10s});
  int pongs = 0, pings = 0;
  c->onWebSocketPong = [&](TcpConnection&, std::string_view) { ++pongs; };
  c->onWebSocketPing = [&](TcpConnection&, std::string_view) { ++pings; };
  c->connect();
  d.world.until([&] { return d.has("open 101"); });
  d.world.tickAfter(5s);
  d.world.settle();
  EXPECT_EQ(d.pings, 0);
  d.world.tickAfter(11s);
  d.world.until([&] { return pongs == 1 && d.pings == 1; });
  EXPECT_EQ(c->getStatus(), TcpConnection::Status::established);
}

/// What stands between would end a connection that is silent on this side.
TEST(WebsocketClient, PingsAlsoWhileALongMessageComes) {
  WithServer d;
  d.server.onWebSocketConnected = [](TcpConnection& c, const http::Request&) {
    c.sendRaw(
        std::string("\x01\x05"
                    "begun",
                    7));  // and more follows
  };
  const auto c = d.to(d.address(), {.websocketPingInterval = 10s});
  c->connect();
  d.world.until([&] { return d.has("open 101") && c->bytesRead() > 7; });
  d.world.settle();
  d.world.tickAfter(0s);
  d.world.tickAfter(11s);
  d.world.until([&] { return d.pings == 1; });
}

/// Dialled all at once, before the first one is answered.
TEST(WebsocketClient, WhatIsOfferedCountsAsDeflateMemory) {
  using websocket::Compression;
  const std::size_t before = Compression::kept(), each = Compression::cost(websocket::Role::client, {});
  Worker::deflateMemory = before + 2 * each;
  struct Reset {
    ~Reset() { Worker::deflateMemory = std::size_t{64} << 20; }
  } reset;
  Dialling d;
  Worker server("tcp://127.0.0.1:0");
  std::string requests;
  server.onMessage = [&](TcpConnection&, std::string_view bytes) { requests += bytes; };
  server.listen();
  const auto count = [&](std::string_view what) {
    int found = 0;
    for (auto at = requests.find(what); at != std::string::npos; at = requests.find(what, at + 1)) ++found;
    return found;
  };
  std::vector<AsyncTcpConnectionPtr> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(d.to("ws://127.0.0.1:" + std::to_string(server.core().address.port), {.websocketDeflate = true}));
    clients.back()->connect();
  }
  d.world.until([&] { return count("\r\n\r\n") == 4; });
  EXPECT_EQ(count("Sec-WebSocket-Extensions: permessage-deflate"), 2);
  EXPECT_EQ(Compression::kept(), before + 2 * each);
  for (const auto& client : clients) client->destroy();
  d.world.until([&] { return std::count(d.events.begin(), d.events.end(), "close") == 4; });
  EXPECT_EQ(Compression::kept(), before) << "also while the connections are held";
}

TEST(WebsocketClient, AServerThatAnswersNoPingIsGivenUp) {
  Answering d(switching + accept + "\r\n");
  d.client->options().websocketPingInterval = 10s;
  d.client->connect();
  d.world.until([&] { return d.has("open 101"); });
  d.world.tickAfter(11s);
  EXPECT_EQ(d.client->getStatus(), TcpConnection::Status::established);
  d.world.tickAfter(22s);
  d.world.until([&] { return d.has("close"); });
}

TEST(WebsocketClient, CloseCodesBothWays) {
  {
    WithServer d;
    d.server.onMessage = [](TcpConnection& c, std::string_view) { c.close(websocket::Close{4001, "enough"}); };
    const auto c = d.to(d.address());
    c->send("x");
    c->connect();
    d.world.until([&] { return d.has("close"); });
    EXPECT_THAT(d.events, ElementsAre("connect", "open 101", "closing 4001enough", "close"));
  }
  WithServer e;
  std::uint16_t code = 0;
  e.server.onWebSocketClose = [&](TcpConnection&, const websocket::Close& close) { code = close.code; };
  const auto f = e.to(e.address());
  f->onWebSocketConnect = [](TcpConnection& self, const http::Answer&) { self.close(websocket::Close{4002, "bye"}); };
  f->connect();
  e.world.until([&] { return e.has("close") && code != 0; });
  EXPECT_EQ(code, 4002);
}

TEST(WebsocketClient, AMaskedFrameFromAServerEndsIt) {
  Answering d(switching + accept + "\r\n" + std::string("\x81\x81\x01\x02\x03\x04\x60", 7));
  d.client->connect();
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "open 101", "close"));
}

TEST(WebsocketClient, AMessageBeyondItsLimitEndsItWith1009AndALogLine) {
  for (const bool fragments : {false, true}) {
    WithServer d;
    std::uint16_t code = 0;
    d.server.onWebSocketClose = [&](TcpConnection&, const websocket::Close& close) { code = close.code; };
    d.server.onMessage = [&](TcpConnection& c, std::string_view size) {
      const std::string text(std::stoul(std::string(size)), 'x');
      if (!fragments) return static_cast<void>(c.send(text));
      std::string frames;
      websocket::appendFrame(frames, websocket::Type::text, text.substr(0, 600));
      frames[0] = '\x01';  // more follows
      websocket::appendFrame(frames, websocket::Type::text, text.substr(600));
      frames[4 + 600] = '\x80';
      c.sendRaw(frames);
    };
    const auto c = d.to(d.address());
    c->maxPackageSize = 1000;
    c->send("1000");
    c->connect();
    d.world.until([&] { return d.has("message " + std::string(1000, 'x')); });
    ::testing::internal::CaptureStderr();
    c->send("1001");
    d.world.until([&] { return d.has("close") && code != 0; });
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr(" sent illegal data: "));
    EXPECT_EQ(code, 1009);
    EXPECT_EQ(d.events.size(), 4u);  // connect, open, message, close
    EXPECT_EQ(d.world.process().clients().protocolErrors(), 1u);
  }
}

TEST(WebsocketClient, AMessageRightBehindTheAnswer) {
  Answering d("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + switching + accept + "\r\n\x81\x02hi");
  d.client->connect();
  d.world.until([&] { return d.has("message hi"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "open 101", "message hi"));
}

TEST(WebsocketClient, ItMayBeDestroyedInAnyCallback) {
  const std::vector<std::string> order{"connect", "open", "ping", "message", "closing", "close"};
  for (std::size_t at = 0; at < order.size(); ++at) {
    Answering d(switching + accept + "\r\n\x89\x01p\x81\x02hi\x88\x02\x03\xe8");
    const auto came = [&](const std::string& what) {
      d.events.push_back(what);
      if (what == order[at]) std::exchange(d.client, nullptr)->destroy();
    };
    d.client->onConnect = [&](TcpConnection&) { came("connect"); };
    d.client->onWebSocketConnect = [&](TcpConnection&, const http::Answer&) { came("open"); };
    d.client->onWebSocketPing = [&](TcpConnection&, std::string_view) { came("ping"); };
    d.client->onMessage = [&](TcpConnection&, std::string_view) { came("message"); };
    d.client->onWebSocketClose = [&](TcpConnection&, const websocket::Close&) { came("closing"); };
    d.client->onClose = [&](TcpConnection&) { came("close"); };
    const auto weak = d.client->weak();
    d.client->connect();
    d.world.until([&] { return d.has("close"); });
    d.world.settle();
    std::vector<std::string> expected(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    if (at + 1 < order.size()) expected.push_back("close");
    EXPECT_EQ(d.events, expected);
    EXPECT_TRUE(weak.expired());
  }
}

TEST(WebsocketClient, AnswersThatAreNone) {
  std::string manyInterim;
  while (manyInterim.size() <= 16 * 1024) manyInterim += "HTTP/1.1 100 go on\r\n\r\n";
  const std::pair<std::string, std::string> wrong[] = {
      {"HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found instead of 101"},
      {"HTTP/1.1 301 Moved Permanently\r\nLocation: wss://b.example/\r\n\r\n",
       "301 Moved Permanently instead of 101; it points to wss://b.example/, but redirects are not followed"},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", "304 Not Modified instead of 101"},
      {"HTTP/1.1 500 \x9b"
       "31m" +
           std::string(1000, 'A') + "\r\n\r\n",
       "500 ?31m" + std::string(196, 'A') + " instead of 101"},
      {manyInterim, "too many answers before the answer"},
      {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n", "401 Unauthorized instead of 101"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK instead of 101"},
      {switching + "\r\n", "Sec-WebSocket-Accept"},
      {switching + "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "Sec-WebSocket-Accept"},
      {switching + accept + "Sec-WebSocket-Accept: x\r\n\r\n", "Sec-WebSocket-Accept"},
      {switching + accept + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extensions"},
      {switching + accept + "Sec-WebSocket-Protocol: chat\r\n\r\n", "subprotocol"},
      {switching + accept + "Sec-WebSocket-Protocol:\r\n\r\n", "subprotocol"},
      {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n" + accept + "\r\n", "Upgrade: websocket"},
      {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" + accept + "\r\n", "Connection: Upgrade"},
      {"SSH-2.0-x\r\n\r\n", "no HTTP/1 answer"},
      {"HTTP/1.1 101 x\r\nUpgrade : websocket\r\n\r\n", "header line"},
  };
  for (const auto& [answer, why] : wrong) {
    Answering d(answer);
    d.client->connect();
    d.world.until([&] { return d.has("close"); });
    EXPECT_THAT(d.events, ElementsAre("connect", "error 1", "close")) << answer;
    EXPECT_THAT(d.error, HasSubstr(why));
    EXPECT_THAT(d.error, HasSubstr("WebSocket handshake with 127.0.0.1:"));
  }
}

TEST(WebsocketClient, AServerThatSaysNothing) {
  Answering silent("");
  silent.client->options().connectTimeout = 300ms;
  silent.client->connect();
  silent.world.until([&] { return silent.has("close"); });
  EXPECT_THAT(silent.events, ElementsAre("connect", "error 1", "close"));
  EXPECT_THAT(silent.error, HasSubstr("connectTimeout"));
}

TEST(WebsocketClient, ClosedInTheHandshakeItSaysNothingOfATimeout) {
  Answering d("");
  d.client->options().connectTimeout = 300ms;
  d.client->onConnect = [&](TcpConnection& self) {
    d.events.push_back("connect");
    self.close();
  };
  d.server.onConnect = [](TcpConnection& c) { c.pauseRecv(); };  // so its end does not come
  d.client->connect();
  d.world.until([&] { return d.has("connect"); });
  d.world.forTime(400ms);
  EXPECT_THAT(d.events, ElementsAre("connect"));
  d.world.tickAfter(3s);
  d.world.until([&] { return d.has("close"); });
  EXPECT_THAT(d.events, ElementsAre("connect", "close"));
}

TEST(WebsocketClient, PausedItIsNotReadFromButShakesHands) {
  for (const bool connected : {true, false}) {
    Answering d(switching + accept + "\r\n\x81\x02hi");
    d.client->options().connectTimeout = 2s;
    if (!connected) d.client->pauseRecv();
    d.client->onConnect = [](TcpConnection& self) { self.pauseRecv(); };
    d.client->connect();
    d.world.until([&] { return d.has("open 101") || d.has("close"); });
    d.world.forTime(20ms);
    EXPECT_THAT(d.events, ElementsAre("open 101"));
    d.client->resumeRecv();
    d.world.until([&] { return d.has("message hi") || d.has("close"); });
    EXPECT_THAT(d.events, ElementsAre("open 101", "message hi"));
  }
}

TEST(WebsocketClient, WhatIsPipedIntoItWaitsForItsHandshake) {
  WithServer d;
  ConnectionPtr slow, left;
  d.server.onConnect = [&](TcpConnection& c) {
    c.pauseRecv();  // so it answers nothing
    slow = c.share();
  };
  std::string got;
  d.server.onMessage = [&](TcpConnection&, const websocket::Message& m) { got += m.payload; };
  Worker entry("tcp://127.0.0.1:0");
  entry.onConnect = [&](TcpConnection& c) {
    left = c.share();
    const auto target = AsyncTcpConnection::to(d.address());
    target->websocketType = websocket::Type::binary;
    c.pipe(*target);
    target->connect();
  };
  entry.listen();
  const std::string bytes = pattern(5'000'000);
  Client client(d.world, entry.core().address.port);
  client.send(bytes);
  client.shutdown();
  d.world.until([&] { return slow != nullptr; });
  for (std::uint64_t before = 1; before != left->bytesRead();) {
    before = left->bytesRead();
    d.world.forTime(20ms);
  }
  EXPECT_LT(left->bytesRead(), bytes.size());
  slow->resumeRecv();
  d.world.until([&] { return got.size() >= bytes.size(); });
  EXPECT_TRUE(got == bytes) << got.size();
  EXPECT_EQ(d.world.process().clients().sendFails(), 0u);
  d.world.until([&] { return entry.connections().empty(); });
}

TEST(WebsocketClient, AHalfCloseThatIsPassedOnWaitsForItsHandshake) {
  WithServer d;
  ConnectionPtr slow;
  d.server.onConnect = [&](TcpConnection& c) {
    c.pauseRecv();
    slow = c.share();
  };
  std::string got;
  d.server.onMessage = [&](TcpConnection&, const websocket::Message& m) { got += m.payload; };
  Worker entry("tcp://127.0.0.1:0");
  entry.onConnect = [&](TcpConnection& c) {
    const auto target = AsyncTcpConnection::to(d.address());
    c.pipe(*target);
    target->connect();
  };
  entry.listen();
  Client client(d.world, entry.core().address.port);
  client.send("hello");
  client.shutdown();
  d.world.until([&] { return slow != nullptr; });
  d.world.forTime(20ms);
  slow->resumeRecv();
  d.world.until([&] { return entry.connections().empty(); });
  EXPECT_EQ(got, "hello");
}

TEST(WebsocketClient, WhatWaitsForTheHandshakeFillsTheBufferAndDrains) {
  WithServer d;
  const auto c = d.to(d.address());
  c->maxSendBufferSize = 4;
  c->onBufferFull = [&](TcpConnection&) { d.events.push_back("full"); };
  c->onBufferDrain = [&](TcpConnection&) { d.events.push_back("drain"); };
  c->connect();
  c->send("four");
  d.world.until([&] { return d.has("message four"); });
  EXPECT_THAT(d.events, ElementsAre("full", "connect", "open 101", "drain", "message four"));
}

TEST(WebsocketClient, AServerThatHangsUp) {
  Answering rude("");
  rude.server.onMessage = [](TcpConnection& c, std::string_view) { c.close(); };
  rude.client->connect();
  rude.world.until([&] { return rude.has("close"); });
  EXPECT_THAT(rude.events, ElementsAre("connect", "error 1", "close"));
  EXPECT_THAT(rude.error, HasSubstr("closed the connection"));
}

TEST(WebsocketClient, HeadersThatWouldBreakTheRequestFailTheConnect) {
  for (const http::Headers& bad : {http::Headers{{"X", "a\r\nY: b"}}, {{"X:", "a"}}, {{"Upgrade", "h2c"}}}) {
    WithServer d;
    const auto c = d.to(d.address(), {.headers = bad});
    c->connect();
    d.world.until([&] { return d.has("close"); });
    EXPECT_THAT(d.events, ElementsAre("connect", "error 1", "close"));
    EXPECT_THAT(d.error, HasSubstr("header"));
  }
}

TEST(WebsocketClient, ReconnectsWithANewHandshake) {
  WithServer d;
  const auto c = d.to(d.address());
  int opened = 0;
  c->onWebSocketConnect = [&](TcpConnection& self, const http::Answer&) {
    if (++opened < 3) self.close();
  };
  c->onClose = [](TcpConnection& self) { self.dialled()->reconnect(1ms); };
  c->connect();
  d.world.until([&] { return opened == 3; });
  c->send("still");
  d.world.until([&] { return d.has("message still"); });
}

TEST(WebsocketClient, AStoppingProcessSaysGoingAway) {
  if (!platform::directIo()) GTEST_SKIP() << "sockets are libuv's there; the bytes are the same";
  // The server is no part of the process that stops.
  const auto listener = platform::openListener(platform::SocketKind::tcp, "127.0.0.1", 0, {.backlog = 8});
  ASSERT_TRUE(listener);
  Dialling d;
  const auto c = d.to("ws://127.0.0.1:" + std::to_string(platform::boundPort(*listener)));
  c->connect();
  Result<platform::NativeSocket> peer = Error{Errc::wouldBlock, ""};
  d.world.until([&] {
    peer = platform::acceptOne(*listener, {});
    return static_cast<bool>(peer);
  });
  std::string got;
  const auto read = [&] {
    char bytes[4096];
    const auto size = platform::receiveNow(*peer, bytes, sizeof bytes);
    if (size > 0) got.append(bytes, static_cast<std::size_t>(size));
    return size;
  };
  d.world.until([&] { return read(), got.find("\r\n\r\n") != std::string::npos; });
  const std::string name = "Sec-WebSocket-Key: ";
  const std::string key = got.substr(got.find(name) + name.size(), 24);
  const std::string answer = switching + "Sec-WebSocket-Accept: " + std::string(websocket::acceptKey(key)) + "\r\n\r\n";
  ASSERT_EQ(platform::sendNow(*peer, answer.data(), answer.size()), static_cast<std::ptrdiff_t>(answer.size()));
  d.world.until([&] { return d.has("open 101"); });
  got.clear();
  d.world.process().stop(0, false);
  d.world.until([&] { return read(), got.size() >= 8; });
  ASSERT_EQ(got.size(), 8U);
  EXPECT_EQ(got.substr(0, 2), "\x88\x82");  // Close, masked, two bytes
  const auto unmasked = [&](std::size_t i) { return static_cast<unsigned char>(got[6 + i] ^ got[2 + i]); };
  EXPECT_EQ(unmasked(0) * 256 + unmasked(1), 1001);
  platform::closeSocket(*peer);
  platform::closeSocket(*listener);
  d.world.until([&] { return d.world.process().done(); });
  EXPECT_TRUE(d.has("close"));
}

}  // namespace
}  // namespace artel::testing
