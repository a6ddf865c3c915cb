// The user's own descriptors and signals on the loop (manual 1.8.2.14).
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "src/net/loop.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

/// Two connected sockets of the system, made by libuv. What is to be read is written through `there`.
struct Pair : ::testing::Test {
  Pair() {
    uv_os_sock_t sockets[2];
    EXPECT_EQ(uv_socketpair(1 /* SOCK_STREAM everywhere */, 0, sockets, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), 0);
    here = static_cast<Loop::Descriptor>(sockets[0]);
    uv_tcp_init(static_cast<uv_loop_t*>(Worker::globalEvent().native()), &there);
    EXPECT_EQ(uv_tcp_open(&there, sockets[1]), 0);
  }
  ~Pair() override {
    loop().offReadable(here);
    loop().offWritable(here);
    uv_close(reinterpret_cast<uv_handle_t*>(&there), nullptr);
    world.settle();
    platform::closeSocket(static_cast<platform::NativeSocket>(here));
  }
  static Loop& loop() { return Worker::globalEvent(); }
  void write() {
    uv_buf_t buffer = uv_buf_init(const_cast<char*>("x"), 1);
    EXPECT_EQ(uv_try_write(reinterpret_cast<uv_stream_t*>(&there), &buffer, 1), 1);
  }
  Worker worker;
  World world{worker};
  Loop::Descriptor here{};
  uv_tcp_t there{};
};

TEST_F(Pair, Readable) {
  int calls = 0;
  loop().onReadable(here, [&](Loop::Descriptor descriptor) {
    EXPECT_EQ(descriptor, here);
    ++calls;
  });
  world.forTime(10ms);
  EXPECT_EQ(calls, 0);
  write();
  world.until([&] { return calls >= 3; });  // as long as there is something to read
  EXPECT_TRUE(loop().offReadable(here));
  EXPECT_FALSE(loop().offReadable(here));
  const int before = calls;
  world.settle();
  EXPECT_EQ(calls, before);
}

TEST_F(Pair, OffInsideItsOwnCallback) {
  int calls = 0;
  loop().onReadable(here, [&, big = std::string(1000, 'x')](Loop::Descriptor descriptor) {
    ++calls;
    EXPECT_TRUE(loop().offReadable(descriptor));
    EXPECT_EQ(big[999], 'x');
  });
  write();
  world.until([&] { return calls == 1; });
  world.settle();
  EXPECT_EQ(calls, 1);
}

TEST_F(Pair, ASecondCallReplacesAndBothDirectionsLiveTogether) {
  std::string seen;
  loop().onReadable(here, [&](Loop::Descriptor) { seen += "old"; });
  loop().onReadable(here, [&](Loop::Descriptor descriptor) {
    seen += "r";
    loop().offReadable(descriptor);
  });
  loop().onWritable(here, [&](Loop::Descriptor descriptor) {
    seen += "w";
    loop().offWritable(descriptor);
  });
  world.until([&] { return seen == "w"; });
  write();
  world.until([&] { return seen == "wr"; });
}

TEST_F(Pair, TheReadableOneRemovesTheWritableOneOfTheSameTurn) {
  int written = 0, read = 0;
  write();
  world.settle();
  loop().onReadable(here, [&](Loop::Descriptor descriptor) {
    ++read;
    loop().offWritable(descriptor);
    loop().offReadable(descriptor);
  });
  loop().onWritable(here, [&](Loop::Descriptor) { ++written; });
  world.until([&] { return read == 1; });
  world.settle();
  EXPECT_EQ(written, 0);
}

TEST_F(Pair, WatchedAgainInsideItsOwnCallback) {
  std::string seen;
  loop().onReadable(here, [&](Loop::Descriptor descriptor) {
    seen += "1";
    loop().offReadable(descriptor);
    loop().onReadable(descriptor, [&](Loop::Descriptor again) {
      seen += "2";
      loop().offReadable(again);
    });
  });
  write();
  world.until([&] { return seen == "12"; });
}

TEST_F(Pair, AnEmptyCallbackMeansOff) {
  loop().onReadable(here, nullptr);
  EXPECT_FALSE(loop().offReadable(here));
  loop().onWritable(here, [](Loop::Descriptor) {});
  loop().onWritable(here, nullptr);
  EXPECT_FALSE(loop().offWritable(here));
}

TEST(LoopOfAWorker, ExistsFromOnWorkerStartOn) {
  EXPECT_THROW(Worker::globalEvent(), std::logic_error);
  Worker worker;
  bool there = false;
  worker.onWorkerStart = [&](Worker&) {
    there = Worker::globalEvent().here() && Worker::globalEvent().native() != nullptr;
  };
  World world(worker);
  EXPECT_TRUE(there);
}

TEST(LoopOfAWorker, AUsersSignalHandlerComesBesideTheFrameworks) {
  if (!capabilities().workerProcesses) GTEST_SKIP() << "std::raise does not reach an event loop here";
  Worker worker;
  World world(worker);
  std::string seen;
  net::loop().watchSignal(SIGTERM, true, [&](int) { seen += "framework"; });
  Worker::globalEvent().onSignal(SIGTERM, [&](int) { seen += "user "; });
  std::raise(SIGTERM);
  world.until([&] { return seen == "user framework"; });
  EXPECT_TRUE(Worker::globalEvent().offSignal(SIGTERM));
  std::raise(SIGTERM);
  world.until([&] { return seen == "user frameworkframework"; });
}

TEST(LoopOfAWorker, SignalsComeInALaterTurn) {
  if (!capabilities().workerProcesses) GTEST_SKIP() << "std::raise does not reach an event loop here";
  Worker worker;
  World world(worker);
  Loop& loop = Worker::globalEvent();
  std::string seen;
  loop.onSignal(SIGTERM, [&](int number) { seen += number == SIGTERM ? "old" : "?"; });
  loop.onSignal(SIGTERM, [&](int number) { seen += number == SIGTERM ? "term" : "?"; });
  loop.onSignal(SIGINT, [&](int) {
    seen += "int";
    EXPECT_TRUE(loop.offSignal(SIGINT));
  });
  std::raise(SIGTERM);
  EXPECT_EQ(seen, "");
  world.until([&] { return seen == "term"; });
  std::raise(SIGINT);
  world.until([&] { return seen == "termint"; });
  EXPECT_FALSE(loop.offSignal(SIGINT));
  EXPECT_TRUE(loop.offSignal(SIGTERM));
}

}  // namespace
}  // namespace artel::testing
