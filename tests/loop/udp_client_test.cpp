// AsyncUdpConnection (manual 1.11).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <utility>

#include "artel/udp.hpp"
#include "src/net/loop.hpp"
#include "src/net/resolver.hpp"
#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ClientPtr = std::shared_ptr<AsyncUdpConnection>;

struct Pair {
  explicit Pair(const std::string& host = "127.0.0.1") : server("udp://" + host + ":0"), world(server) {
    server.onMessage = [this](UdpConnection& from, std::string_view text) {
      got.emplace_back(text);
      peerPort = from.getRemotePort();
      from.send("re " + std::string(text));
    };
    client = AsyncUdpConnection::to("udp://127.0.0.1:" + std::to_string(world.port()));
    client->onConnect = [this](AsyncUdpConnection&) { events.push_back("connect"); };
    client->onClose = [this](AsyncUdpConnection&) { events.push_back("close"); };
    client->onMessage = [this](AsyncUdpConnection&, std::string_view text) { events.emplace_back(text); };
  }
  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
  std::vector<std::string> got, events;
  std::uint16_t peerPort = 0;
  Worker server;
  World world;
  ClientPtr client;
};

TEST(UdpClient, PingPong) {
  Pair p;
  p.client->connect();
  EXPECT_TRUE(p.events.empty());
  p.client->connect();  // no effect
  EXPECT_EQ(p.client->send("hello"), SendStatus::sent);
  p.world.until([&] { return p.has("re hello"); });
  EXPECT_THAT(p.events, ElementsAre("connect", "re hello"));
  EXPECT_EQ(p.client->getRemoteIp(), "127.0.0.1");
  EXPECT_EQ(p.client->getRemotePort(), p.world.port());
  EXPECT_EQ(p.client->getLocalPort(), p.peerPort);
  EXPECT_EQ(p.client->worker(), nullptr);
  p.client->close("bye");
  EXPECT_TRUE(p.client->closing());
  p.world.until([&] { return p.got.size() == 2 && p.has("close"); });
  p.world.settle();
  EXPECT_THAT(p.got, ElementsAre("hello", "bye"));
  EXPECT_THAT(p.events, ElementsAre("connect", "re hello", "close"));  // the answer to "bye" came too late
  EXPECT_EQ(p.client->send("x"), SendStatus::dropped);
  p.client->connect();  // a closed one stays closed
  p.client->close();
  p.world.settle();
  EXPECT_EQ(p.events.size(), 3u);
}

TEST(UdpClient, SendConnects) {
  Pair p;
  EXPECT_EQ(p.client->send("a"), SendStatus::sent);
  p.world.until([&] { return p.has("re a"); });
}

TEST(UdpClient, AHandlerSetLaterIsUsed) {
  Pair p;
  p.client->onMessage = nullptr;
  p.client->connect();
  p.world.settle();
  p.client->onMessage = [&](Connection&, const std::string& text) { p.events.push_back("late " + text); };
  p.client->send("x");
  p.world.until([&] { return p.has("late re x"); });
}

TEST(UdpClient, SizesAtTheLimit) {
  Pair p;
  std::size_t size = 0;
  p.server.onMessage = [&](UdpConnection&, std::string_view text) { size = text.size(); };
  EXPECT_EQ(p.client->send(std::string(65508, 'x')), SendStatus::dropped);
  EXPECT_EQ(p.client->send(std::string(65507, 'x')), SendStatus::sent);
  p.world.until([&] { return size == 65507; });
}

TEST(UdpClient, AnsweredByNobodyItStaysUsable) {
  Pair p;
  p.server.unlisten();
  p.world.settle();
  p.client->connect();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(p.client->send("x"), SendStatus::sent) << i;
    p.world.settle();
  }
}

TEST(UdpClient, ANameAndWhatIsSentBeforeItIsKnown) {
  Pair p("localhost");  // its first address, whichever that is
  const auto c = AsyncUdpConnection::to("udp://localhost:" + std::to_string(p.world.port()));
  c->connect();
  const auto status = c->send("early");
  EXPECT_EQ(status, SendStatus::queued);
  p.world.until([&] { return !p.got.empty(); });
  EXPECT_THAT(p.got, ElementsAre("early"));
  std::string error;
  const auto nobody = AsyncUdpConnection::to("udp://" + std::string(70, 'a') + ".invalid:9");
  nobody->onError = [&](AsyncUdpConnection&, const Error& e) { error = e.message; };
  nobody->connect();
  p.world.until([&] { return !error.empty(); });
  EXPECT_THAT(error, HasSubstr("does not resolve"));
}

TEST(UdpClient, PacketsOfAProtocol) {
  Pair p;
  Worker server("text://127.0.0.1:0");
  server.transport = "udp";
  server.onMessage = [](UdpConnection& from, std::string_view line) {
    from.send("1" + std::string(line));
    from.sendRaw("a\nb\nincomplete");
  };
  server.listen();
  std::vector<std::string> lines;
  const auto c = AsyncUdpConnection::to("text://127.0.0.1:" + std::to_string(server.core().address.port));
  c->onMessage = [&](AsyncUdpConnection&, std::string_view line) { lines.emplace_back(line); };
  c->send("x");
  p.world.until([&] { return lines.size() == 3; });
  EXPECT_THAT(lines, ElementsAre("1x", "a", "b"));
  c->close();
}

/// Else the next datagram would be read behind its end.
TEST(UdpClient, WhatADatagramLeftUnfinishedIsForgotten) {
  Pair p;
  p.server.onMessage = [&](UdpConnection& from, std::string_view) {
    for (const char* datagram : {"abc", "x\n", "abc", "a\nb\n"}) from.send(datagram);
  };
  p.client->protocol = "text";
  p.client->send("go");
  p.world.until([&] { return p.events.size() == 4; });
  EXPECT_THAT(p.events, ElementsAre("connect", "x", "a", "b"));
}

TEST(UdpClient, AThousandRoundsKeepNothing) {
  Pair p;
  std::weak_ptr<AsyncUdpConnection> last;
  const std::size_t before = openDescriptors();
  int closed = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto c = AsyncUdpConnection::to("udp://127.0.0.1:" + std::to_string(p.world.port()));
    c->onMessage = [c](AsyncUdpConnection&, std::string_view answer) {  // a circle, which close() cuts
      EXPECT_EQ(answer, "re hello");
      c->close();
    };
    c->onClose = [&](AsyncUdpConnection&) { ++closed; };
    c->send("hello");
    last = c;
    if (i % 100 == 99) {
      ASSERT_TRUE(p.world.until([&] { return closed == i + 1; }));
    }
  }
  p.world.settle();
  EXPECT_EQ(p.got.size(), 1000u);
  EXPECT_EQ(openDescriptors(), before);
  EXPECT_TRUE(last.expired());
}

/// Names are looked up as soon as the test lets them.
struct Slow {
  explicit Slow(bool known) {
    net::loop().resolver().answeredBy([asked = asked, known, may = may](const std::string& host, std::uint16_t port) {
      *asked = true;
      may.wait();
      return known ? platform::resolve("127.0.0.1", port, true)
                   : net::Resolver::Answer(Error{Errc::badAddress, "\"" + host + "\" is nobody", 0});
    });
  }
  ~Slow() { tell(); }
  void tell() {
    if (!std::exchange(tells, true)) told.set_value();
  }
  std::promise<void> told;
  std::shared_future<void> may{told.get_future()};
  /// A thread has begun, and opens no files of its own for that any more.
  std::shared_ptr<std::atomic<bool>> asked = std::make_shared<std::atomic<bool>>(false);
  bool tells = false;
};

TEST(UdpClient, WhatWasSentGoesOutAlthoughItIsClosedBeforeTheNameIsKnown) {
  for (const bool known : {true, false}) {
    Pair p;
    Slow names(known);
    auto c = AsyncUdpConnection::to("udp://slow.example:" + std::to_string(p.world.port()));
    int closes = 0, others = 0;
    c->onClose = [&](AsyncUdpConnection&) { ++closes; };
    c->onConnect = [&](AsyncUdpConnection&) { ++others; };
    c->onMessage = [&](AsyncUdpConnection&, std::string_view) { ++others; };
    c->onError = [&](AsyncUdpConnection&, const Error&) { ++others; };
    EXPECT_EQ(c->send("a"), SendStatus::queued);
    c->close("bye");
    EXPECT_EQ(c->send("late"), SendStatus::dropped);
    p.world.until([&] { return closes == 1; });  // it waits for nobody
    const std::weak_ptr<AsyncUdpConnection> weak = c;
    c.reset();
    EXPECT_FALSE(weak.expired());
    p.world.until([&] { return names.asked->load(); });
    const std::size_t before = openDescriptors();
    ::testing::internal::CaptureStderr();
    names.tell();
    p.world.until([&] { return weak.expired() && (!known || p.got.size() == 2); });
    p.world.settle();
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(said.find("sent before close() is lost") == std::string::npos, known) << said;
    EXPECT_EQ(p.got, known ? (std::vector<std::string>{"a", "bye"}) : std::vector<std::string>{});
    EXPECT_EQ(closes, 1);
    EXPECT_EQ(others, 0);
    p.world.until([&] { return openDescriptors() <= before; });  // not at once: a thread may be about to end
  }
}

TEST(UdpClient, ANameServerThatDoesNotAnswerHoldsNobodyUp) {
  Pair p;
  Slow names(false);
  std::string error;
  const auto slow = AsyncUdpConnection::to("udp://slow.example:9"), gone = AsyncUdpConnection::to("udp://b.example:9");
  slow->onError = [&](AsyncUdpConnection&, const Error& e) { error = e.message; };
  gone->onError = slow->onError;
  slow->connect();
  gone->connect();
  gone->close();  // had nothing to say: not looked up any more
  p.client->send("x");
  p.world.until([&] { return p.has("re x"); });  // meanwhile
  EXPECT_EQ(error, "");
  names.tell();
  p.world.until([&] { return !error.empty(); });
  EXPECT_EQ(error, "cannot send datagrams to slow.example:9: \"slow.example\" is nobody");
  p.world.settle();
  EXPECT_THAT(error, HasSubstr("slow.example"));
}

TEST(UdpClient, NotMoreThanAMegabyteWaitsForTheName) {
  Pair p;
  Slow names(false);
  const auto c = AsyncUdpConnection::to("udp://slow.example:9");
  bool failed = false;
  c->onError = [&](AsyncUdpConnection&, const Error&) { failed = true; };
  const std::string datagram(60'000, 'x');
  for (int i = 0; i < 17; ++i) EXPECT_EQ(c->send(datagram), SendStatus::queued) << i;
  EXPECT_EQ(c->send(datagram), SendStatus::dropped);
  EXPECT_EQ(c->send("a small one"), SendStatus::queued);
  std::size_t empty = 0;
  while (empty < 100'000 && c->send("") == SendStatus::queued) ++empty;
  EXPECT_LT(empty, 10'000u) << "they cost memory, too";
  names.tell();
  p.world.until([&] { return failed; });
}

TEST(UdpClient, AFailedConnectIsToldOnceForEachSend) {
  Pair p;
  const auto c = AsyncUdpConnection::to("udp://127.0.0.1:9", "nowhere");
  int errors = 0;
  c->onError = [&](AsyncUdpConnection&, const Error&) { ++errors; };
  EXPECT_EQ(c->send("x"), SendStatus::dropped);
  p.world.settle();
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(c->sendRaw("x"), SendStatus::dropped);
  p.world.settle();
  EXPECT_EQ(errors, 2);
}

TEST(UdpClient, TheEndOfTheProcessCutsCirclesAndOpensNothing) {
  std::weak_ptr<AsyncUdpConnection> weak, late;
  bool told = false;
  {
    Pair p;
    const auto wrong = AsyncUdpConnection::to("udp://127.0.0.1:9", "nowhere");
    wrong->onError = [&](AsyncUdpConnection&, const Error&) {
      const auto another = AsyncUdpConnection::to("udp://127.0.0.1:9");
      late = another;
      another->connect();
      told = true;
    };
    wrong->connect();  // told in a turn that is one of the last
    const auto c = AsyncUdpConnection::to("udp://127.0.0.1:9");
    weak = c;
    c->onMessage = [c](AsyncUdpConnection&, std::string_view) {};
    c->connect();
  }
  EXPECT_TRUE(weak.expired());
  EXPECT_TRUE(told && late.expired());
}

TEST(UdpClient, Refusals) {
  Pair p;
  for (const char* address : {"tcp://127.0.0.1:1", "http://127.0.0.1:1", "ws://127.0.0.1:1", "udp://127.0.0.1",
                              "unix:///x", "nope://127.0.0.1:1", "udp://:1", "udp://[::1", "udp://127.0.0.1:x",
                              "udp://127.0.0.1:0", "udp://127.0.0.1:65536", "127.0.0.1:9", ""})
    EXPECT_THROW(AsyncUdpConnection::to(address), SetupError) << address;
  try {
    AsyncUdpConnection::to("nope://127.0.0.1:1");
  } catch (const SetupError& e) {
    EXPECT_THAT(e.text(), HasSubstr("unknown scheme \"nope\""));
  }
  for (const char* address : {"udp://127.0.0.1:1", "UDP://[::1]:65535", "text://a.example:1", "frame://127.0.0.1:1"})
    EXPECT_NO_THROW(AsyncUdpConnection::to(address)) << address;
  p.client->onMessage = [](TcpConnection&, std::string_view) {};
  EXPECT_THROW(p.client->connect(), std::invalid_argument);
  p.client->onMessage = [](AsyncUdpConnection&, const http::Request&) {};
  EXPECT_THROW(p.client->connect(), std::invalid_argument);
  p.client->onMessage = [](AsyncUdpConnection&, std::string_view) {};
  p.client->protocol = "websocket";
  EXPECT_THROW(p.client->connect(), std::invalid_argument) << "it needs tcp";
  Worker worker("udp://127.0.0.1:0");
  worker.onMessage = [](AsyncUdpConnection&, std::string_view) {};
  EXPECT_THROW(worker.core().resolve(), SetupError);
}

TEST(UdpClient, TheAddressOfThisEnd) {
  Pair p;
  const auto c = AsyncUdpConnection::to("udp://127.0.0.1:" + std::to_string(p.world.port()), "127.0.0.1:0");
  c->send("x");
  EXPECT_EQ(c->getLocalIp(), "127.0.0.1");
  std::string error;
  const auto bad = AsyncUdpConnection::to("udp://127.0.0.1:9", "nowhere");
  bad->onError = [&](AsyncUdpConnection&, const Error& e) { error = e.message; };
  bad->connect();
  p.world.until([&] { return !error.empty(); });
  EXPECT_THAT(error, HasSubstr("bindTo"));
}

}  // namespace
}  // namespace artel::testing
