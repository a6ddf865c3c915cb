// What a worker process tells about itself while it works, without being asked: a block of memory that its master reads
// at any time, so `status` does not wait for a worker, and one that is stuck shows since when and where.
//
//   loop: sleep ─► first event: turnBegan, now ─► ... each read event: running = connection ─► turn ends: counters,
//   sleep
//
// The cost, since every message passes here:
// - A read event is one store (running), a count down, and a clock that is quick to read: when a callback began is when
//   the one before it ended, so one that was slow is known (onSlow). Everything else has the loop's own clock, read
//   twice a turn.
// - Durations are sampled: one read event of 64 is timed, and one turn of sixteen. A turn of 2 ms or more is always
//   counted, by the loop's clock.
// - Counters are plain memory of this process; they are copied into the block when a turn ends.
// - Bytes that wait to be sent are added up once a second, over the connections where the kernel did not take all.
// The block has one writer and no locks: each field is a relaxed store. Fields are only appended; what changes its
// meaning changes `layoutVersion`.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/platform.hpp"
#include "src/net/histogram.hpp"

namespace artel::net {

/// What runs, in the upper byte of StatisticsBlock::running. Numbers are part of the layout.
enum class Running : std::uint8_t {
  message = 0,
  connect = 1,
  close = 2,
  bufferFull = 3,
  bufferDrain = 4,
  error = 5,
  drain = 6,
  timer = 7,
  posted = 8,
  descriptor = 9,
  signal = 10,
  workerStart = 11,
  workerStop = 12,
  datagram = 13,
  native = 14  ///< libuv runs: a callback of ours says what it is, a handle of the user's own does not
};
/// "onMessage", "Timer", ...; "callback" for a number that this build does not know.
std::string_view nameOf(Running what) noexcept;
/// What Running's second number is: "connection", "timer" or "".
std::string_view subjectOf(Running what) noexcept;
/// "onMessage of connection 7".
std::string describe(Running what, std::uint64_t subject);

struct StatisticsBlock {
  using Word = std::atomic<std::uint64_t>;
  static_assert(Word::is_always_lock_free);
  static constexpr std::uint64_t magicNumber = 0x736C657472610A01;  // a text file of this size would not begin so
  static constexpr std::uint64_t layoutVersion = 1;
  static constexpr unsigned kindShift = 56;

  Word magic, version, size;
  std::array<Word, 8> build;  ///< the writer's build id, padded with zeros

  // live
  Word turnBegan;  ///< milliseconds of the monotonic clock; 0: the loop sleeps
  Word running;    ///< Running << kindShift | id of the connection or timer; of the turn's last callback

  // as of the end of the last turn
  Word connections, timers, requests, sendFails, bytesIn, bytesOut;
  Word turns, longestTurn;  ///< milliseconds
  /// Counters of two moments at least a second apart, for rates. `window` tells the younger one, which stands until the
  /// other is a second older than now.
  struct Window {
    Word at, requests, bytesIn, bytesOut;
  };
  Word window;
  std::array<Window, 2> windows;
  std::array<Word, Histogram::buckets> callbacks, turnTimes;  ///< samples count as what they stand for
  Word sendQueue;  ///< bytes that the kernel has not taken; at most a second old while there are any

  /// In zeroed memory of sizeof(StatisticsBlock), before another process looks at it.
  static StatisticsBlock* prepare(void* memory, std::string_view buildId) noexcept;
};

/// This process's side of it. Before attach() it writes into a block that nobody reads.
class Activity {
 public:
  static constexpr std::uint32_t sampleEvery = 64, turnSampleEvery = 16;
  static constexpr std::uint64_t longTurn = 2, windowTime = 1000;  ///< milliseconds

  /// From now on the block is written. Null: nobody reads any more.
  void attach(StatisticsBlock* block) noexcept;

  // -- called all the time
  /// Bytes have come for a connection. True: this event is to be timed (recordCallback).
  bool readEvent(std::uint64_t connection) noexcept {
    if (inTurn_) callbackEnds();
    const bool due = --ticks_ == 0 && eventDue();
    block_->running.store(connection, std::memory_order_relaxed);
    return due;
  }
  void received(std::size_t bytes) noexcept { bytesIn_ += bytes; }
  void sent(std::size_t bytes) noexcept { bytesOut_ += bytes; }
  /// The loop's clock when this turn began, in milliseconds; only inside a turn that readEvent() or enter() has begun.
  std::uint64_t now() const noexcept { return now_; }

  // -- also in a signal handler
  /// A callback is running; of which, and of whose.
  bool inTurn() const noexcept { return inTurn_; }
  Running running() const noexcept {
    return static_cast<Running>(block_->running.load(std::memory_order_relaxed) >> StatisticsBlock::kindShift);
  }
  std::uint64_t subject() const noexcept {
    return block_->running.load(std::memory_order_relaxed) & ((std::uint64_t{1} << StatisticsBlock::kindShift) - 1);
  }
  /// Grows from callback to callback, but not with each arrival of bytes.
  std::uint64_t entered() const noexcept { return entered_; }

  // -- called now and then
  /// A callback that is not a message.
  void enter(Running what, std::uint64_t id = 0) noexcept;
  void recordCallback(std::uint64_t nanoseconds) noexcept;
  /// What only the worker layer knows, as of now.
  struct Counters {
    std::uint64_t connections = 0, timers = 0, requests = 0, sendFails = 0;
  };
  /// The loop goes to sleep. `now` is its clock.
  void turnEnds(std::uint64_t now) noexcept;
  Counters (*counters)() noexcept = nullptr;  ///< set once by the worker layer
  /// A callback, or all that one arrival of bytes brought, has taken so long. Called when it has returned.
  void (*onSlow)(Running what, std::uint64_t subject, std::uint64_t milliseconds) noexcept = nullptr;
  std::uint64_t slowAfter = never;  ///< milliseconds
  static constexpr std::uint64_t never = ~std::uint64_t{0};

 private:
  bool isSlow(std::uint64_t now) const noexcept { return now > callbackBegan_ && now - callbackBegan_ >= slowAfter; }
  void callbackEnds() noexcept {
    const std::uint64_t now = platform::quickMilliseconds();
    if (isSlow(now)) callbackWasSlow(now);
    callbackBegan_ = now;
  }
  void callbackWasSlow(std::uint64_t now) noexcept;
  bool eventDue() noexcept;
  void beginTurn() noexcept;
  void countSendQueue(std::uint64_t now) noexcept;

  static StatisticsBlock unread;
  StatisticsBlock* block_ = &unread;
  std::uint32_t ticks_ = 1;  // to the next event that needs more than a store; 1 while the loop sleeps
  std::uint32_t untilSample_ = 1;
  std::uint64_t bytesIn_ = 0, bytesOut_ = 0, now_ = 0, turns_ = 0, timedSince_ = 0, entered_ = 0, callbackBegan_ = 0,
                sendQueueCounted_ = 0;
  bool inTurn_ = false;
};

/// Of this process.
inline Activity activity;

}  // namespace artel::net
