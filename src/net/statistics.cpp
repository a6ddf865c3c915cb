#include "src/net/statistics.hpp"

#include <uv.h>

#include <algorithm>
#include <cstring>

#include "platform/compiler.hpp"
#include "src/net/loop.hpp"

namespace artel::net {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

void add(StatisticsBlock::Word& word, std::uint64_t n) noexcept { word.store(word.load(relaxed) + n, relaxed); }

void count(std::array<StatisticsBlock::Word, Histogram::buckets>& counts, std::uint64_t nanoseconds,
           std::uint64_t weight) noexcept {
  add(counts[Histogram::bucketOf(nanoseconds)], weight);
}

struct Named {
  std::string_view name, subject;
};
constexpr std::array<Named, 15> names{{{"onMessage", "connection"},
                                       {"onConnect", "connection"},
                                       {"onClose", "connection"},
                                       {"onBufferFull", "connection"},
                                       {"onBufferDrain", "connection"},
                                       {"onError", "connection"},
                                       {"onDrain", "connection"},
                                       {"Timer", "timer"},
                                       {"Loop::post", ""},
                                       {"Loop::onReadable", ""},
                                       {"Loop::onSignal", ""},
                                       {"onWorkerStart", ""},
                                       {"onWorkerStop", ""},
                                       {"onMessage", ""},
                                       {"a handle of Loop::native()", ""}}};

}  // namespace

std::string_view nameOf(Running what) noexcept {
  const auto at = static_cast<std::size_t>(what);
  return at < names.size() ? names[at].name : "callback";
}

std::string_view subjectOf(Running what) noexcept {
  const auto at = static_cast<std::size_t>(what);
  return at < names.size() ? names[at].subject : "";
}

std::string describe(Running what, std::uint64_t subject) {
  std::string text(nameOf(what));
  if (const auto of = subjectOf(what); !of.empty()) text += " of " + std::string(of) + " " + std::to_string(subject);
  return text;
}

StatisticsBlock* StatisticsBlock::prepare(void* memory, std::string_view buildId) noexcept {
  auto* block = new (memory) StatisticsBlock{};
  for (std::size_t i = 0; i < block->build.size(); ++i) {
    std::uint64_t word = 0;
    if (i * 8 < buildId.size())
      std::memcpy(&word, buildId.data() + i * 8, std::min<std::size_t>(8, buildId.size() - i * 8));
    block->build[i].store(word, relaxed);
  }
  block->version.store(layoutVersion, relaxed);
  block->size.store(sizeof(StatisticsBlock), relaxed);
  block->magic.store(magicNumber, std::memory_order_release);
  return block;
}

StatisticsBlock Activity::unread;

void Activity::attach(StatisticsBlock* block) noexcept {
  Activity fresh;
  fresh.counters = counters;
  fresh.onSlow = onSlow;
  fresh.slowAfter = slowAfter;
  *this = fresh;
  if (block == nullptr) return;
  block_ = block;
  const std::uint64_t now = uv_hrtime() / 1'000'000;
  for (auto& window : block_->windows) window.at.store(now, relaxed);
}

void Activity::beginTurn() noexcept {
  inTurn_ = true;
  ticks_ = untilSample_;
  now_ = processLoopImpl != nullptr ? processLoopImpl->now() : 0;
  callbackBegan_ = now_;
  timedSince_ = turns_ % turnSampleEvery == 0 ? uv_hrtime() : 0;
  block_->turnBegan.store(std::max<std::uint64_t>(now_, 1), relaxed);
}

/// The count down has ended: the first event of a turn, or one to be timed.
ARTEL_COLD bool Activity::eventDue() noexcept {
  if (!inTurn_) {
    beginTurn();
    if (--ticks_ != 0) return false;
  }
  ticks_ = untilSample_ = sampleEvery;
  ++entered_;
  return true;
}

ARTEL_COLD void Activity::callbackWasSlow(std::uint64_t now) noexcept {
  if (onSlow != nullptr) onSlow(running(), subject(), now - callbackBegan_);
}

void Activity::enter(Running what, std::uint64_t id) noexcept {
  if (inTurn_)
    callbackEnds();
  else
    beginTurn();
  ++entered_;
  block_->running.store(std::uint64_t{static_cast<std::uint8_t>(what)} << StatisticsBlock::kindShift | id, relaxed);
}

void Activity::recordCallback(std::uint64_t nanoseconds) noexcept {
  count(block_->callbacks, nanoseconds, sampleEvery);
}

void Activity::countSendQueue(std::uint64_t now) noexcept {
  const bool none = processLoopImpl == nullptr || processLoopImpl->behind.empty();
  if (!none && now < sendQueueCounted_ + windowTime) return;
  block_->sendQueue.store(none ? 0 : processLoopImpl->sendQueue(), relaxed);
  sendQueueCounted_ = none ? 0 : now;  // the next one to fall behind is counted at once
}

void Activity::turnEnds(std::uint64_t now) noexcept {
  StatisticsBlock& block = *block_;
  if (inTurn_) {
    if (isSlow(now)) callbackWasSlow(now);
    const std::uint64_t took = now - std::min(now, now_);
    if (took >= longTurn) {
      count(block.turnTimes, took * 1'000'000, 1);
      if (took > block.longestTurn.load(relaxed)) block.longestTurn.store(took, relaxed);
    } else if (timedSince_ != 0) {
      count(block.turnTimes, uv_hrtime() - timedSince_, turnSampleEvery);
    }
    untilSample_ = ticks_;
    inTurn_ = false;
    block.turns.store(++turns_, relaxed);
  }
  ticks_ = 1;
  const Counters counted = counters != nullptr ? counters() : Counters{};
  block.connections.store(counted.connections, relaxed);
  block.timers.store(counted.timers, relaxed);
  block.requests.store(counted.requests, relaxed);
  block.sendFails.store(counted.sendFails, relaxed);
  block.bytesIn.store(bytesIn_, relaxed);
  block.bytesOut.store(bytesOut_, relaxed);
  countSendQueue(now);
  const std::uint64_t young = block.window.load(relaxed) & 1;
  if (now >= block.windows[young].at.load(relaxed) + windowTime) {
    auto& next = block.windows[young ^ 1];
    next.at.store(now, relaxed);
    next.requests.store(counted.requests, relaxed);
    next.bytesIn.store(bytesIn_, relaxed);
    next.bytesOut.store(bytesOut_, relaxed);
    block.window.store(young ^ 1, std::memory_order_release);
  }
  block.turnBegan.store(0, relaxed);
}

}  // namespace artel::net
