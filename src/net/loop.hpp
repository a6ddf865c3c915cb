// The event loop of this process: libuv's loop, the receive buffer all connections share, and the end of each turn.
//
// A turn is one pass of libuv's loop. Before the loop sleeps (prepare) and after it has polled (check) the end of the
// turn runs: streams that asked for it are visited in the order they asked, which writes what was corked and raises the
// events that user calls have caused. So nothing a user calls calls the user back, and every reply leaves before the
// loop sleeps.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "artel/loop.hpp"
#include "src/net/buffer_pool.hpp"

namespace artel {

namespace net {

class Stream;
struct UserTimer;
struct Watch;
struct SignalWatch;

}  // namespace net

struct Loop::Impl {
  static constexpr std::size_t receiveBufferSize = 256 * 1024;

  Impl();
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Runs until stop() was called.
  void run();
  void stop() noexcept;
  /// One turn; waits for an event only when `wait`. For tests.
  void turn(bool wait);

  /// Runs `f` at the end of this turn, after what is queued already.
  void defer(Callback<void()> f);
  /// Visits the stream at the end of this turn.
  void visitAtTurnEnd(net::Stream& stream) noexcept;
  void forget(net::Stream& stream) noexcept;

  /// The one coarse clock of all timeouts: calls back every `milliseconds` until another call; empty stops it.
  void setTick(std::function<void()> f, std::uint64_t milliseconds);
  /// Milliseconds of the monotonic clock as of this turn.
  std::uint64_t now() const noexcept { return uv_now(&uv); }

  uv_loop_t uv;
  std::unique_ptr<char[]> receiveBuffer;
  net::BufferPool buffers;
  std::vector<std::shared_ptr<void>> closing;  ///< who must live until libuv lets go of its handle
  std::unordered_map<Timer::Id, std::unique_ptr<net::UserTimer>> timers;
  Timer::Id lastTimer = 0;
  std::unordered_map<Loop::Descriptor, std::unique_ptr<net::Watch>> watches;
  std::unordered_map<int, std::unique_ptr<net::SignalWatch>> signals;
  std::thread::id thread;

  void post(Callback<void()> f);
  /// The framework's own callback for a signal, or the user's: both are called. Empty takes it away.
  void watchSignal(int number, bool ours, Callback<void(int)> callback);

 private:
  void endTurn();
  void runPosted();
  void wake() noexcept { uv_async_send(&async_); }

  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_async_t async_;
  uv_timer_t tickTimer_;
  std::shared_ptr<std::function<void()>> tick_;
  net::Stream* first_ = nullptr;
  net::Stream* last_ = nullptr;
  std::vector<Callback<void()>> deferred_;
  std::mutex postMutex_;
  std::vector<Callback<void()>> posted_;
  bool stopped_ = false;
};

namespace net {

/// Of this process; null before a worker has started.
inline Loop* processLoop = nullptr;
/// What is behind it, one step nearer: every message asks for it several times.
inline Loop::Impl* processLoopImpl = nullptr;
/// Not to be called before a worker has started.
inline Loop::Impl& loop() noexcept { return *processLoopImpl; }
/// Makes (ends) the loop of this process.
Loop& createLoop();
void destroyLoop() noexcept;
/// Closes a handle that was allocated with new and frees it when libuv lets go of it.
template <class Owner>
void closeAndDelete(Owner* owner) {
  owner->handle.data = owner;
  uv_close(reinterpret_cast<uv_handle_t*>(&owner->handle),
           [](uv_handle_t* handle) { delete static_cast<Owner*>(handle->data); });
}

}  // namespace net

}  // namespace artel
