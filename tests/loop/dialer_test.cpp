// Names, and several addresses of one name (RFC 8305).
#include "src/net/dialer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "src/net/loop.hpp"
#include "src/worker/core.hpp"
#include "tests/support/dialling.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A process in which every name has these addresses, once they may be told.
struct Names {
  Names() : world(idle) {}
  ~Names() { tell(); }
  void are(std::vector<std::string> numbers, bool atOnce = true) {
    net::loop().resolver().answeredBy(
        [numbers = std::move(numbers), may = may](const std::string& host, std::uint16_t port) {
          may.wait();
          std::vector<platform::SocketAddress> all;
          for (const auto& number : numbers) all.push_back(platform::resolve(number, port, true)->front());
          if (all.empty()) return net::Resolver::Answer(Error{Errc::badAddress, "\"" + host + "\" is nobody", 0});
          return net::Resolver::Answer(std::move(all));
        });
    if (atOnce) tell();
  }
  void tell() {
    if (!std::exchange(tells, true)) told.set_value();
  }
  AsyncTcpConnectionPtr to(std::uint16_t port, ClientOptions options = {}, const std::string& host = "many.example") {
    auto made = AsyncTcpConnection::to("tcp://" + host + ":" + std::to_string(port), std::move(options));
    made->onConnect = [this](TcpConnection&) { events.push_back("connect"); };
    made->onError = [this](TcpConnection&, const Error& e) { events.push_back("error"), error = e.message; };
    made->onClose = [this](TcpConnection&) { events.push_back("close"); };
    made->connect();
    return made;
  }
  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }

  std::vector<std::string> events;  // before the world, whose end is told, too
  std::string error;
  std::promise<void> told;
  std::shared_future<void> may{told.get_future()};
  bool tells = false;
  Worker idle;
  World world;
};

/// A listener whose queue is full and whom nobody serves answers nothing.
struct Silent {
  explicit Silent(World& world, const std::string& host = "127.0.0.1") {
    const auto made = platform::openListener(platform::SocketKind::tcp, host, 0, {.backlog = 0});
    if (!made) return;
    socket = *made;
    port = platform::boundPort(socket);
    for (auto& one : queue) one = std::make_unique<Client>(world, port);
    world.settle();
  }
  ~Silent() { platform::closeSocket(socket); }
  platform::NativeSocket socket = platform::noSocket;
  std::uint16_t port = 0;
  std::array<std::unique_ptr<Client>, 3> queue;
};

TEST(Dialer, AnAddressThatDoesNotAnswerIsWaitedForAQuarterOfASecond) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv listens here, and a listener without it refuses at once";
  Names names;
  const Silent silent(names.world);
  const auto open = platform::openListener(platform::SocketKind::tcp, "127.0.0.2", silent.port, {.backlog = 8});
  ASSERT_TRUE(open);
  names.are({"127.0.0.1", "127.0.0.2"});
  const std::size_t before = openDescriptors();
  const auto begin = std::chrono::steady_clock::now();
  const auto c = names.to(silent.port);
  names.world.until([&] { return names.has("connect") || names.has("close"); });
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(c->getRemoteIp(), "127.0.0.2");
  EXPECT_GE(took, net::Dialer::nextAfter - 10ms);  // timers count whole milliseconds
  EXPECT_LT(took, 2500ms);
  EXPECT_EQ(openDescriptors(), before + 1) << "the socket of the first is closed";
  platform::closeSocket(*open);
}

TEST(Dialer, AnAddressThatRefusesIsNotWaitedFor) {
  if (!platform::directIo()) GTEST_SKIP() << "Windows asks three times before it believes a refusal";
  Names names;
  const auto open = platform::openListener(platform::SocketKind::tcp, "127.0.0.1", 0, {.backlog = 8});
  ASSERT_TRUE(open);
  std::vector<std::string> numbers;
  for (int i = 2; i < 12; ++i) numbers.push_back("127.0.0." + std::to_string(i));
  numbers.push_back("127.0.0.1");
  names.are(numbers);
  const std::size_t before = openDescriptors();
  const auto begin = std::chrono::steady_clock::now();
  const auto c = names.to(platform::boundPort(*open));
  names.world.until([&] { return names.has("connect") || names.has("close"); });
  EXPECT_EQ(c->getRemoteIp(), "127.0.0.1") << names.error;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8 * net::Dialer::nextAfter) << "ten have refused";
  EXPECT_EQ(openDescriptors(), before + 1);
  platform::closeSocket(*open);
}

TEST(Dialer, TheFamiliesTakeTurnsAndOneErrorNamesAllAddresses) {
  if (!platform::directIo()) GTEST_SKIP() << "IPv4 addresses in those of IPv6 are something else there";
  const auto six = platform::openListener(platform::SocketKind::tcp, "::1", 0, {});
  if (!six) GTEST_SKIP() << "no IPv6 here: " << six.error().message;
  platform::closeSocket(*six);
  Names names;
  const std::uint16_t port = closedPort();
  names.are({"::1", "::ffff:127.0.0.2", "127.0.0.3", "127.0.0.4"});
  names.to(port);
  names.world.until([&] { return names.has("close"); });
  names.world.settle();
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr("cannot connect to many.example:" + std::to_string(port) + " after "));
  EXPECT_THAT(names.error, HasSubstr(" s: ::1, 127.0.0.3, ::ffff:127.0.0.2, 127.0.0.4: connection refused (111"));
}

TEST(Dialer, EachReasonStandsWithItsAddresses) {
  if (!platform::directIo()) GTEST_SKIP() << "it has another error for that";
  Names names;
  names.are({"127.0.0.2", "255.255.255.255", "127.0.0.3"});
  names.to(closedPort());
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.error, HasSubstr("127.0.0.2, 127.0.0.3: connection refused"));
  EXPECT_THAT(names.error, HasSubstr("; 255.255.255.255: "));
}

TEST(Dialer, ConnectTimeoutCountsForAllAddressesTogether) {
  if (!platform::directIo()) GTEST_SKIP() << "a full queue refuses there";
  Names names;
  const Silent silent(names.world, "0.0.0.0");
  names.are({"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7"});
  const std::size_t before = openDescriptors();
  names.to(silent.port, {.connectTimeout = 1200ms});  // all of them would take 1.5 s to be begun with
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr("connecting takes longer than connectTimeout, 1.200 s"));
  EXPECT_EQ(openDescriptors(), before);
}

TEST(Dialer, ATimeoutNamesThoseThatHadFailed) {
  if (!platform::directIo()) GTEST_SKIP() << "a full queue refuses there";
  Names names;
  const Silent silent(names.world);
  names.are({"127.0.0.2", "127.0.0.1"});
  names.to(silent.port, {.connectTimeout = 1200ms});
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.error, HasSubstr("connecting (127.0.0.2: connection refused"));
}

TEST(Dialer, ANameServerThatDoesNotAnswerHoldsNobodyUp) {
  Names names;
  names.are({"127.0.0.1"}, false);
  const auto slow = names.to(1, {.connectTimeout = 30ms}, "slow.example");
  names.world.until([&] { return names.has("close"); });  // the loop goes on
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr("looking up slow.example takes longer than connectTimeout"));
  for (const bool destroy : {true, false}) {  // where it is looked up, and where it waits for its turn
    names.events.clear();
    std::vector<AsyncTcpConnectionPtr> all;
    for (int i = 0; i < 2 * net::Resolver::mostThreads; ++i) all.push_back(names.to(1));
    for (const auto& c : all) destroy ? c->destroy() : c->close();
    names.world.until([&] { return names.events.size() == all.size(); });
    EXPECT_FALSE(names.has("error"));
    const auto weak = all.front()->weak();
    all.clear();
    EXPECT_TRUE(weak.expired());
  }
  names.events.clear();
  names.tell();
  const auto next = names.to(closedPort());  // behind all of them
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr(" s: "));
}

TEST(Dialer, ANameThatNobodyKnows) {
  Names names;
  names.are({});
  names.to(1);
  EXPECT_TRUE(names.events.empty());
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr(" s: \"many.example\" is nobody"));
}

TEST(Dialer, AnswersThatComeAfterTheProcessDisturbNobody) {
  std::promise<void> told;
  {
    Worker idle;
    World world(idle);
    net::loop().resolver().answeredBy([may = told.get_future().share()](const std::string&, std::uint16_t) {
      may.wait();
      return net::Resolver::Answer(Error{Errc::badAddress, "late", 0});
    });
    const auto c = AsyncTcpConnection::to("tcp://slow.example:1");
    c->onClose = [c](TcpConnection& self) { self.dialled()->reconnect(); };
    c->connect();
    world.settle();
  }
  told.set_value();
}

TEST(Dialer, BindToChoosesAmongTheAddresses) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv listens on this system";
  Names names;
  const auto open = platform::openListener(platform::SocketKind::tcp, "127.0.0.1", 0, {.backlog = 8});
  ASSERT_TRUE(open);
  names.are({"::1", "127.0.0.1"});
  const auto c = names.to(platform::boundPort(*open), {.bindTo = "127.0.0.1:0"});
  names.world.until([&] { return names.has("connect") || names.has("close"); });
  EXPECT_EQ(c->getRemoteIp(), "127.0.0.1") << names.error;
  c->destroy();
  names.world.until([&] { return names.has("close"); });
  names.events.clear();
  names.are({"::1"});
  names.to(platform::boundPort(*open), {.bindTo = "127.0.0.1:0"});
  names.world.until([&] { return names.has("close"); });
  EXPECT_THAT(names.error, HasSubstr("it has no address of bindTo's kind (IPv4 or IPv6)"));
  platform::closeSocket(*open);
}

/// What happens by chance to one who asks again and again at a port of the range that the system gives to clients.
TEST(Dialer, AConnectionWithItselfIsNone) {
  Names names;
  const std::uint16_t port = closedPort();
  names.to(port, {.bindTo = "127.0.0.1:" + std::to_string(port)}, "127.0.0.1");
  names.world.until([&] { return names.has("connect") || names.has("close"); });
  EXPECT_THAT(names.events, ElementsAre("error", "close"));
  EXPECT_THAT(names.error, HasSubstr("had reached itself"));
}

}  // namespace
}  // namespace artel::testing
