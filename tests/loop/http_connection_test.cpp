// HTTP on real connections (manual 1.7.1, 1.8.2.4; decisions §5).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

std::string get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::string bodyOf(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}
std::string statusOf(const std::string& answer) { return answer.substr(0, std::min<std::size_t>(answer.size(), 12)); }

/// A file that goes with the test.
struct TempFile {
  TempFile(const std::string& name, const std::string& bytes)
      : path(std::filesystem::path(::testing::TempDir()) /
             ("artel-http-" + std::to_string(Worker::processId()) + "-" + name)) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ~TempFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  std::filesystem::path path;
};

Callback<void(TcpConnection&, const http::Request&)> echoPath() {
  return [](TcpConnection& c, const http::Request& r) { c.send(std::string(r.path())); };
}

TEST(HttpConnection, KeepsAlive) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send(r.path()); };
  World world(worker);
  Client client(world);
  for (const char* path : {"/one", "/two", "/three"}) {
    client.received.clear();
    client.send(get(path));
    ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
    EXPECT_EQ(bodyOf(client.received), path);
  }
  EXPECT_EQ(worker.connections().size(), 1u);
  EXPECT_EQ(worker.totalRequests(), 3u);
}

/// The same answer again is copied from the one before, but for its time.
TEST(HttpConnection, AnAnswerSentAgainHasTheTimeOfNow) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send(http::Response{200, {{"A", "b"}}, "same"}); };
  World world(worker);
  Client client(world);
  std::string dates[3];
  for (std::string& date : dates) {
    client.received.clear();
    client.send(get("/"));
    ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
    const auto at = client.received.find("\r\nDate: ");
    ASSERT_NE(at, std::string::npos) << client.received;
    date = client.received.substr(at + 2, 35);
    if (&date == dates + 1) world.forTime(1100ms);
  }
  EXPECT_NE(dates[1], dates[2]);
}

/// What the request wants of the connection is in its answer, also when the lines are those of the answer before.
TEST(HttpConnection, AnAnswerSentAgainIsTheOneThatIsAskedFor) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send(http::Response{200, {{"A", "b"}}, "same"}); };
  World world(worker);
  for (const std::string ends : {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    Client client(world);
    client.send(get("/"));
    ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
    EXPECT_NE(client.received.find("\r\nConnection: keep-alive\r\n"), std::string::npos) << client.received;
    client.received.clear();
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(world.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; }));
    EXPECT_NE(client.received.find("\r\nContent-Length: 4\r\n"), std::string::npos) << client.received;
    EXPECT_TRUE(client.received.ends_with("\r\n\r\n")) << client.received;
    client.received.clear();
    client.send(ends);
    ASSERT_TRUE(world.until([&] { return client.ended(); })) << ends;
    EXPECT_NE(client.received.find("\r\nConnection: close\r\n"), std::string::npos) << client.received;
    EXPECT_EQ(bodyOf(client.received), "same");
  }
}

TEST(HttpConnection, RequestSplitAtEveryByte) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send(r.rawBody()); };
  World world(worker);
  const std::string request = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  Client client(world);
  for (std::size_t at = 1; at < request.size(); ++at) {
    client.received.clear();
    client.send(request.substr(0, at));
    world.settle();
    client.send(request.substr(at));
    ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
    ASSERT_EQ(bodyOf(client.received), "hello") << at;
  }
}

TEST(HttpConnection, AnswersGivenLaterKeepTheirOrder) {
  Worker worker("http://127.0.0.1:0");
  std::vector<std::string> asked;
  worker.onMessage = [&](TcpConnection& c, const http::Request& r) {
    asked.emplace_back(r.path());
    const auto answer = [weak = c.weak(), path = std::string(r.path())] {
      if (const auto alive = weak.lock()) alive->send("<" + path + ">");
    };
    if (r.path() == "/slow")
      Timer::delay(0.3, answer);
    else
      answer();
  };
  World world(worker);
  Client client(world);
  client.send(get("/slow") + get("/fast") + get("/slow") + get("/last"));
  world.until([&] { return !asked.empty(); });
  world.settle();
  EXPECT_EQ(asked, std::vector<std::string>{"/slow"}) << "the next request waits for the answer";
  world.until([&] { return has(client.received, "</last>"); });
  EXPECT_EQ(asked, (std::vector<std::string>{"/slow", "/fast", "/slow", "/last"}));
  EXPECT_LT(client.received.find("</slow>"), client.received.find("</fast>"));
}

TEST(HttpConnection, ChunkedWithBackpressure) {
  Worker worker("http://127.0.0.1:0");
  const std::string piece = pattern(50'000);
  int left = 200;
  const auto feed = [&](TcpConnection& c) {
    while (left > 0) {
      const SendStatus status = c.send(http::Chunk{piece});
      if (status == SendStatus::dropped) break;
      --left;
      if (status == SendStatus::queued) return;  // onBufferDrain goes on
    }
    if (left == 0) --left, c.send(http::Chunk::last());
  };
  worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    c.send(http::Response{.status = 200, .headers = {{"X-A", "b"}}, .chunked = true});
    EXPECT_EQ(c.send(http::Response{200}), SendStatus::dropped) << "one answer for one request";
    feed(c);
  };
  worker.onBufferDrain = feed;
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return client.received.ends_with("\r\n0\r\n\r\n"); }, 20s);
  EXPECT_TRUE(has(client.received, "Transfer-Encoding: chunked"));
  std::string body = bodyOf(client.received), joined;
  for (std::size_t at = 0;;) {
    const auto line = body.find("\r\n", at);
    const auto size = std::stoul(body.substr(at, line - at), nullptr, 16);
    if (size == 0) break;
    joined.append(body, line + 2, size);
    at = line + 2 + size + 2;
  }
  ASSERT_EQ(joined.size(), 200 * piece.size());
  for (std::size_t at = 0; at < joined.size(); at += piece.size())
    ASSERT_EQ(joined.compare(at, piece.size(), piece), 0) << at;
}

TEST(HttpConnection, HeadHasNoBody) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) {
    if (r.path() == "/chunked") {
      c.send(http::Response{.chunked = true});
      c.send(http::Chunk{"abc"});
      c.send(http::Chunk::last());
    } else {
      c.send("hello");
    }
  };
  World world(worker);
  Client client(world);
  client.send("HEAD /chunked HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + get("/"));
  world.until([&] { return client.received.ends_with("hello"); });
  EXPECT_FALSE(has(client.received, "abc"));
  EXPECT_EQ(client.received.find("hello"), client.received.size() - 5);
  EXPECT_TRUE(has(client.received, "Content-Length: 5\r\n"));
}

TEST(HttpConnection, EndsAsTheRequestAsks) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send(r.path()); };
  World world(worker);
  for (const std::string& request :
       {std::string("GET /end HTTP/1.0\r\n\r\n"), get("/end", "Connection: close\r\n") + get("/never")}) {
    Client client(world);
    client.send(request);
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    EXPECT_TRUE(has(client.received, "Connection: close")) << client.received;
    EXPECT_EQ(bodyOf(client.received), "/end");
  }
  Client kept(world);
  kept.send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  world.until([&] { return wholeAnswer(kept.received); });
  EXPECT_TRUE(has(kept.received, "Connection: keep-alive"));
  world.settle();
  EXPECT_FALSE(kept.ended());
}

TEST(HttpConnection, ChunkedToAnHttp10ClientEndsWithTheConnection) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    c.send(http::Response{.chunked = true});
    c.send(http::Chunk{"abc"});
    c.send(http::Chunk{"def"});
    c.send(http::Chunk::last());
  };
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  world.until([&] { return client.ended(); });
  EXPECT_EQ(bodyOf(client.received), "abcdef");
}

TEST(HttpConnection, CloseAfterAnAnswer) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.close(http::Response{403, {}, "no"}); };
  World world(worker);
  Client client(world);
  client.send(get("/") + get("/"));
  world.until([&] { return client.ended(); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 403");
  EXPECT_EQ(bodyOf(client.received), "no");
}

TEST(HttpConnection, ExpectContinue) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send(r.rawBody()); };
  World world(worker);
  Client client(world);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(world.until([&] { return client.received == "HTTP/1.1 100 Continue\r\n\r\n"; }));
  client.received.clear();
  client.send("abc");
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(bodyOf(client.received), "abc");
}

TEST(HttpConnection, AFileOfFiveMegabytesToASlowReader) {
  const std::string bytes = pattern(5 * 1024 * 1024 + 7);
  const TempFile file("large.txt", bytes);
  Worker worker("http://127.0.0.1:0");
  std::size_t most = 0;
  worker.onMessage = [&](TcpConnection& c, const http::Request&) { c.send(http::Response{}.withFile(file.path)); };
  World world(worker);
  Client client(world);
  client.send(get("/1"));
  world.until([&] { return !client.received.empty(); });
  for (int i = 0; i < 20; ++i) {
    client.pauseReading();
    world.settle();
    most = std::max(most, world.first().getSendBufferQueueSize());
    client.resumeReading();
    world.settleOnce();
  }
  ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }, 20s));
  EXPECT_TRUE(bodyOf(client.received) == bytes);
  EXPECT_TRUE(has(client.received, "Content-Type: text/plain"));
  EXPECT_TRUE(has(client.received, "Last-Modified: "));
  EXPECT_LT(most, 512u * 1024) << "the file is read as the client takes it";
  client.received.clear();
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return has(client.received, "Content-Length: " + std::to_string(bytes.size())); });
  client.received.clear();
  client.send(get("/again") + get("/again"));
  world.until([&] { return client.received.size() > 2 * bytes.size(); }, 20s);
}

TEST(HttpConnection, AnEmptyFileAndAMissingOne) {
  const TempFile file("empty.html", "");
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [&](TcpConnection& c, const http::Request& r) {
    http::Response answer;
    if (r.path() == "/empty") answer.withFile(file.path);
    if (r.path() == "/none") answer.withFile(file.path.string() + ".none");
    if (r.path() == "/folder") answer.withFile(file.path.parent_path());
    c.send(answer);
  };
  World world(worker);
  Client client(world);
  const auto ask = [&](const char* path) {
    client.received.clear();
    client.send(get(path));
    world.until([&] { return wholeAnswer(client.received); });
    return statusOf(client.received);
  };
  EXPECT_EQ(ask("/empty"), "HTTP/1.1 200");
  EXPECT_TRUE(has(client.received, "Content-Length: 0"));
  EXPECT_EQ(ask("/none"), "HTTP/1.1 404");
  EXPECT_EQ(ask("/folder"), "HTTP/1.1 404");
}

TEST(HttpConnection, AHalfClosedClientStillGetsItsAnswers) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) {
    Timer::delay(0.01, [weak = c.weak(), path = std::string(r.path())] {
      if (const auto alive = weak.lock()) alive->send("<" + path + ">");
    });
  };
  int closes = 0;
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client client(world);
  client.send(get("/1") + get("/2") + "GET /unfinished");
  client.shutdown();
  world.until([&] { return client.ended(); });
  EXPECT_TRUE(has(client.received, "</1>"));
  EXPECT_TRUE(has(client.received, "</2>"));
  world.until([&] { return closes == 1; });
}

TEST(HttpConnection, HeaderTimeoutAnswers408) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = echoPath();
  World world(worker);
  Client client(world), silent(world);
  client.send("GET / HT");
  ASSERT_TRUE(world.until([&] { return !worker.connections().empty() && world.first().bytesRead() > 0; }));
  world.tickAfter(9s);
  world.settle();
  EXPECT_FALSE(client.ended());
  world.tickAfter(11s);
  world.until([&] { return client.ended() && silent.ended(); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 408");
  EXPECT_EQ(silent.received, "");
}

TEST(HttpConnection, KeepAliveTimeoutCountsFromTheAnswer) {
  Worker worker("http://127.0.0.1:0");
  worker.keepAliveTimeout = 1500ms;  // this one with the real clock
  worker.onMessage = echoPath();
  World world(worker);
  Client client(world);
  client.send(get("/"));
  ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
  world.tickAfter(500ms);
  world.settle();
  EXPECT_FALSE(client.ended());
  world.until([&] { return client.ended(); });
}

TEST(HttpConnection, APausedConnectionIsNotToldThatItIsSlow) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request& r) {
    c.send(r.path());
    c.pauseRecv();
  };
  World world(worker);
  Client client(world);
  client.send(get("/1") + get("/2"));
  ASSERT_TRUE(world.until([&] { return has(client.received, "/1"); }));
  world.tickAfter(20s);
  world.settle();
  EXPECT_FALSE(client.ended());
  world.first().resumeRecv();
  world.until([&] { return has(client.received, "/2"); });
}

TEST(HttpConnection, RefusesASecondAnswerAndAnswersWithoutRequest) {
  Worker worker("http://127.0.0.1:0");
  std::vector<std::string> errors;
  worker.onConnect = [](TcpConnection& c) { EXPECT_EQ(c.send("nobody asked"), SendStatus::dropped); };
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    EXPECT_EQ(c.send("one"), SendStatus::sent);
    EXPECT_EQ(c.send("two"), SendStatus::dropped);
    EXPECT_EQ(c.send(http::Chunk{"three"}), SendStatus::dropped);
    EXPECT_EQ(c.send(websocket::Message{"four"}), SendStatus::dropped);
  };
  worker.onError = [&](TcpConnection&, const Error& e) { errors.push_back(e.message); };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return wholeAnswer(client.received); });
  world.settle();
  EXPECT_EQ(bodyOf(client.received), "one");
  EXPECT_GE(errors.size(), 2u);
}

TEST(HttpConnection, ARefusedResponseLeavesRoomForAnother) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    EXPECT_EQ(c.send(http::Response{200, {{"X", "a\r\nSet-Cookie: evil"}}}), SendStatus::dropped);
    EXPECT_EQ(c.send(http::Response{500, {}, "sorry"}), SendStatus::sent);
  };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 500");
  EXPECT_FALSE(has(client.received, "evil"));
}

TEST(HttpConnection, ARefusedResponseThatNoneFollowsIs500) {
  const http::Response evil{302, {{"Location", "/\r\nSet-Cookie: evil"}}};
  const auto now = [&](TcpConnection& c, const http::Request&) { c.send(evil); };
  const auto later = [&](TcpConnection& c, const http::Request&) {
    Timer::delay(0.0, [&, weak = c.weak()] {
      if (const auto alive = weak.lock()) alive->send(evil);
    });
  };
  const auto closing = [&](TcpConnection& c, const http::Request&) { c.close(evil); };
  const std::function<void(TcpConnection&, const http::Request&)> handlers[] = {now, later, closing};
  for (const auto& handler : handlers) {
    Worker worker("http://127.0.0.1:0");
    worker.onMessage = handler;
    World world(worker);
    Client client(world);
    ::testing::internal::CaptureStderr();
    client.send(get("/") + get("/"));
    world.until([&] { return client.ended(); });
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(statusOf(client.received), "HTTP/1.1 500");
    EXPECT_TRUE(has(client.received, "Connection: close")) << "the second request was not heard";
    EXPECT_FALSE(has(client.received, "evil"));
    EXPECT_TRUE(has(log, "a character that may not be sent")) << log;
  }
}

TEST(HttpConnection, AMessageThatIsNoAnswerIs500) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    EXPECT_EQ(c.send(http::Chunk{"of nothing"}), SendStatus::dropped);
  };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return client.ended(); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 500");
}

TEST(HttpConnection, OnErrorMayAnswerInThePlaceOfARefusedResponse) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send(http::Response{99}); };
  worker.onError = [](TcpConnection& c, const Error&) { c.send(http::Response{503, {}, "another day"}); };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 503");
  EXPECT_FALSE(client.ended());
}

TEST(HttpConnection, BadRequestsGetTheirStatusAndTheEnd) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = echoPath();
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  World world(worker);
  const std::pair<std::string, std::string> table[] = {
      {"hello\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 414"},
      {get("/", "A: " + std::string(17'000, 'a') + "\r\n"), "HTTP/1.1 431"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", "HTTP/1.1 413"},
  };
  for (const auto& [request, status] : table) {
    Client client(world);
    client.send(request);
    ASSERT_TRUE(world.until([&] { return client.ended(); }));
    EXPECT_EQ(statusOf(client.received), status);
  }
  EXPECT_EQ(worker.totalRequests(), 0u);
}

TEST(HttpConnection, WithoutAHandlerEverythingIs404) {
  Worker worker("http://127.0.0.1:0");
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return wholeAnswer(client.received); });
  EXPECT_EQ(statusOf(client.received), "HTTP/1.1 404");
}

TEST(HttpConnection, ServiceUnavailableAtMaxConnections) {
  Worker worker("http://127.0.0.1:0");
  worker.maxConnections = 1;
  int connects = 0, closes = 0;
  worker.onConnect = [&](TcpConnection&) { ++connects; };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  worker.onMessage = echoPath();
  World world(worker);
  auto first = std::make_unique<Client>(world);
  first->send(get("/1"));
  ASSERT_TRUE(world.until([&] { return wholeAnswer(first->received); }));
  Client second(world);
  second.send(get("/2"));
  ASSERT_TRUE(world.until([&] { return second.ended(); }));
  EXPECT_EQ(statusOf(second.received), "HTTP/1.1 503");
  EXPECT_EQ(connects, 1);
  first.reset();
  world.until([&] { return closes == 1; });
  Client third(world);  // the second one has not ended its side yet
  third.send(get("/3"));
  world.until([&] { return has(third.received, "/3"); });
  EXPECT_EQ(connects, 2);
}

TEST(HttpConnection, TheProtocolByHandEqualsTheScheme) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = "http";
  worker.onMessage = [](TcpConnection& c, const http::Request& r) { c.send(r.path()); };
  World world(worker);
  Client client(world);
  client.send(get("/hand"));
  world.until([&] { return has(client.received, "/hand"); });
}

TEST(HttpConnection, TheProtocolOfOneConnectionSetInOnConnect) {
  Worker worker("tcp://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) {
    c.protocol = "http";
    c.onMessage = [](TcpConnection& self, const http::Request& r) { self.send(r.path()); };
  };
  World world(worker);
  Client client(world);
  client.send(get("/hand"));
  world.until([&] { return has(client.received, "/hand"); });
}

TEST(HttpConnection, CloseWithAResponseSaysClose) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.close(http::Response{403, {}, "no"}); };
  World world(worker);
  Client client(world);
  client.send(get("/"));
  world.until([&] { return client.ended(); });
  EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 403");
  EXPECT_TRUE(has(client.received, "\r\nConnection: close\r\n"));
}

TEST(HttpConnection, LeavingHttpInsideARequestFreesTheInput) {
  Worker worker("http://127.0.0.1:0");
  std::string raw;
  worker.onMessage = [&](TcpConnection& c, const http::Request&) {
    c.onMessage = nullptr;
    c.protocol = "tcp";
    c.onMessage = [&](TcpConnection& self, std::string_view data) {
      raw += data;
      self.send("raw:" + std::string(data));
    };
  };
  World world(worker);
  Client client(world);
  client.send(get("/") + "abc");
  world.until([&] { return client.received == "raw:abc"; });
  client.send("def");
  world.until([&] { return raw == "abcdef"; });
}

TEST(HttpConnection, MalformedBytesAreCountedAndTouchNobodyElse) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const http::Request&) { c.send("ok"); };
  World world(worker);
  Client good(world), bad(world);
  bad.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n");
  world.until([&] { return bad.ended(); });
  EXPECT_TRUE(has(bad.received, "HTTP/1.1 400"));
  EXPECT_EQ(worker.protocolErrors(), 1u);
  good.send(get("/"));
  world.until([&] { return wholeAnswer(good.received); });
  EXPECT_EQ(worker.totalRequests(), 1u);
}

}  // namespace
}  // namespace artel::testing
