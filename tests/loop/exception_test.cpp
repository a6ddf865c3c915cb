// An exception that leaves a callback (decisions §5; manual 1.9).
#include <gtest/gtest.h>

#include "tests/loop/count_new.hpp"
#include "tests/support/websocket.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

struct Exceptions : ::testing::Test {
  ~Exceptions() override { Worker::onException = nullptr; }
};

struct Throws {
  const char* name;
  void (*now)();
  const char* logged;
};
const Throws kinds[] = {
    {"std::exception", [] { throw std::runtime_error("a reason"); }, "a reason"},
    {"std::string", [] { throw std::string("a string"); }, "a string"},
    {"text", [] { throw "a text"; }, "a text"},
    {"int", [] { throw 42; }, "unknown type"},
};

/// Runs until the process has ended, and says what it logged.
std::string logOfTheEnd(World& world) {
  world.until([&] { return world.process().done(); });
  EXPECT_EQ(world.process().exitCode(), 250);
  return ::testing::internal::GetCapturedStderr();
}

TEST_F(Exceptions, AnyTypeEndsTheProcessAfterTheAnswersWereSent) {
  for (const Throws& kind : kinds) {
    Worker worker("text://127.0.0.1:0");
    int stops = 0, closes = 0;
    worker.onWorkerStop = [&](Worker&) { ++stops; };
    worker.onClose = [&](TcpConnection&) { ++closes; };
    worker.onMessage = [&](TcpConnection& c, std::string_view) {
      c.send("the answer before");
      kind.now();
    };
    World world(worker);
    Client client(world);
    ::testing::internal::CaptureStderr();
    client.send("go\n");
    world.until([&] { return client.ended(); });
    client.close();
    const std::string log = logOfTheEnd(world);
    EXPECT_EQ(client.received, "the answer before\n") << kind.name;
    EXPECT_NE(log.find(kind.logged), std::string::npos) << log;
    EXPECT_NE(log.find("text://127.0.0.1"), std::string::npos) << log;
    EXPECT_NE(log.find("#"), std::string::npos) << "the connection: " << log;
    EXPECT_EQ(stops, 1);
    EXPECT_EQ(closes, 1);
  }
}

TEST_F(Exceptions, InEveryCallback) {
  const auto boom = [] { throw std::runtime_error("boom"); };
  for (int which = 0; which < 7; ++which) {
    SCOPED_TRACE(which);
    Worker worker("text://127.0.0.1:0");
    if (which == 0) worker.onWorkerStart = [&](Worker&) { boom(); };
    if (which == 1) worker.onConnect = [&](TcpConnection&) { boom(); };
    if (which == 2) worker.onClose = [&](TcpConnection&) { boom(); };
    if (which == 3) worker.onBufferFull = [&](TcpConnection&) { boom(); };
    if (which == 4) worker.onBufferDrain = [&](TcpConnection&) { boom(); };
    if (which == 5) worker.onError = [&](TcpConnection&, const Error&) { boom(); };
    if (which == 6) worker.onConnect = [&](TcpConnection&) { Timer::delay(0.0, boom); };
    ::testing::internal::CaptureStderr();
    World world(worker);
    {
      Client client(world);
      client.keep(false);
      if (which > 0) world.until([&] { return client.connected() && (which == 1 || !worker.connections().empty()); });
      if (which >= 3 && which <= 5) {
        world.first().send(std::string(20'000'000, 'x'));
        world.first().send("dropped");
      }
      if (which != 2) world.until([&] { return !Worker::isRunning(); });
    }
    EXPECT_NE(logOfTheEnd(world).find("boom"), std::string::npos);
  }
}

TEST_F(Exceptions, ARequestThatWaitsGetsA500) {
  Worker worker("http://127.0.0.1:0");
  worker.onMessage = [](TcpConnection&, const http::Request&) { throw std::runtime_error("boom"); };
  World world(worker);
  Client client(world);
  ::testing::internal::CaptureStderr();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return client.ended(); });
  client.close();
  logOfTheEnd(world);
  EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 500");
}

TEST_F(Exceptions, OnExceptionMayDecideToGoOn) {
  std::string seen;
  std::uint64_t of = 0;
  Worker::onException = [&](const std::exception_ptr& exception, Connection* connection) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::exception& e) {
      seen += e.what();
    }
    if (auto* tcp = dynamic_cast<TcpConnection*>(connection)) of = tcp->id();
    return true;
  };
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view line) {
    if (line == "throw") throw std::runtime_error("boom");
    c.send(line);
  };
  World world(worker);
  Client client(world);
  client.send("throw\ngo on\n");
  world.until([&] { return client.received == "go on\n"; });
  EXPECT_EQ(seen, "boom");
  EXPECT_EQ(of, world.first().id());
  Timer::delay(0.0, [] { throw std::runtime_error("!"); });
  world.until([&] { return seen == "boom!"; });
  EXPECT_TRUE(Worker::isRunning());
}

TEST_F(Exceptions, OnExceptionThatThrowsItselfEndsTheProcess) {
  Worker::onException = [](const std::exception_ptr&, Connection*) -> bool { throw 1; };
  Worker worker;
  World world(worker);
  ::testing::internal::CaptureStderr();
  Worker::globalEvent().post([] { throw std::runtime_error("boom"); });
  EXPECT_NE(logOfTheEnd(world).find("boom"), std::string::npos);
}

TEST_F(Exceptions, GoingOnStillAnswersTheRequest) {
  Worker worker("http://127.0.0.1:0");
  Worker::onException = [](const std::exception_ptr&, Connection*) { return true; };
  worker.onMessage = [](TcpConnection&, const http::Request&) { throw std::runtime_error("boom"); };
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return client.received.starts_with("HTTP/1.1 500"); });
  EXPECT_TRUE(Worker::isRunning());
}

TEST_F(Exceptions, AMessageForWhichThereIsNoMemoryIsNotDeliveredWithAHole) {
  Worker worker("websocket://127.0.0.1:0");
  int thrown = 0, messages = 0;
  Worker::onException = [&](const std::exception_ptr&, Connection*) {
    allowedAllocation = SIZE_MAX;
    return ++thrown > 0;
  };
  worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
  World world(worker);
  Client client(world);
  client.send(hello());
  ASSERT_TRUE(world.until([&] { return wholeAnswer(client.received); }));
  const std::string piece(30'000, 'x');
  client.send(frame(opcode::binary, piece, false));
  allowedAllocation = 300'000;  // of the message's pieces together
  for (int i = 0; i < 40 && thrown == 0; ++i) {
    const std::uint64_t before = world.first().bytesRead();
    client.send(frame(opcode::continuation, piece, false));
    world.until([&] { return thrown > 0 || world.first().bytesRead() >= before + piece.size(); });
  }
  allowedAllocation = SIZE_MAX;
  EXPECT_EQ(thrown, 1);
  client.send(frame(opcode::continuation, "end"));
  world.until([&] { return client.ended(); });
  EXPECT_EQ(messages, 0);
  EXPECT_NE(after101(client).find(closed(1011).substr(2)), std::string::npos);
}

TEST_F(Exceptions, GoingOnEndsTheAnswerThatHadBegun) {
  Worker worker("http://127.0.0.1:0");
  Worker::onException = [](const std::exception_ptr&, Connection*) { return true; };
  worker.onMessage = [](TcpConnection& c, const http::Request&) {
    c.send(http::Response{.chunked = true});
    c.send(http::Chunk{"abc"});
    throw std::runtime_error("boom");
  };
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return client.ended(); });
  EXPECT_TRUE(client.received.ends_with("3\r\nabc\r\n")) << client.received;
  EXPECT_TRUE(Worker::isRunning());
}

}  // namespace
}  // namespace artel::testing
