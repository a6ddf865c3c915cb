// WebSocket on real connections (manual 1.17.4, 1.8.3.3; RFC 6455).
#include <gtest/gtest.h>

#include "tests/support/websocket.hpp"

namespace artel::testing {
namespace {

TEST(WebSocketConnection, HooksInTheirOrder) {
  Worker worker("websocket://127.0.0.1:0");
  std::string order;
  worker.onConnect = [&](TcpConnection& c) {
    order += "connect ";
    EXPECT_EQ(c.send("early"), SendStatus::queued);
  };
  worker.onWebSocketConnect = [&](TcpConnection&, const http::Request& r) {
    EXPECT_EQ(r.get("x"), "1");
    order += "handshake ";
  };
  worker.onWebSocketConnected = [&](TcpConnection& c, const http::Request& r) {
    EXPECT_EQ(r.path(), "/chat");
    order += "connected ";
    c.send("late");
  };
  worker.onMessage = [&](TcpConnection&, std::string_view data) { order += "message:" + std::string(data) + " "; };
  worker.onWebSocketClose = [&](TcpConnection&, const websocket::Close& close) {
    order += "bye:" + std::to_string(close.code) + ":" + std::string(close.reason) + " ";
  };
  worker.onClose = [&](TcpConnection&) { order += "close"; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "hi") + closeFrame(1000, "done"));
  world.until([&] { return client.ended(); });
  client.close();
  world.until([&] { return worker.connections().empty(); });
  EXPECT_EQ(order, "connect handshake connected message:hi bye:1000:done close");
  EXPECT_EQ(after101(client), text("late") + text("early") + closed(1000));
  EXPECT_NE(client.received.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
}

TEST(WebSocketConnection, NotMoreThanMaxSendBufferSizeWaitsForTheHandshake) {
  Worker worker("websocket://127.0.0.1:0");
  const std::string part(600, 'x');
  std::string heard;
  worker.onConnect = [&](TcpConnection& c) {
    c.maxSendBufferSize = 1000;
    EXPECT_EQ(c.send(part), SendStatus::queued);
    EXPECT_EQ(c.send(part), SendStatus::queued) << "the one that fills it";
    EXPECT_EQ(c.send(part), SendStatus::dropped);
  };
  worker.onBufferFull = [&](TcpConnection&) { heard += "full "; };
  worker.onError = [&](TcpConnection&, const Error& error) { heard += error.message + " "; };
  worker.onBufferDrain = [&](TcpConnection&) { heard += "drained"; };
  World world(worker);
  Client client(world);
  ASSERT_TRUE(world.until([&] { return !heard.empty(); }));
  EXPECT_EQ(heard, "full send buffer full and drop package ");
  client.send(hello());
  world.until([&] { return after101(client) == text(part) + text(part); });
  EXPECT_EQ(heard, "full send buffer full and drop package drained");
}

TEST(WebSocketConnection, HttpAndWebSocketOnOneListener) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send("page " + std::string(r.path())); };
  worker.onWebSocketMessage = [](TcpConnection& c, const websocket::Message& m) {
    c.send(websocket::Message{m.payload, m.type});
  };
  World world(worker);
  Client page(world), socket(world);
  page.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return wholeAnswer(page.received) && wholeAnswer(socket.received); });
  EXPECT_NE(page.received.find("page /a"), std::string::npos);
  socket.received.clear();
  socket.send(hello() + frame(opcode::binary, std::string_view("\0\xff", 2)) + frame(opcode::text, ""));
  world.until([&] { return after101(socket) == answer(websocket::Type::binary, {"\0\xff", 2}) + text(""); });
}

TEST(WebSocketConnection, WithoutWebSocketHandlersAnUpgradeRequestIsARequest) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) {
    EXPECT_TRUE(r.wantsWebSocket());
    c.send("page");
  };
  World world(worker);
  Client client(world);
  client.send(hello());
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 200");
}

TEST(WebSocketConnection, RefusedWithA401) {
  for (const char* scheme : {"http", "websocket"}) {
    Worker worker(std::string(scheme) + "://127.0.0.1:0");
    int connected = 0, messages = 0;
    worker.onWebSocketConnect = [](TcpConnection& c, const http::Request&) { c.send(http::Response{401}); };
    worker.onWebSocketConnected = [&](TcpConnection&, const http::Request&) { ++connected; };
    worker.onWebSocketMessage = [&](TcpConnection&, std::string_view) { ++messages; };
    World world(worker);
    Client client(world);
    client.send(hello());
    world.until([&] { return wholeAnswer(client.received); });
    EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 401");
    EXPECT_EQ(connected + messages, 0);
  }
}

TEST(WebSocketConnection, ARefusalThatCannotBeSentIsNoAcceptance) {
  const http::Response refusals[] = {
      http::Response{302, {{"Location", "/login?next=/a\r\n"}}},
      http::Response{401, {{"WWW-Authenticate", "Basic realm=\"\x7f\""}}},
      http::Response{403}.header("X", std::string_view("a\0b", 3)),
      http::Response{403}.cookie("a", "b", {.path = "/;"}),
      http::Response{99},
      http::Response{1000},
  };
  for (const char* scheme : {"http", "websocket"}) {
    for (const http::Response& refusal : refusals) {
      Worker worker(std::string(scheme) + "://127.0.0.1:0");
      int connected = 0, messages = 0;
      worker.onWebSocketConnect = [&](TcpConnection& c, const http::Request&) {
        EXPECT_EQ(c.send(refusal), SendStatus::dropped);
      };
      worker.onWebSocketConnected = [&](TcpConnection&, const http::Request&) { ++connected; };
      worker.onWebSocketMessage = [&](TcpConnection&, std::string_view) { ++messages; };
      World world(worker);
      Client client(world);
      client.send(hello() + frame(opcode::text, "eve"));
      world.until([&] { return client.ended(); });
      EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 500") << refusal.status;
      EXPECT_EQ(connected + messages, 0);
    }
  }
}

TEST(WebSocketConnection, WhatIsNoAnswerAcceptsNothingEither) {
  const std::function<void(TcpConnection&)> calls[] = {
      [](TcpConnection& c) {
        c.send(websocket::Close{4401, "no"});
      },
      [](TcpConnection& c) { c.send(http::Chunk{"no"}); },
      [](TcpConnection& c) { c.close(http::Response{99}); },
      [](TcpConnection& c) {
        c.send(http::Response{99});
        c.close();
      },
  };
  for (const char* scheme : {"http", "websocket"}) {
    for (const auto& call : calls) {
      Worker worker(std::string(scheme) + "://127.0.0.1:0");
      int messages = 0;
      worker.onWebSocketConnect = [&](TcpConnection& c, const http::Request&) { call(c); };
      worker.onWebSocketMessage = [&](TcpConnection&, std::string_view) { ++messages; };
      World world(worker);
      Client client(world);
      client.send(hello() + frame(opcode::text, "eve"));
      world.until([&] { return client.ended(); });
      EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 500");
      EXPECT_EQ(messages, 0);
    }
  }
}

TEST(WebSocketConnection, AnAcceptanceThatCannotBeSentIsNoOther) {
  const auto subprotocol = [](TcpConnection& c) { EXPECT_FALSE(c.acceptWebSocket("chat.v1")); };
  const auto line = [](TcpConnection& c) { EXPECT_FALSE(c.acceptWebSocket({}, {{"X", "a\r\nSet-Cookie: evil"}})); };
  const auto orElse = [](TcpConnection& c) {
    if (!c.acceptWebSocket("chat.v1")) c.send(http::Response{403});
  };
  const auto again = [](TcpConnection& c) {
    EXPECT_FALSE(c.acceptWebSocket("chat.v1"));
    EXPECT_TRUE(c.acceptWebSocket());
  };
  const std::tuple<std::function<void(TcpConnection&)>, const char*, const char*> table[] = {
      {subprotocol, "HTTP/1.1 400", "the client did not offer this subprotocol"},
      {line, "HTTP/1.1 500", "a header has a character that may not be sent"},
      {orElse, "HTTP/1.1 403", "the client did not offer this subprotocol"},
      {again, "HTTP/1.1 101", "the client did not offer this subprotocol"},
  };
  for (const auto& [decide, status, reason] : table) {
    for (const bool inOnMessage : {false, true}) {
      Worker worker("http://127.0.0.1:0");
      const auto call = [&decide = decide](TcpConnection& c, const http::Request&) { decide(c); };
      if (inOnMessage) {
        worker.onMessage = call;
      } else {
        worker.onWebSocketConnect = call;
      }
      World world(worker);
      Client client(world);
      ::testing::internal::CaptureStderr();
      client.send(hello("Sec-WebSocket-Protocol: other\r\n"));
      world.until([&] { return wholeAnswer(client.received); });
      const std::string log = ::testing::internal::GetCapturedStderr();
      EXPECT_EQ(client.received.substr(0, 12), status);
      EXPECT_EQ(client.received.find("evil"), std::string::npos);
      EXPECT_NE(log.find(reason), std::string::npos) << log;
    }
  }
}

TEST(WebSocketConnection, SubprotocolAndHeaders) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onWebSocketConnect = [](TcpConnection& c, const http::Request&) {
    EXPECT_TRUE(c.acceptWebSocket("b", {{"X-Server", "artel"}}));
    EXPECT_FALSE(c.acceptWebSocket("b")) << "once only";
    c.send("first");
  };
  World world(worker);
  Client client(world);
  client.send(hello("Sec-WebSocket-Protocol: a, b\r\n"));
  world.until([&] { return after101(client) == text("first"); });
  EXPECT_NE(client.received.find("Sec-WebSocket-Protocol: b\r\n"), std::string::npos);
  EXPECT_NE(client.received.find("X-Server: artel\r\n"), std::string::npos);
}

TEST(WebSocketConnection, BadHandshakes) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  const auto without = [](std::string request, const std::string& line, const std::string& instead = {}) {
    const auto at = request.find(line), end = request.find("\r\n", at) + 2;
    return request.replace(at, end - at, instead);
  };
  const std::pair<std::string, std::string> table[] = {
      {without(hello(), "Sec-WebSocket-Key"), "400"},
      {without(hello(), "Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n"), "426"},
      {without(hello(), "Upgrade:"), "426"},
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"},
  };
  for (const auto& [request, status] : table) {
    Client client(world);
    client.send(request);
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    EXPECT_EQ(client.received.substr(9, 3), status) << request;
  }
}

TEST(WebSocketConnection, ByHandInsideOnMessage) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    c.onWebSocketMessage = [](TcpConnection& self, std::string_view data) { self.send(data); };
    c.protocol = "websocket";
  };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "hi"));
  world.until([&] { return after101(client) == text("hi"); });
}

TEST(WebSocketConnection, FragmentsWithAPingBetweenAndOneByteSegments) {
  Worker worker("websocket://127.0.0.1:0");
  std::string pings;
  worker.onWebSocketPing = [&](TcpConnection&, std::string_view data) { pings += data; };
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Client client(world);
  const std::string bytes = hello() + frame(opcode::text, "Gr\xc3", false) + frame(opcode::ping, "p") +
                            frame(opcode::continuation, "\xbc\xc3\x9f", false) + frame(opcode::continuation, "e");
  for (const char byte : bytes) {
    client.send(std::string_view(&byte, 1));
    world.settleOnce();
  }
  world.until([&] { return after101(client).size() >= 12; });
  EXPECT_EQ(after101(client), std::string("\x8a\x01p", 3) + text("Gr\xc3\xbc\xc3\x9f"
                                                                 "e"));
  EXPECT_EQ(pings, "p");
}

TEST(WebSocketConnection, PingsAreAnsweredAndPongsHeard) {
  Worker worker("websocket://127.0.0.1:0");
  std::string heard;
  worker.onWebSocketPong = [&](TcpConnection&, std::string_view data) { heard += data; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::ping, "abc") + frame(opcode::pong, "xyz") + frame(opcode::ping, ""));
  world.until([&] {
    return after101(client) == std::string(
                                   "\x8a\x03"
                                   "abc\x8a\0",
                                   7);
  });
  EXPECT_EQ(heard, "xyz");
}

TEST(WebSocketConnection, WhoNeverReadsIsNoLongerRead) {
  Worker worker("websocket://127.0.0.1:0");
  std::size_t most = 0;
  worker.onMessage = [&](TcpConnection& c, const websocket::Message& m) {
    c.send(m);
    most = std::max(most, c.getSendBufferQueueSize());
  };
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
  client.pauseReading();
  std::string piece;
  const std::string payload(60'000, 'x');
  for (int i = 0; i < 16; ++i) piece += frame(opcode::binary, payload) + frame(opcode::ping, payload.substr(0, 125));
  for (int i = 0; i < 32; ++i) client.send(piece);  // 30 MiB; kernels here take no more than some of it
  std::uint64_t read = 0;
  for (int still = 0; still < 200;) {
    world.settleOnce();
    still = world.first().bytesRead() == read ? still + 1 : 0;
    read = world.first().bytesRead();
  }
  EXPECT_LT(read, 32 * piece.size() / 2);
  EXPECT_GE(world.first().getSendBufferQueueSize(), world.first().maxSendBufferSize);
  EXPECT_LT(most, world.first().maxSendBufferSize + 130'000);
  client.keep(false);
  client.resumeReading();
  const std::size_t answers = 32 * (16 * (payload.size() + 4 + 127));
  world.until([&] { return client.total() >= answers; });
}

/// Its pongs are its own: they go to no one else, and are never dropped.
TEST(WebSocketConnection, APipedPeerThatOnlyPingsAndNeverReadsIsNoLongerRead) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world), other(world);
  for (Client* one : {&client, &other}) {
    one->send(hello());
    ASSERT_TRUE(world.until([&] { return one->received.ends_with("\r\n\r\n"); }));
  }
  std::vector<ConnectionPtr> both;
  for (auto& [id, connection] : worker.connections()) both.push_back(connection);
  both[0]->pipe(*both[1]);
  both[1]->pipe(*both[0]);
  client.pauseReading();
  std::string piece;
  for (int i = 0; i < 8000; ++i) piece += frame(opcode::ping, std::string(125, 'x'));
  for (int i = 0; i < 16; ++i) client.send(piece);  // 16 MiB
  std::uint64_t read = 0;
  for (int still = 0; still < 200;) {
    world.settleOnce();
    const std::uint64_t now = both[0]->bytesRead() + both[1]->bytesRead();
    still = now == read ? still + 1 : 0;
    read = now;
  }
  const std::size_t waits = std::max(both[0]->getSendBufferQueueSize(), both[1]->getSendBufferQueueSize());
  EXPECT_GE(waits, both[0]->maxSendBufferSize);
  EXPECT_LT(waits, both[0]->maxSendBufferSize + 300'000);
  EXPECT_LT(read, 16 * piece.size());
  client.keep(false);
  client.resumeReading();
  world.until([&] { return client.total() >= std::size_t{16} * 8000 * 127; });
}

TEST(WebSocketConnection, TheTypeOfSentTextIsTheConnections) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view data) {
    c.websocketType = websocket::Type::binary;
    c.send(data);
  };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "x"));
  world.until([&] { return after101(client) == answer(websocket::Type::binary, "x"); });
}

TEST(WebSocketConnection, PingIntervalFindsThoseWhoHaveVanished) {
  Worker worker("websocket://127.0.0.1:0");
  worker.pingInterval = 10s;
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return !after101(client).empty() || client.received.ends_with("\r\n\r\n"); }));
  world.tickAfter(9s);
  world.tickAfter(11s);
  ASSERT_TRUE(world.until([&] { return after101(client) == std::string("\x89\0", 2); }));
  client.send(frame(opcode::pong, ""));
  ASSERT_TRUE(world.until([&] { return world.first().bytesRead() == hello().size() + 6; }));
  world.tickAfter(12s);  // another ping, for the clock of this test jumps
  world.settle();
  EXPECT_EQ(closes, 0);
  world.tickAfter(23s);
  world.until([&] { return closes == 1; });
}

TEST(WebSocketConnection, APausedConnectionIsNotTakenForDead) {
  Worker worker("websocket://127.0.0.1:0");
  worker.pingInterval = 10s;
  bool paused = false;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    c.pauseRecv();
    paused = true;
  };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "pause"));
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n") && paused; }));
  for (int i = 1; i < 6; ++i) world.tickAfter(i * 11s);
  world.settle();
  EXPECT_EQ(worker.connections().size(), 1u);
}

TEST(WebSocketConnection, AnEarlyMessageOnAnHttpConnectionIsRefused) {
  Worker worker("http://127.0.0.1:0");
  worker.onWebSocketMessage = [](TcpConnection&, std::string_view) {};
  worker.onConnect = [](TcpConnection& c) { EXPECT_EQ(c.send("early"), SendStatus::dropped); };
  World world(worker);
  Client client(world);
  client.send(hello());
  world.until([&] { return client.received.ends_with("\r\n\r\n"); });
  EXPECT_EQ(after101(client), "");
}

}  // namespace
}  // namespace artel::testing
