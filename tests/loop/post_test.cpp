// Loop::post, the only call from other threads (manual 1.16.3).
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Post, FromEightThreadsAllRunOnTheLoopsThread) {
  Worker worker;
  World world(worker);
  Loop& loop = Worker::globalEvent();
  EXPECT_TRUE(loop.here());
  constexpr int threads = 8, each = 2000;
  std::vector<int> next(threads, 0);  // touched by the loop's thread only
  int ran = 0;
  bool ordered = true, here = true;
  std::atomic<int> strangers{0};
  std::vector<std::thread> crew;
  for (int t = 0; t < threads; ++t) {
    crew.emplace_back([&, t] {
      if (!loop.here()) ++strangers;
      for (int i = 0; i < each; ++i) {
        loop.post([&, t, i, text = std::make_unique<std::string>("moved")] {
          ordered = ordered && next[static_cast<std::size_t>(t)]++ == i && *text == "moved";
          here = here && loop.here();
          ++ran;
        });
      }
    });
  }
  world.until([&] { return ran == threads * each; }, 20s);
  for (auto& thread : crew) thread.join();
  EXPECT_TRUE(ordered);
  EXPECT_TRUE(here);
  EXPECT_EQ(strangers, threads);
}

TEST(Post, RunsInALaterTurnInOrder) {
  Worker worker;
  World world(worker);
  Loop& loop = Worker::globalEvent();
  std::string order;
  loop.post([&] {
    order += "1";
    loop.post([&] { order += "3"; });
  });
  loop.post([&] { order += "2"; });
  EXPECT_EQ(order, "");
  world.until([&] { return order == "123"; });
}

TEST(Post, WhatIsLeftAtTheEndIsDestroyedWithoutBeingRun) {
  const auto token = std::make_shared<int>(0);
  {
    Worker worker;
    World world(worker);
    Worker::globalEvent().post([token] { ++*token; });
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Post, AThreadThatComesTooLateDoesNoHarm) {
  const auto token = std::make_shared<int>(0);
  std::atomic<bool> over = false;
  std::thread late;
  for (int round = 0; round < 2; ++round) {
    Worker worker;
    World world(worker);
    Loop& loop = Worker::globalEvent();
    if (round == 0)
      late = std::thread([&over, &loop, token] {
        while (!over) {
          loop.post([token] {});
          std::this_thread::yield();
        }
      });
    loop.post([token] { ++*token; });
    world.until([&] { return *token == round + 1; });
  }
  over = true;
  late.join();
  EXPECT_EQ(*token, 2);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Post, BringsTheAnswerOfAThreadToItsConnection) {
  Worker worker("text://127.0.0.1:0");
  std::vector<std::thread> crew;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    crew.emplace_back([&worker, &loop = Worker::globalEvent(), id = c.id(), text = std::string(line)] {
      loop.post([&worker, id, answer = text + "!"] {
        if (TcpConnection* found = worker.connections().find(id)) found->send(answer);
      });
    });
  };
  World world(worker);
  Client client(world);
  client.send("hi\n");
  world.until([&] { return client.received == "hi!\n"; });
  for (auto& thread : crew) thread.join();
}

}  // namespace
}  // namespace artel::testing
