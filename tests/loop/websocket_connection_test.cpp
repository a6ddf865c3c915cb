// WebSocket on real connections (manual 1.17.4, 1.8.3.3; RFC 6455).
#include <gtest/gtest.h>

#include "src/protocol/websocket_frames.hpp"
#include "tests/loop/count_new.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

namespace opcode = websocket::opcode;

std::string hello(const std::string& more = {}) {
  return "GET /chat?x=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         more + "\r\n";
}
std::string frame(std::uint8_t code, std::string_view payload, bool last = true) {
  std::string bytes;
  websocket::appendMaskedFrame(bytes, code, payload, 0x01020304);
  if (!last) bytes[0] = static_cast<char>(bytes[0] & 0x7f);
  return bytes;
}
std::string closeFrame(std::uint16_t code, std::string_view reason = {}) {
  return frame(opcode::close, websocket::closePayload(code, reason));
}
std::string answer(websocket::Type type, std::string_view payload) {
  std::string bytes;
  websocket::appendFrame(bytes, type, payload);
  return bytes;
}
std::string text(std::string_view payload) { return answer(websocket::Type::text, payload); }
std::string closed(std::uint16_t code, std::string_view reason = {}) {
  std::string bytes;
  websocket::appendClose(bytes, code, reason);
  return bytes;
}

/// What came after the 101.
std::string after101(const Client& client) {
  const auto at = client.received.find("\r\n\r\n");
  return at == std::string::npos || client.received.rfind("HTTP/1.1 101", 0) != 0 ? "" : client.received.substr(at + 4);
}

/// How many of six unfinished messages of that size take new memory for their first fragment.
int freshOfSix(std::size_t size) {
  const std::vector<std::string> fragments(6, frame(opcode::binary, std::string(size, 'x'), false));
  std::vector<std::string> bytes = fragments;
  std::vector<std::unique_ptr<websocket::Reader>> readers;
  for (int i = 0; i < 6; ++i) readers.push_back(std::make_unique<websocket::Reader>(websocket::Role::server));
  int fresh = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    largestAllocation = 0;
    EXPECT_EQ(readers[i]->input(bytes[i], 1 << 20).size, bytes[i].size());
    readers[i]->decode(bytes[i], 1 << 20);
    EXPECT_TRUE(readers[i]->unfinished());
    if (largestAllocation >= size) ++fresh;
  }
  return fresh;
}

TEST(WebSocketBuffers, FourOfSixtyFourKilobytesAreKeptForTheNextMessages) {
  freshOfSix(60 * 1024);
  EXPECT_EQ(freshOfSix(60 * 1024), 2);
  freshOfSix(65 * 1024);  // takes those that were kept, and they are too large now
  EXPECT_EQ(freshOfSix(65 * 1024), 6);
}

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

TEST(WebSocketConnection, ViolationsCloseWithTheirCode) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  int messages = 0;
  worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
  World world(worker);
  const std::pair<std::string, std::uint16_t> table[] = {
      {frame(opcode::text, std::string(1001, 'x')), 1009},
      {frame(opcode::text, std::string(600, 'x'), false) + frame(opcode::continuation, std::string(600, 'x')), 1009},
      {frame(opcode::text, "\xff\xfe"), 1007},
      {std::string("\x81\x01x", 3), 1002},  // unmasked
      {frame(opcode::continuation, "x"), 1002},
      {frame(opcode::text, "x", false) + frame(opcode::text, "y"), 1002},
      {frame(opcode::ping, std::string(126, 'x')), 1002},
      {frame(3, "x"), 1002},
      {closeFrame(1000).replace(0, 1, "\xc8"), 1002},  // RSV1
  };
  for (const auto& [bytes, code] : table) {
    Client client(world);
    client.send(hello() + bytes + frame(opcode::text, "after"));
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    const std::string got = after101(client);
    ASSERT_GE(got.size(), 4u);
    EXPECT_EQ(got[0], '\x88');
    EXPECT_EQ(static_cast<unsigned char>(got[2]) << 8 | static_cast<unsigned char>(got[3]), code);
  }
  EXPECT_EQ(messages, 0);
  Client exact(world);
  exact.send(hello() + frame(opcode::text, std::string(1000, 'x')));
  world.until([&] { return messages == 1; });
}

TEST(WebSocketConnection, GoodMessagesBeforeAViolationAreAnswered) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  const std::pair<std::string, std::uint16_t> table[] = {
      {frame(3, ""), 1002},
      {frame(opcode::text, "\xff"), 1007},
      {frame(opcode::text, "half\xc3", false) + frame(opcode::continuation, "("), 1007},
      {frame(opcode::text, std::string(500, 'x') + "\xff" + std::string(400, 'x')).substr(0, 600), 1007},  // unfinished
      {frame(opcode::binary, std::string(1001, 'x')).substr(0, 4), 1009},
  };
  for (const auto& [bytes, code] : table) {
    Client client(world);
    client.send(hello() + frame(opcode::text, "one") + frame(opcode::ping, "p") + frame(opcode::text, "two") + bytes);
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    const std::string good = text("one") + std::string("\x8a\x01p", 3) + text("two");
    const std::string got = after101(client);
    ASSERT_GE(got.size(), good.size() + 4);
    EXPECT_EQ(got.substr(0, good.size()), good);
    EXPECT_EQ(got.substr(good.size() + 2, 2), closed(code).substr(2, 2)) << code;
  }
}

TEST(WebSocketConnection, AnAnnouncedLengthReservesNothing) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
  const std::string begun = frame(opcode::binary, std::string(9'000'000, 'x')).substr(0, 3000);
  largestAllocation = 0;
  for (std::size_t at = 0; at < begun.size(); at += 1000) {
    client.send(begun.substr(at, 1000));
    ASSERT_TRUE(world.until([&] { return world.first().getRecvBufferQueueSize() == at + 1000; }));
  }
  EXPECT_LE(largestAllocation, 16'000u);
}

/// A message that does not come to its end, in each way that it can.
class UnfinishedMessage : public ::testing::TestWithParam<const char*> {
 protected:
  UnfinishedMessage() : worker("websocket://127.0.0.1:0") {
    worker.onMessage = [](TcpConnection& c, std::string_view) { c.send("got it"); };
  }
  /// The handshake is done and the beginning of the message is there.
  void begin(World& world, Client& client) {
    client.send(hello());
    ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
    const std::uint64_t before = world.first().bytesRead();
    client.send(start());
    ASSERT_TRUE(world.until([&] { return world.first().bytesRead() == before + start().size(); }));
    world.tickAfter(0ms);
  }
  std::string start() const {
    const std::string whole = frame(opcode::text, std::string(100, 'x'));
    if (std::string_view(GetParam()) == "Frame") return whole.substr(0, 50);
    return frame(opcode::text, std::string(100, 'x'), false);  // the first fragment, and no other
  }
  Worker worker;
  const std::string slow = closed(1008, "the message comes too slowly");
};

TEST_P(UnfinishedMessage, ThatFallsSilentEndsTheConnection) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(29s);
  world.settle();
  EXPECT_EQ(after101(client), "");
  world.tickAfter(31s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), slow);
}

TEST_P(UnfinishedMessage, HasNoLimitWhereTheLimitIsOff) {
  worker.bodyTimeout = 0ms;
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(48h);
  world.settle();
  EXPECT_EQ(after101(client), "");
}

TEST_P(UnfinishedMessage, OfAPausedConnectionIsNotItsPeersFault) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.first().pauseRecv();
  world.tickAfter(100s);
  world.first().resumeRecv();
  world.tickAfter(101s);
  world.tickAfter(120s);
  world.settle();
  EXPECT_EQ(after101(client), "") << "its time began anew";
  world.tickAfter(132s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), slow);
}

TEST_P(UnfinishedMessage, EachMessageHasItsOwnTime) {
  World world(worker);
  Client client(world);
  begin(world, client);
  world.tickAfter(20s);
  client.send(std::string_view(GetParam()) == "Frame" ? frame(opcode::text, std::string(100, 'x')).substr(50)
                                                      : frame(opcode::continuation, "end"));
  ASSERT_TRUE(world.until([&] { return after101(client) == text("got it"); }));
  client.send(start());
  ASSERT_TRUE(world.until(
      [&] { return world.first().getRecvBufferQueueSize() > 0 || std::string_view(GetParam()) != "Frame"; }));
  world.tickAfter(25s);
  world.tickAfter(50s);
  world.settle();
  EXPECT_EQ(after101(client), text("got it"));
}

INSTANTIATE_TEST_SUITE_P(In, UnfinishedMessage, ::testing::Values("Frame", "Fragments"),
                         [](const auto& one) { return std::string(one.param); });

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

TEST(WebSocketConnection, CloseWithCodeAndReason) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view how) {
    if (how == "code") c.close(websocket::Close{4001, "enough"});
    if (how == "plain") c.close();
    if (how == "words") c.close("bye");
    if (how == "sent") {
      c.send(websocket::Close{4002, "sent"});
      EXPECT_EQ(c.send("after the Close"), SendStatus::dropped);
    }
  };
  World world(worker);
  const std::pair<std::string, std::string> table[] = {{"code", closed(4001, "enough")},
                                                       {"plain", closed(1000)},
                                                       {"words", text("bye") + closed(1000)},
                                                       {"sent", closed(4002, "sent")}};
  for (const auto& [how, expected] : table) {
    Client client(world);
    client.send(hello() + frame(opcode::text, how));
    ASSERT_TRUE(world.until([&, expected = expected] { return after101(client).size() >= expected.size(); }));
    client.send(closeFrame(1000));
    world.until([&] { return client.ended(); });
    EXPECT_EQ(after101(client), expected) << how;
  }
}

TEST(WebSocketConnection, ACloseThatIsNotAnsweredIsNotWaitedForLongerThanLingerTimeout) {
  Worker worker("websocket://127.0.0.1:0");
  worker.bodyTimeout = 0s;
  int messages = 0, closes = 0;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    if (++messages == 1) c.send(websocket::Close{4002, "sent"});
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "close"));
  ASSERT_TRUE(world.until([&] { return after101(client) == closed(4002, "sent"); }));
  world.tickAfter(1s);
  client.send(frame(opcode::text, "on its way") + frame(opcode::ping, ""));
  ASSERT_TRUE(world.until([&] { return messages == 2; })) << "what the peer had to say is heard meanwhile";
  EXPECT_FALSE(client.ended());
  world.tickAfter(3s);  // whatever came: it buys no time
  ASSERT_TRUE(world.until([&] { return client.ended(); }));
  EXPECT_EQ(closes, 0);
  world.tickAfter(6s);
  world.until([&] { return closes == 1; });
}

TEST(WebSocketConnection, ACloseIsNotMissedWhileItIsNotReadFrom) {
  Worker worker("websocket://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view) {
    c.send(websocket::Close{});
    c.pauseRecv();
  };
  bool bye = false;
  worker.onWebSocketClose = [&](TcpConnection&, const websocket::Close&) { bye = true; };
  World world(worker);
  Client client(world);
  client.send(hello() + frame(opcode::text, "close"));
  ASSERT_TRUE(world.until([&] { return after101(client) == closed(1000); }));
  client.send(closeFrame(1000));
  for (int i = 1; i < 4; ++i) world.tickAfter(i * 5s);
  world.settle();
  ASSERT_FALSE(client.ended());
  world.first().resumeRecv();
  world.until([&] { return bye; });
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

TEST(WebSocketConnection, AStopSaysGoingAway) {
  Worker worker("websocket://127.0.0.1:0");
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return client.received.ends_with("\r\n\r\n"); }));
  world.process().stop(0, false);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(after101(client), closed(1001));
  client.close();
  world.until([&] { return world.process().done(); });
}

}  // namespace
}  // namespace artel::testing
