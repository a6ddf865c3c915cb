// Listen addresses (manual 1.8.1, 1.16.29).
#include <gtest/gtest.h>

#include "src/worker/core.hpp"
#include "src/worker/listen_address.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Address, Good) {
  using platform::SocketKind;
  struct Row {
    const char *text, *scheme, *host;
    int port;
    SocketKind kind;
    const char* shown;
  };
  const Row table[] = {
      {"http://0.0.0.0:8080", "http", "0.0.0.0", 8080, SocketKind::tcp, "http://0.0.0.0:8080"},
      {"Text://127.0.0.1:1", "text", "127.0.0.1", 1, SocketKind::tcp, "text://127.0.0.1:1"},
      {"tcp://localhost:65535", "tcp", "localhost", 65535, SocketKind::tcp, "tcp://localhost:65535"},
      {"udp://[::]:0", "udp", "::", 0, SocketKind::udp, "udp://[::]:0"},
      {"websocket://[::1]:80", "websocket", "::1", 80, SocketKind::tcp, "websocket://[::1]:80"},
      {"json2://a.b:7", "json2", "a.b", 7, SocketKind::tcp, "json2://a.b:7"},
      {"unix:///run/a b.sock", "unix", "/run/a b.sock", 0, SocketKind::unixStream, "unix:///run/a b.sock"},
  };
  for (const Row& row : table) {
    const ListenAddress address = parseListenAddress(row.text);
    EXPECT_EQ(address.scheme, row.scheme) << row.text;
    EXPECT_EQ(address.host, row.host) << row.text;
    EXPECT_EQ(address.port, row.port) << row.text;
    EXPECT_EQ(address.kind, row.kind) << row.text;
    EXPECT_EQ(address.text(), row.shown);
  }
  EXPECT_TRUE(parseListenAddress("").none());
  EXPECT_EQ(parseListenAddress("").text(), "none");
}

TEST(Address, Bad) {
  const std::pair<const char*, const char*> table[] = {
      {"0.0.0.0:80", "://"},
      {"://0.0.0.0:80", "scheme"},
      {"1x://0.0.0.0:80", "scheme"},
      {"a-b://0.0.0.0:80", "scheme"},
      {"tcp://", "host"},
      {"tcp://:80", "host"},
      {"tcp://0.0.0.0", "port"},
      {"tcp://0.0.0.0:", "port"},
      {"tcp://0.0.0.0:x", "port"},
      {"tcp://0.0.0.0:-1", "port"},
      {"tcp://0.0.0.0:65536", "port"},
      {"tcp://0.0.0.0:80x", "port"},
      {"tcp://::1:80", "brackets"},
      {"tcp://[::1:80", "]"},
      {"tcp://[::1]80", "':'"},
      {"tcp://[]:80", "host"},
      {"tcp://[[]:80", "no IPv6"},
      {"tcp://[localhost]:80", "no IPv6"},
      {"tcp://a]:80", "bracket"},
      {"unix://", "path"},
      {"unix://run/a.sock", "path"},
      {"tcp://0.0.0.0:999999999999", "port"},
  };
  for (const auto& [text, part] : table) {
    try {
      Worker worker(text);
      ADD_FAILURE() << text;
    } catch (const SetupError& e) {
      EXPECT_EQ(e.exit(), Exit::configuration) << text;
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << "names the address: " << e.what();
      EXPECT_FALSE(e.hints().empty()) << text;
    }
  }
}

TEST(Address, DualStackServesBothFamilies) {
  Worker worker("text://[::]:0");
  std::vector<std::string> ips;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    ips.push_back(c.getRemoteIp());
    EXPECT_EQ(c.isIpV4(), line == "4");
    EXPECT_EQ(c.isIpV6(), line == "6");
    EXPECT_EQ(c.getLocalPort(), c.worker()->core().address.port);
    c.send(line);
  };
  World world(worker);
  Client four(world, 0, "127.0.0.1");
  four.send("4\n");
  world.until([&] { return four.received == "4\n"; });
  Client six(world, 0, "::1");
  six.send("6\n");
  world.until([&] { return six.received == "6\n"; });
  EXPECT_EQ(ips, (std::vector<std::string>{"127.0.0.1", "::1"}));
}

TEST(Address, Ipv6OnlyServesOne) {
  SocketOptions options;
  options.ipv6Only = true;
  Worker worker("text://[::]:0", options);
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  Client six(world, 0, "::1"), four(world, 0, "127.0.0.1");
  six.send("6\n");
  world.until([&] { return six.received == "6\n" && four.ended(); });
  EXPECT_FALSE(four.connected());
}

}  // namespace
}  // namespace artel::testing
