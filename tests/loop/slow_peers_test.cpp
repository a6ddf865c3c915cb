// Peers that send too slowly or take too little: they end, in time and with their memory; others do not notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/platform.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

/// Beyond any limit: where a write is seen only when all of it is done, large ones get time by their size.
constexpr std::chrono::hours ages{48};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Sends a byte now and then, until the peer has had enough.
void drip(World& world, Client& client) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!client.ended() && std::chrono::steady_clock::now() < end) {
    client.send("x");
    world.forTime(5ms);
    world.tickAfter(0ms);
  }
  EXPECT_TRUE(client.ended()) << "each byte bought it new time";
}

// ---- what comes slowly ----------------------------------------------------------------------------------------------

TEST(SlowPeers, AHeaderByteByByteIsCutInTotalTime) {
  Worker worker("http://127.0.0.1:0");
  worker.headerTimeout = 300ms;  // the real clock
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nX: ");
  drip(world, client);
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 408 ")) << client.received;
}

TEST(SlowPeers, ALineByteByByteIsCutInTotalTime) {
  Worker worker("text://127.0.0.1:0");
  worker.headerTimeout = 300ms;
  worker.onMessage = [](TcpConnection&, std::string_view) {};
  World world(worker);
  Client client(world);
  drip(world, client);
}

/// Blocked for longer than a timeout: what was sent meanwhile is heard first, however many it comes from.
TEST(SlowPeers, NobodyIsSilentWhoWasNotHeard) {
  constexpr std::size_t count = 700;  // more than one look finds
  if (platform::raiseOpenFiles(2 * count + 100) < 2 * count + 100) GTEST_SKIP() << "too few open files are allowed";
  Worker worker("tcp://127.0.0.1:0");
  worker.maxConnections = count;
  worker.idleTimeout = 2s;
  std::size_t heard = 0;
  worker.onMessage = [&](TcpConnection&, std::string_view) { ++heard; };
  World world(worker);
  const auto clients = manyClients(world, count);
  ASSERT_EQ(worker.connections().size(), count);
  ASSERT_TRUE(world.until(
      [&] { return std::all_of(clients.begin(), clients.end(), [](const auto& one) { return one->connected(); }); }));
  for (const auto& client : clients) client->send("here");
  std::this_thread::sleep_for(2600ms);
  EXPECT_TRUE(world.until([&] { return heard >= count; }, 1s)) << heard;
  EXPECT_EQ(worker.connections().size(), count);
  world.until([&] { return worker.connections().empty(); }, 10s);  // now they are
}

TEST(SlowPeers, TheLongestBodyTimeoutIsNone) {
  Worker worker("http://127.0.0.1:0");
  worker.bodyTimeout = std::chrono::milliseconds::max();
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("got it"); };
  World world(worker);
  Client client(world);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
  world.settle();
  world.tickAfter(20h);
  world.settle();
  client.send("67890");
  EXPECT_TRUE(world.until([&] { return client.received.ends_with("got it"); })) << client.received;
}

TEST(SlowPeers, ARateThatNoLineCarriesIsARateAllTheSame) {
  Worker worker("http://127.0.0.1:0");
  worker.bodyTimeout = 300ms;
  worker.minRate = static_cast<std::size_t>(-1);
  World world(worker);
  Client client(world);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  drip(world, client);
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 408 ")) << client.received;
}

/// One body that does not come to its end, whatever tells its size.
class SlowBody : public ::testing::TestWithParam<const char*> {
 protected:
  SlowBody() : worker("http://127.0.0.1:0") {
    worker.onMessage = [this](TcpConnection& c, const http::Request& r) {
      body = r.rawBody();
      c.send("got it");
    };
  }
  std::string head() const { return std::string("POST / HTTP/1.1\r\nHost: x\r\n") + GetParam(); }
  bool chunked() const { return has(GetParam(), "chunked"); }
  Worker worker;
  std::string body;
};

TEST_P(SlowBody, ThatFallsSilentIsAnswered408) {
  World world(worker);
  Client client(world);
  client.send(head() + std::string(90'000, 'x'));
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() > 90'000; }));
  world.tickAfter(20s);
  world.settle();
  EXPECT_FALSE(client.ended()) << "more than headerTimeout, less than bodyTimeout";
  world.tickAfter(31s);  // what came before buys no silence
  EXPECT_EQ(world.first().getRecvBufferQueueSize(), 0u) << "its memory goes at once";
  ASSERT_TRUE(world.until([&] { return client.ended(); }));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 408 ")) << client.received;
  EXPECT_TRUE(has(client.received, "\r\nConnection: close\r\n"));
  EXPECT_EQ(worker.totalRequests(), 0u);
}

TEST_P(SlowBody, ByteByByteIsCutInTotalTime) {
  worker.bodyTimeout = 500ms;
  worker.minRate = 100'000;
  World world(worker);
  Client client(world);
  client.send(head());
  drip(world, client);
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 408 ")) << client.received;
}

TEST_P(SlowBody, ThatIsFastEnoughHasAllTheTimeItNeeds) {
  worker.bodyTimeout = 1s;
  World world(worker);
  Client client(world);
  client.send(head());
  const auto start = std::chrono::steady_clock::now();
  auto last = start;
  bool held = false;  // the machine, not the client, was slow: that is not what is tried here
  for (int piece = 0; piece < 100; ++piece) {
    client.send(std::string(1000, 'x'));
    world.forTime(15ms);
    world.tickAfter(0ms);
    const auto now = std::chrono::steady_clock::now();
    held = held || now - std::exchange(last, now) > 500ms;
  }
  if (held) GTEST_SKIP() << "this machine stood still for half a second";
  EXPECT_GT(last - start, worker.bodyTimeout);
  if (chunked()) client.send("\r\n0\r\n\r\n");
  world.until([&] { return has(client.received, "got it"); });
  EXPECT_EQ(body, std::string(100'000, 'x'));
}

TEST_P(SlowBody, HasItsOwnTimeAfterASlowHeader) {
  worker.bodyTimeout = 1s;
  worker.minRate = 1'000'000;
  World world(worker);
  Client client(world);
  client.send(head().substr(0, 20));
  world.forTime(1200ms);
  client.send(head().substr(20) + "so f");
  ASSERT_TRUE(world.until([&] { return world.first().bytesRead() > head().size(); }));
  world.tickAfter(0ms);
  EXPECT_EQ(world.first().getStatus(), TcpConnection::Status::established);
}

TEST_P(SlowBody, OfAPausedConnectionIsNotItsPeersFault) {
  worker.bodyTimeout = 1s;
  World world(worker);
  Client client(world);
  client.send(head() + "so f");
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() > 0; }));
  world.first().pauseRecv();
  world.forTime(1200ms);
  world.tickAfter(100s);
  world.settle();
  EXPECT_FALSE(client.ended());
  world.first().resumeRecv();
  world.tickAfter(0ms);
  EXPECT_EQ(world.first().getStatus(), TcpConnection::Status::established) << "its time begins anew";
}

TEST_P(SlowBody, HasNoLimitWhereTheLimitIsOff) {
  worker.bodyTimeout = 0ms;
  World world(worker);
  Client client(world);
  client.send(head() + "so f");
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() > 0; }));
  world.tickAfter(ages);
  world.settle();
  EXPECT_FALSE(client.ended());
}

// A chunk as large as the other body, so that all bytes that follow belong to it.
INSTANTIATE_TEST_SUITE_P(SizeBy, SlowBody,
                         ::testing::Values("Content-Length: 100000\r\n\r\n",
                                           "Transfer-Encoding: chunked\r\n\r\n186a0\r\n"),
                         [](const auto& one) { return std::string(one.param[0] == 'C' ? "ContentLength" : "Chunks"); });

TEST(SlowPeers, AFrameWhoseRestDoesNotComeIsDestroyed) {
  Worker worker("frame://127.0.0.1:0");
  worker.onMessage = [](TcpConnection&, std::string_view) {};
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send(std::string("\0\0\0\x64half", 8));
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() == 8; }));
  world.tickAfter(20s);
  world.settle();
  EXPECT_EQ(closes, 0);
  world.tickAfter(31s);
  world.until([&] { return closes == 1; });
}

// ---- who takes too little -------------------------------------------------------------------------------------------

struct Reader {
  const char* name;
  const char* scheme;
  const char* request;  // what makes the worker send
};

constexpr std::size_t sentBytes = 32 * megabyte;

/// A peer that lets 32 MiB wait, in each way that they can.
class SlowReader : public ::testing::TestWithParam<Reader> {
 protected:
  SlowReader()
      : worker(std::string(GetParam().scheme) + "://127.0.0.1:0"),
        file(std::filesystem::path(::testing::TempDir()) /
             ("artel-slow-reader-" + std::string(GetParam().name) + "-" + std::to_string(Worker::processId()))) {
    const std::string bytes(sentBytes, 'x');
    if (std::string_view(GetParam().name) == "HttpFile") std::ofstream(file, std::ios::binary) << bytes;
    if (std::string_view(GetParam().scheme) == "http") {
      worker.onMessage = [this, bytes](TcpConnection& c, const http::Request& r) {
        if (r.path() == "/file")
          c.send(http::Response{}.withFile(file));
        else
          c.send(bytes);
      };
    } else if (std::string_view(GetParam().scheme) == "websocket") {
      worker.onMessage = [](TcpConnection&, std::string_view) {};
      worker.onWebSocketConnected = [bytes](TcpConnection& c, const http::Request&) { c.send(bytes); };
    } else {
      worker.onMessage = [bytes](TcpConnection& c, std::string_view) { c.send(bytes); };
    }
    worker.onError = [this](TcpConnection&, const Error& e) {
      EXPECT_EQ(e.code, Errc::sendFail);
      events += e.message + ", ";
    };
    worker.onClose = [this](TcpConnection&) { events += "closed"; };
  }
  ~SlowReader() override {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }
  /// Until the kernel takes no more and all that remains waits in the process.
  void stall(World& world, Client& client) {
    client.keep(false);
    client.send(GetParam().request);
    readAndStall(world, client, 1);
  }
  /// The client reads that many bytes more, and a little, then nothing.
  void readAndStall(World& world, Client& client, std::size_t more) {
    const std::size_t wanted = client.total() + more;
    client.pauseReadingAt(wanted);
    if (client.connected()) client.resumeReading();
    ASSERT_TRUE(world.until([&] { return client.total() >= wanted; }));
    waitForNothing(world);
    ASSERT_GT(world.first().getSendBufferQueueSize(), 0u);
  }
  /// What was on its way has arrived: nothing is taken any more.
  void waitForNothing(World& world) {
    std::uint64_t before = 0, now = 1;
    while (before != now) {
      before = now;
      world.forTime(50ms);
      now = world.first().bytesWritten() + sentBytes - world.first().getSendBufferQueueSize();
    }
  }
  Worker worker;
  std::filesystem::path file;
  std::string events;
};

TEST_P(SlowReader, ThatTakesNothingIsDestroyedAndItsMemoryComesBack) {
  World world(worker);
  Client client(world);
  stall(world, client);
  const std::weak_ptr<TcpConnection> gone = world.first().weak();
  world.tickAfter(0s);
  world.tickAfter(50s);
  world.settle();
  EXPECT_EQ(events, "");
  world.tickAfter(ages);
  world.until([&] { return worker.connections().empty(); });
  EXPECT_EQ(events, "client takes nothing, closed");
  EXPECT_EQ(worker.sendFails(), 1u);
  world.settle();
  EXPECT_TRUE(gone.expired());
}

TEST_P(SlowReader, ThatTakesItsTimeStays) {
  if (!platform::directIo()) GTEST_SKIP() << "the progress of one large write cannot be seen on this system";
  World world(worker);
  Client client(world);
  stall(world, client);
  world.tickAfter(0s);
  readAndStall(world, client, 12 * megabyte);
  world.tickAfter(50s);
  world.tickAfter(100s);
  world.settle();
  EXPECT_EQ(events, "") << "50 s since it took some";
  world.tickAfter(120s);
  world.until([&] { return events == "client takes nothing, closed"; });
}

TEST_P(SlowReader, ThatTakesTooLittleIsCutInTotalTime) {
  worker.minRate = 100 * megabyte;
  World world(worker);
  Client client(world);
  stall(world, client);
  world.tickAfter(0s);
  readAndStall(world, client, megabyte);
  world.tickAfter(50s);
  world.settle();
  EXPECT_EQ(events, "");
  world.tickAfter(70s);
  world.until([&] { return events == "client takes nothing, closed"; });
}

TEST_P(SlowReader, HasNoLimitWhereTheLimitIsOff) {
  worker.sendTimeout = 0s;
  World world(worker);
  Client client(world);
  stall(world, client);
  world.tickAfter(0s);
  world.tickAfter(ages);
  world.settle();
  EXPECT_EQ(events, "");
}

TEST_P(SlowReader, WhoseConnectionIsClosingGetsHalfAMinute) {
  World world(worker);
  Client client(world);
  stall(world, client);
  world.tickAfter(0s);
  world.first().close();
  world.settle();
  world.tickAfter(20s);
  world.settle();
  EXPECT_EQ(events, "");
  // The rest of a file goes out first: until then it has sendTimeout, as before. One large write has all its time.
  world.tickAfter(std::string(GetParam().name) == "HttpFile" || !platform::directIo() ? ages : 35s);
  world.until([&] { return events == "client takes nothing, closed"; });
}

TEST_P(SlowReader, WithoutAMinRateAnyByteWillDo) {
  if (!platform::directIo()) GTEST_SKIP() << "the progress of one large write cannot be seen on this system";
  worker.minRate = 0;
  worker.sendTimeout = 1'000'000s;  // a byte a second would be a megabyte meanwhile
  World world(worker);
  Client client(world);
  stall(world, client);
  world.tickAfter(0s);
  readAndStall(world, client, 600'000);
  world.tickAfter(600'000s);
  world.tickAfter(1'500'000s);
  world.settle();
  EXPECT_EQ(events, "");
  world.tickAfter(1'700'000s);
  world.until([&] { return events == "client takes nothing, closed"; });
}

constexpr const char* webSocketHello =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(Of, SlowReader,
                         ::testing::Values(Reader{"Raw", "tcp", "x"}, Reader{"Text", "text", "x\n"},
                                           Reader{"Http", "http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
                                           Reader{"HttpFile", "http", "GET /file HTTP/1.1\r\nHost: x\r\n\r\n"},
                                           Reader{"WebSocket", "websocket", webSocketHello}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace artel::testing
