// Datagrams (manual 1.16.28).
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Udp, EchoOverBothFamilies) {
  for (const char* host : {"127.0.0.1", "[::1]"}) {
    Worker worker("udp://" + std::string(host) + ":0");
    std::string from;
    int connects = 0;
    worker.onConnect = [&](TcpConnection&) { ++connects; };
    worker.onMessage = [&](UdpConnection& c, std::string_view data) {
      EXPECT_EQ(c.send(data), SendStatus::sent);
      from = c.getRemoteAddress();
      EXPECT_EQ(c.worker(), &worker);
    };
    World world(worker);
    Datagrams client(world, host[0] == '[' ? "::1" : host);
    client.send("hi");
    client.send("");
    client.send(std::string("\0\n", 2));
    world.until([&] { return client.received.size() == 3; });
    EXPECT_EQ(client.received, (std::vector<std::string>{"hi", "", std::string("\0\n", 2)}));
    EXPECT_EQ(from.rfind(std::string(host) + ":", 0), 0u) << from;
    EXPECT_EQ(worker.totalRequests(), 3u);
    EXPECT_EQ(connects, 0);
    EXPECT_TRUE(worker.connections().empty());
  }
}

TEST(Udp, ACopyAnswersLaterAndOutlivesTheListener) {
  Worker worker("udp://127.0.0.1:0");
  std::unique_ptr<UdpConnection> kept;
  worker.onMessage = [&](UdpConnection& c, std::string_view) {
    kept = std::make_unique<UdpConnection>(c);
    Timer::delay(0.005, [copy = c]() mutable { copy.send("later"); });
  };
  {
    World world(worker);
    Datagrams client(world);
    client.send("?");
    world.until([&] { return client.received == std::vector<std::string>{"later"}; });
    worker.unlisten();
    world.settle();
    EXPECT_EQ(kept->send("gone"), SendStatus::dropped);
  }
  EXPECT_EQ(kept->send("gone"), SendStatus::dropped);
  EXPECT_EQ(kept->getRemoteIp(), "127.0.0.1");
  EXPECT_EQ(kept->worker(), nullptr);
}

TEST(Udp, CloseIsHarmless) {
  Worker worker("udp://127.0.0.1:0");
  worker.onMessage = [](UdpConnection& c, std::string_view data) {
    if (data == "words") c.close("bye");
    c.close();
    EXPECT_FALSE(c.closing());
    c.send("still here");
  };
  World world(worker);
  Datagrams client(world);
  client.send("words");
  client.send("?");
  world.until([&] { return client.received.size() == 3; });
  EXPECT_EQ(client.received, (std::vector<std::string>{"bye", "still here", "still here"}));
}

TEST(Udp, OversizeIsDropped) {
  Worker worker("udp://127.0.0.1:0");
  worker.onMessage = [](UdpConnection& c, std::string_view) {
    EXPECT_EQ(c.send(std::string(65508, 'x')), SendStatus::dropped);
    EXPECT_EQ(c.sendRaw(std::string(70'000, 'x')), SendStatus::dropped);
    EXPECT_EQ(c.send(http::Response{}), SendStatus::dropped);
    EXPECT_EQ(c.send("ok"), SendStatus::sent);
  };
  World world(worker);
  Datagrams client(world);
  client.send("?");
  world.until([&] { return client.received == std::vector<std::string>{"ok"}; });
  EXPECT_EQ(worker.sendFails(), 3u);
}

TEST(Udp, TextOverIt) {
  Worker worker("text://127.0.0.1:0");
  worker.transport = "udp";
  std::vector<std::string> lines;
  worker.onMessage = [&](UdpConnection& c, std::string_view line) {
    lines.emplace_back(line);
    c.send(line);
  };
  World world(worker);
  Datagrams client(world);
  client.send("a\nb\r\nno end");
  client.send("c\n");
  world.until([&] { return client.received.size() == 3; });
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(client.received, (std::vector<std::string>{"a\n", "b\n", "c\n"}));
}

TEST(Udp, APacketBeyondTheLimitIsDropped) {
  for (const char* scheme : {"text", "frame"}) {
    Worker worker(std::string(scheme) + "://127.0.0.1:0");
    worker.transport = "udp";
    std::vector<std::size_t> sizes;
    worker.onMessage = [&](UdpConnection&, std::string_view message) { sizes.push_back(message.size()); };
    const std::size_t before = std::exchange(TcpConnection::defaultMaxPackageSize, 100);
    World world(worker);
    Datagrams client(world);
    const auto packet = [&](std::size_t size) {
      const auto whole = static_cast<char>(size + 4);
      return scheme[0] == 't' ? std::string(size, 'x') + "\n"
                              : std::string("\0\0\0", 3) + whole + std::string(size, 'x');
    };
    client.send(packet(110));
    client.send(packet(90));
    world.until([&] { return !sizes.empty(); });
    EXPECT_EQ(sizes, std::vector<std::size_t>{90}) << scheme;
    EXPECT_EQ(worker.protocolErrors(), 1u) << scheme;
    TcpConnection::defaultMaxPackageSize = before;
  }
}

TEST(Udp, OneHandlerServesBothKinds) {
  const auto handler = [](Connection& c, std::string_view data) { c.send(data); };
  Worker datagrams("udp://127.0.0.1:0"), streams("tcp://127.0.0.1:0");
  datagrams.onMessage = handler;
  streams.onMessage = handler;
  {
    World world(datagrams);
    Datagrams client(world);
    client.send("u");
    world.until([&] { return client.received.size() == 1; });
  }
  World world(streams);
  Client client(world);
  client.send("t");
  world.until([&] { return client.received == "t"; });
}

TEST(Udp, AtMostThirtyTwoALook) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv looks";
  Worker worker("udp://127.0.0.1:0");
  int messages = 0;
  worker.onMessage = [&](UdpConnection&, std::string_view) { ++messages; };
  World world(worker);
  Datagrams client(world);
  for (int i = 0; i < 70; ++i) client.send("x");
  int most = 0;
  world.until([&] {
    const int before = messages;
    world.settleOnce();
    most = std::max(most, messages - before);
    return messages == 70;
  });
  EXPECT_GT(most, 0);
  EXPECT_LE(most, 32);
}

TEST(Udp, WhatIsIllegalIsLogged) {
  Worker worker("frame://127.0.0.1:0");
  worker.transport = "udp";
  worker.onMessage = [](UdpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Datagrams client(world);
  ::testing::internal::CaptureStderr();
  client.send(std::string("\0\0\0\3", 4));
  client.send(std::string("\0\0\0\5x", 5));
  world.until([&] { return client.received.size() == 1; });
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("frame length is less than its own four bytes"),
            std::string::npos);
}

TEST(Udp, AnExceptionInInputDropsTheDatagramOnly) {
  struct Moody {
    using Message = std::string_view;
    Input input(std::string_view bytes, Peer&) {
      if (bytes[0] == '!') throw std::runtime_error("moody");
      return Input::packet(bytes.size());
    }
    std::string_view decode(std::string_view packet, Peer&) { return packet; }
    void encode(std::string_view message, Peer&, std::string& out) { out += message; }
  };
  Worker worker("udp://127.0.0.1:0");
  worker.protocol = protocol<Moody>();
  worker.onMessage = [](UdpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Datagrams client(world);
  client.send("!");
  client.send("ok");
  world.until([&] { return client.received == std::vector<std::string>{"ok"}; });
}

/// Datagrams are no connections, but they wear a process out, too: somebody has to look.
TEST(Udp, WithMaxRequestsTheProcessLooksOnceASecond) {
  Worker worker("udp://127.0.0.1:0");
  worker.maxRequests = 1000;
  World world(worker);
  ::testing::internal::CaptureStderr();
  worker.name = "other";  // what it warns of when it looks
  world.forTime(1500ms);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("are read before runAll"), std::string::npos);
}

}  // namespace
}  // namespace artel::testing
