// The wire log: what a connection receives and sends, in the log (row 1.14.4).
#include "src/worker/traffic_log.hpp"

#include <gtest/gtest.h>

#include "src/protocol/websocket_frames.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

/// The log of this process, which goes to standard error.
class Log {
 public:
  Log() { ::testing::internal::CaptureStderr(); }
  ~Log() {
    if (!read_) text();
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  std::string text() {
    read_ = true;
    return ::testing::internal::GetCapturedStderr();
  }

 private:
  bool read_ = false;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(TrafficLog, TheDumpIsBounded) {
  EXPECT_EQ(traffic::dump("AB\n"), "  0000  41 42 0a                                          AB.");
  const std::string two = traffic::dump(std::string(17, 'x'));
  EXPECT_TRUE(has(two, "  0000  78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  xxxxxxxxxxxxxxxx\n  0010  78 "))
      << two;
  const std::string cut = traffic::dump(std::string(1000, 'x'), 32);
  EXPECT_TRUE(has(cut, "\n  ... and 968 bytes more")) << cut;
  EXPECT_FALSE(has(cut, "0020")) << cut;
  EXPECT_EQ(traffic::dump(""), "");
}

TEST(TrafficLog, AWorkersConnectionsAreLoggedInBothDirections) {
  Worker worker("text://127.0.0.1:0");
  worker.logTraffic = true;
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send("<" + std::string(line) + ">"); };
  World world(worker);
  Log log;
  Client client(world);
  client.send("hi\n");
  world.until([&] { return client.received == "<hi>\n"; });
  const std::string text = log.text();
  const std::string who = "#" + std::to_string(world.first().id()) + " 127.0.0.1:";
  EXPECT_TRUE(has(text, "info  ")) << text;
  EXPECT_TRUE(has(text, who)) << text;
  const auto received = text.find(" received 3 bytes\n  0000  68 69 0a "),
             sent = text.find(" sent 5 bytes\n  0000  3c ");
  EXPECT_NE(received, std::string::npos) << text;
  EXPECT_NE(sent, std::string::npos) << text;
  EXPECT_LT(received, sent);
  EXPECT_TRUE(has(text, "<hi>.")) << text;
}

TEST(TrafficLog, OneConnectionFromNowOnAndNoLonger) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) {
    if (line == "on") c.logTraffic(true);
    if (line == "off") c.logTraffic(false);
    c.send(line);
  };
  World world(worker);
  Client one(world), other(world);
  Log log;
  const auto say = [&](Client& client, const std::string& line) {
    const std::size_t before = client.received.size();
    client.send(line + "\n");
    world.until([&] { return client.received.size() == before + line.size() + 1; });
  };
  say(one, "first");
  say(other, "other");
  say(one, "on");
  say(one, "second");
  say(other, "another");
  say(one, "off");
  say(one, "third");
  const std::string text = log.text();
  EXPECT_TRUE(has(text, " received 7 bytes\n")) << text;
  EXPECT_TRUE(has(text, " sent 7 bytes\n")) << text;
  EXPECT_TRUE(has(text, "second.")) << text;
  for (const char* silent : {"first.", "other.", "another.", "third."}) EXPECT_FALSE(has(text, silent)) << text;
}

TEST(TrafficLog, AWebSocketMessageIsReadableInBothDirections) {
  Worker worker("websocket://127.0.0.1:0");
  worker.logTraffic = true;
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send("echo " + std::string(text)); };
  World world(worker);
  Log log;
  Client client(world);
  client.send(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  world.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
  std::string masked;
  websocket::appendMaskedFrame(masked, websocket::opcode::text, "secret", 0x01020304);
  client.send(masked);
  world.until([&] { return client.received.find("echo secret") != std::string::npos; });
  const std::string text = log.text();
  EXPECT_TRUE(has(text, "GET / HTTP/1.1..")) << text;
  EXPECT_TRUE(has(text, "HTTP/1.1 101 Swi")) << text;
  EXPECT_TRUE(has(text, " message of 6 bytes\n  0000  73 65 63 72 65 74 ")) << text;
  EXPECT_TRUE(has(text, "echo secret")) << text;
}

TEST(TrafficLog, WhatTheKernelTakesLaterIsLoggedOnce) {
  Worker worker("tcp://127.0.0.1:0");
  worker.logTraffic = true;
  const std::string much(8 * 1024 * 1024, 'm');
  worker.onConnect = [&](TcpConnection& c) {
    c.maxSendBufferSize = 16 * 1024 * 1024;
    c.send(much);
  };
  World world(worker);
  Log log;
  Client client(world);
  world.until([&] { return client.received.size() == much.size(); }, 30s);
  const std::string text = log.text();
  EXPECT_TRUE(has(text, " sent 8388608 bytes\n")) << text.substr(0, 1000);
  EXPECT_EQ(text.find(" sent "), text.rfind(" sent ")) << text.substr(0, 1000);
}

TEST(TrafficLog, Datagrams) {
  Worker worker("udp://127.0.0.1:0");
  worker.logTraffic = true;
  worker.onMessage = [](UdpConnection& c, std::string_view data) { c.send("re " + std::string(data)); };
  World world(worker);
  Log log;
  Datagrams client(world);
  client.send("hi");
  world.until([&] { return !client.received.empty(); });
  const std::string text = log.text();
  EXPECT_TRUE(has(text, "127.0.0.1:")) << text;
  EXPECT_TRUE(has(text, " received 2 bytes\n  0000  68 69 ")) << text;
  EXPECT_TRUE(has(text, " sent 5 bytes\n")) << text;
}

TEST(TrafficLog, TheLevelTraceIsForAll) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  Log log;
  log::setLevel(log::Level::trace);
  {
    World world(worker);
    Client client(world);
    client.send("hi\n");
    world.until([&] { return client.received == "hi\n"; });
  }
  log::setLevel(log::Level::info);
  EXPECT_TRUE(has(log.text(), " received 3 bytes\n"));
}

}  // namespace
}  // namespace artel::testing
