// What an answer has to be whatever happens: whole or seen not to be, dated, and without a body for HEAD (RFC 9110,
// 9112).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/websocket.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

std::string request(const std::string& method, const std::string& target, const std::string& lines = "Host: x\r\n") {
  return method + " " + target + " HTTP/1.1\r\n" + lines + "\r\n";
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::string bodyOf(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}
std::string statusOf(const std::string& answer) { return answer.substr(0, std::min<std::size_t>(answer.size(), 12)); }
std::string lineOf(const std::string& answer, const std::string& name) {
  const auto at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return answer.substr(from, answer.find("\r\n", from) - from);
}

/// A chunked answer to a client that does not read, of pieces of 100 KB, until one is dropped.
struct Pieces {
  Pieces() {
    worker.onConnect = [](TcpConnection& c) { c.maxSendBufferSize = 1000; };
    worker.onMessage = [this](TcpConnection& c, const http::Request&) {
      c.send(http::Response{.chunked = true});
      while (c.send(http::Chunk{piece(sent)}) != SendStatus::dropped) ++sent;
    };
    worker.onBufferDrain = [this](TcpConnection& c) {
      if (std::exchange(drained, true)) return;
      onDrain(c);
    };
  }
  static std::string piece(int number) { return pattern(100'000, static_cast<std::uint32_t>(number + 1)); }
  /// Sends the request, and reads only after a piece was dropped.
  void run(World& world, Client& client) {
    client.pauseReading();
    client.send(request("GET", "/"));
    world.until([&] { return sent > 0 && worker.totalRequests() == 1; });
    client.resumeReading();
    world.until([&] { return client.ended() || client.received.ends_with("\r\n0\r\n\r\n"); });
  }
  Worker worker{"http://127.0.0.1:0"};
  std::function<void(TcpConnection&)> onDrain;
  int sent = 0;
  bool drained = false;
};

TEST(HttpAnswers, WithAPieceMissingDoNotLookWhole) {
  Pieces pieces;
  std::vector<SendStatus> said;
  pieces.onDrain = [&](TcpConnection& c) {
    said.push_back(c.send(http::Chunk{"another one"}));
    said.push_back(c.send(http::Chunk::last()));
  };
  World world(pieces.worker);
  Client client(world);
  ::testing::internal::CaptureStderr();
  pieces.run(world, client);
  EXPECT_TRUE(has(::testing::internal::GetCapturedStderr(), "an answer is cut off"));
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.received.ends_with("\r\n0\r\n\r\n")) << "a body with a hole that looks whole";
  EXPECT_FALSE(has(client.received, "another one"));
  EXPECT_EQ(said, (std::vector<SendStatus>{SendStatus::dropped, SendStatus::dropped}));
}

TEST(HttpAnswers, ThatEndWithADroppedPieceDoNotLookWhole) {
  Pieces pieces;
  pieces.onDrain = [](TcpConnection& c) { c.send(http::Chunk::last()); };
  World world(pieces.worker);
  Client client(world);
  pieces.run(world, client);
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.received.ends_with("\r\n0\r\n\r\n"));
}

TEST(HttpAnswers, SeveralDroppedPiecesAreNotMendedByOne) {
  Pieces pieces;
  pieces.worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    c.send(http::Response{.chunked = true});
    while (c.send(http::Chunk{Pieces::piece(pieces.sent)}) != SendStatus::dropped) ++pieces.sent;
    EXPECT_EQ(c.send(http::Chunk{"the next"}), SendStatus::dropped);
  };
  pieces.onDrain = [&](TcpConnection& c) {
    c.send(http::Chunk{"the next"});
    c.send(http::Chunk::last());
  };
  World world(pieces.worker);
  Client client(world);
  pieces.run(world, client);
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.received.ends_with("\r\n0\r\n\r\n"));
}

TEST(HttpAnswers, ADroppedPieceThatIsSentAgainIsNotMissing) {
  Pieces pieces;
  pieces.onDrain = [&](TcpConnection& c) {
    EXPECT_NE(c.send(http::Chunk{Pieces::piece(pieces.sent)}), SendStatus::dropped);
    EXPECT_NE(c.send(http::Chunk{"the next"}), SendStatus::dropped);
    EXPECT_NE(c.send(http::Chunk::last()), SendStatus::dropped);
  };
  World world(pieces.worker);
  Client client(world);
  pieces.run(world, client);
  EXPECT_FALSE(client.ended());
  EXPECT_TRUE(client.received.ends_with("\r\n8\r\nthe next\r\n0\r\n\r\n"));
  EXPECT_TRUE(has(client.received, Pieces::piece(pieces.sent))) << "the one that was dropped";
}

/// RFC 9110 section 9.3.2, and section 6.6.1 for the time.
TEST(HttpAnswers, OfOursHaveADateAndNoBodyForHead) {
  Worker pages("http://127.0.0.1:0"), sockets("websocket://127.0.0.1:0");
  pages.onMessage = [](TcpConnection&, const http::Request&) { throw std::runtime_error("for 500"); };
  pages.onWebSocketMessage = [](TcpConnection&, std::string_view) {};
  pages.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  Worker::onException = [](const std::exception_ptr&, Connection*) { return true; };
  struct Reset {
    ~Reset() { Worker::onException = nullptr; }
  } reset;
  const auto check = [](Worker& worker, const std::string& target, const std::string& lines, const char* status) {
    World world(worker);
    std::string answers[2];
    for (const std::string method : {"GET", "HEAD"}) {
      Client client(world);
      client.send(request(method, target, lines));
      ASSERT_TRUE(world.until([&] { return client.ended(); })) << method << " " << lines;
      EXPECT_EQ(statusOf(client.received), status) << method << " " << lines;
      EXPECT_FALSE(lineOf(client.received, "Date").empty()) << client.received;
      EXPECT_GT(std::stoul("0" + lineOf(client.received, "Content-Length")), 0u);
      EXPECT_EQ(bodyOf(client.received).empty(), method == "HEAD") << client.received;
    }
  };
  const std::string upgrade = "Host: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n";
  check(pages, "/", "Host: x\r\nHost: y\r\n", "HTTP/1.1 400");
  check(pages, "/", "Host: x\r\nContent-Length: 1001\r\n", "HTTP/1.1 413");
  check(pages, "/", "Host: x\r\nExpect: the best\r\n", "HTTP/1.1 417");
  check(pages, "/", "Host: x\r\nA: " + std::string(17'000, 'a') + "\r\n", "HTTP/1.1 431");
  check(pages, "/", "Host: x\r\n", "HTTP/1.1 500");
  check(pages, "/", upgrade, "HTTP/1.1 400");
  check(sockets, "/", "Host: x\r\n", "HTTP/1.1 426");
}

TEST(HttpAnswers, OfSlownessHasNoBodyForHeadEither) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("ok"); };
  World world(worker);
  Client client(world);
  client.send("HEAD / HTTP/1.1\r\nHost: x");
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() > 0; }));
  world.tickAfter(11s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 408");
  EXPECT_EQ(bodyOf(client.received), "");
}

/// RFC 9110 section 7.4.
TEST(HttpAnswers, WhatIsAskedForWithHttpsIsNotGivenWithoutIt) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("ok"); };
  {
    World world(worker);
    Client client(world);
    client.send(request("GET", "HTTPS://other.example/a") + request("GET", "http://other.example/a"));
    world.until([&] { return client.received.ends_with("ok"); });
    EXPECT_EQ(statusOf(client.received), "HTTP/1.1 421");
    EXPECT_TRUE(has(client.received, "HTTP/1.1 200")) << "the connection goes on";
  }
  worker.trustedProxies = {"127.0.0.1"};
  World world(worker);
  Client proxy(world);
  proxy.send(request("GET", "https://other.example/a"));
  world.until([&] { return wholeAnswer(proxy.received); });
  EXPECT_EQ(statusOf(proxy.received), "HTTP/1.1 200") << "a proxy that is trusted has taken TLS off";
}

/// RFC 9110 section 8.8.2.1.
TEST(HttpAnswers, AFileOfTomorrowWasModifiedNow) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / ("artel-tomorrow-" + std::to_string(Worker::processId()) + ".txt");
  std::ofstream(path) << "x";
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(24));
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [&](TcpConnection& c, const http::Request&) { c.send(http::Response{}.withFile(path)); };
  World world(worker);
  Client client(world);
  client.send(request("GET", "/"));
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(lineOf(client.received, "Last-Modified"), lineOf(client.received, "Date"));
  EXPECT_FALSE(lineOf(client.received, "Date").empty());
  std::filesystem::remove(path);
}

/// RFC 9112 section 2.2: empty lines before a request are no part of it, so who sends some behind a body is idle.
TEST(HttpAnswers, EmptyLinesBehindABodyBeginNoRequest) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("ok"); };
  World world(worker);
  Client client(world);
  const std::string post = request("POST", "/", "Host: x\r\nContent-Length: 1\r\n") + "a\r\n";
  client.send(post);
  ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
  client.received.clear();
  world.tickAfter(30s);
  world.settle();
  EXPECT_EQ(client.received, "") << "no 408 for a request that nobody has begun";
  EXPECT_FALSE(client.ended());
  world.forTime(3s);
  client.send("GET / HT");  // its time begins now
  ASSERT_TRUE(world.until([&] { return world.first().bytesRead() == post.size() + 8; }));
  world.tickAfter(8s);
  world.settle();
  EXPECT_FALSE(client.ended());
  world.tickAfter(11s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 408");
}

TEST(HttpAnswers, WhoSendsEmptyLinesOnlyIsIdleAndGoesAfterKeepAliveTimeout) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("ok"); };
  World world(worker);
  Client client(world);
  client.send(request("GET", "/"));
  ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
  client.received.clear();
  client.send("\r\n");
  ASSERT_TRUE(world.until([&] { return world.first().bytesRead() == request("GET", "/").size() + 2; }));
  world.tickAfter(61s);
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received, "");
}

/// Who broadcasts to a port that speaks HTTP, too, must not fill the log.
TEST(HttpAnswers, ThatNobodyAskedForHaveOneLineInTheLog) {
  Worker worker("http://127.0.0.1:0");
  int errors = 0;
  worker.onError = [&](TcpConnection&, const Error&) { ++errors; };
  World world(worker);
  Client one(world), two(world);
  ASSERT_TRUE(world.until([&] { return worker.connections().size() == 2; }));
  ::testing::internal::CaptureStderr();
  for (int i = 1; i <= 3; ++i) {
    for (auto& [id, connection] : worker.connections()) EXPECT_EQ(connection->send("news"), SendStatus::dropped);
    world.until([&] { return errors == 2 * i; });
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto at = log.find("a message was dropped");
  EXPECT_NE(at, std::string::npos) << log;
  EXPECT_EQ(log.find("a message was dropped", at + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace artel::testing
