// The thinnest path of each built-in protocol, in one process.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Echo, Raw) {
  Worker worker("tcp://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view data) { EXPECT_EQ(c.send(data), SendStatus::sent); };
  World world(worker);
  Client client(world);
  client.send("abc");
  world.until([&] { return client.received == "abc"; });
  EXPECT_EQ(worker.totalRequests(), 1u);
  EXPECT_EQ(worker.connections().size(), 1u);
}

TEST(Echo, TextSplitAndGlued) {
  Worker worker("text://127.0.0.1:0");
  std::vector<std::string> lines;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    lines.emplace_back(line);
    c.send(line);
  };
  World world(worker);
  Client client(world);
  client.send("one\r\ntwo\n\nthr");
  world.until([&] { return client.received == "one\ntwo\n\n"; });
  client.send("ee\n");
  world.until([&] { return client.received == "one\ntwo\n\nthree\n"; });
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "", "three"}));
}

TEST(Echo, Http) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& request) {
    c.send("path " + std::string(request.path()));
  };
  World world(worker);
  Client client(world);
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return client.received.find("path /b") != std::string::npos; });
  EXPECT_LT(client.received.find("path /a"), client.received.find("path /b"));
  EXPECT_FALSE(client.ended());
}

TEST(Echo, UnixSocket) {
  if (!capabilities().unixSockets) GTEST_SKIP() << capabilities().whyLimited;
  const std::string path = ::testing::TempDir() + "artel-echo-" + std::to_string(Worker::processId()) + ".sock";
  std::remove(path.c_str());
  Worker worker("unix://" + path);
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Client client(world);
  client.send("abc");
  world.until([&] { return client.received == "abc"; });
  std::remove(path.c_str());
}

TEST(Echo, Udp) {
  Worker worker("udp://127.0.0.1:0");
  worker.onMessage = [](UdpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Datagrams client(world);
  client.send("abc");
  client.send("");
  world.until([&] { return client.received.size() == 2; });
  EXPECT_EQ(client.received, (std::vector<std::string>{"abc", ""}));
}

/// A worker says to its master, which may be root, what to remove.
TEST(Echo, WhatIsNoSocketIsNotRemovedAsOne) {
  const auto file =
      std::filesystem::path(::testing::TempDir()) / ("artel-no-socket-" + std::to_string(Worker::processId()));
  std::ofstream(file) << "precious";
  const std::u8string name = file.u8string();
  const std::string path(name.begin(), name.end());
  EXPECT_EQ(platform::socketIdentity(path), "");
  for (const std::string& identity : {std::string(), platform::fileIdentity(path)}) removeSocketFile(path, identity);
  EXPECT_TRUE(std::filesystem::remove(file)) << "it was there";
}

}  // namespace
}  // namespace artel::testing
