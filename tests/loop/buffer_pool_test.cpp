// What the pool of send buffers keeps, and what it lets go of after a rest.
#include "src/net/buffer_pool.hpp"

#include <gtest/gtest.h>

namespace artel::net {
namespace {

std::string* filled(BufferPool& pool, std::size_t size) {
  std::string* buffer = pool.take();
  buffer->assign(size, 'x');
  return buffer;
}

TEST(BufferPool, TheLastOneGivenBackIsTheNextOneTaken) {
  BufferPool pool;
  std::string* const first = filled(pool, 1000);
  std::string* const second = filled(pool, 2000);
  pool.give(first);
  pool.give(second);
  std::string* const next = pool.take();
  EXPECT_EQ(next, first);
  EXPECT_TRUE(next->empty());
  EXPECT_GE(next->capacity(), 1000u);
  pool.give(next);
}

TEST(BufferPool, SmallBuffersAreKeptThroughARest) {
  BufferPool pool;
  std::string* const small = filled(pool, 1000);
  pool.give(small);
  for (int second = 0; second < 3; ++second) EXPECT_FALSE(pool.trim());
  EXPECT_EQ(pool.take(), small);
  delete small;
}

TEST(BufferPool, WhatLargeMessagesLeftIsLetGoAndHandedBackOnceAfterARest) {
  BufferPool pool;
  for (int round = 0; round < 2; ++round) {
    std::string* const one = filled(pool, 200'000);
    std::string* const other = filled(pool, 200'000);
    pool.give(one);
    pool.give(other);
    EXPECT_FALSE(pool.atRest());
    EXPECT_FALSE(pool.trim()) << "there may be more to come";
    EXPECT_FALSE(pool.atRest()) << "what was let go is still to be handed back";
    std::string* const fresh = pool.take();
    EXPECT_LT(fresh->capacity(), 1000u);
    pool.give(fresh);
    EXPECT_TRUE(pool.trim());
    EXPECT_TRUE(pool.atRest());
    EXPECT_FALSE(pool.trim());
  }
}

TEST(BufferPool, NoMoreThanAMegabyteIsKept) {
  BufferPool pool;
  std::vector<std::string*> taken;
  for (int i = 0; i < 100; ++i) taken.push_back(filled(pool, 30'000));
  for (std::string* one : taken) pool.give(one);
  std::size_t kept = 0;
  for (std::string*& one : taken) kept += (one = pool.take())->capacity();
  EXPECT_LE(kept, BufferPool::keptBytes + 100'000);  // and the one that is warm; new ones have a few bytes
  EXPECT_GE(kept, BufferPool::keptBytes - 100'000);
  for (std::string* one : taken) pool.give(one);
}

TEST(BufferPool, ManySmallBuffersShrinkToWhatARestNeeds) {
  BufferPool pool;
  std::vector<std::string*> taken;
  for (int i = 0; i < 50; ++i) taken.push_back(filled(pool, 20'000));
  for (std::string* one : taken) pool.give(one);
  EXPECT_FALSE(pool.trim());
  EXPECT_TRUE(pool.trim());
  std::size_t kept = 0;
  for (std::string*& one : taken) kept += (one = pool.take())->capacity();
  EXPECT_LE(kept, 300'000u);
  EXPECT_GE(kept, 200'000u);
  for (std::string* one : taken) pool.give(one);
}

}  // namespace
}  // namespace artel::net
