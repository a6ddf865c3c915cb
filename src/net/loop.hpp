// The event loop of this process: libuv's loop, the receive buffer all connections share, and the end of each turn.
//
// Where the system tells which sockets are ready (directIo()), we sleep for ourselves: connections and listeners are
// polled by the Poller, libuv's own descriptor is one more in it, and libuv runs when it has something to do (timers,
// signals, post, UDP, what the user watches). Elsewhere libuv sleeps and does all of it.
//
//   wait ─► connections, listeners ─► end of the turn ─► libuv, if it has something ─► let go of what was closed ─►
//   wait
//
// Among many connections that are ready the listeners are looked at again and again: who is new does not wait until all
// who are there have been served.
//
// A turn is one such pass. Before the loop sleeps and after what came was done, the end of the turn runs: streams that
// asked for it are visited in the order they asked, which writes what was corked and raises the events that user calls
// have caused. So nothing a user calls calls the user back, and every reply leaves before the loop sleeps.
#pragma once

#include <uv.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "artel/loop.hpp"
#include "platform/platform.hpp"
#include "src/net/buffer_pool.hpp"
#include "src/net/tls_stream.hpp"

namespace artel {

namespace net {

class Resolver;
class Stream;
struct UserTimer;

/// What the Poller watches. It must outlive the turn in which its watching ended.
class Pollable {
 public:
  Pollable() = default;
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;
  /// Events of platform::Poller.
  virtual void ready(std::uint8_t events) = 0;

 protected:
  ~Pollable() = default;
};

/// A connection that waits to be taken: a socket of our own accept, or libuv's turn to accept.
struct Incoming {
  platform::NativeSocket socket = platform::noSocket;
  uv_stream_t* server = nullptr;
  std::array<std::byte, 28> peer{};  ///< its sockaddr, if it was told
};
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
  /// Its socket is closed: handleClosed() after its visit, before the loop sleeps.
  void letGoLater(net::Stream& stream) { gone_.push_back(&stream); }

  /// The one coarse clock of all timeouts: calls back every `milliseconds` until another call; empty stops it.
  void setTick(std::function<void()> f, std::uint64_t milliseconds);
  /// Milliseconds of the monotonic clock as of this turn.
  std::uint64_t now() const noexcept { return uv_now(&uv); }

  uv_loop_t uv;
  platform::Poller poller;
  platform::Poller doors;  ///< the listeners of `poller` once more, to be asked for alone
  std::unique_ptr<char[]> receiveBuffer;
  net::BufferPool buffers;
  net::HandshakeQueue handshakes;
  std::vector<net::Stream*> behind;  ///< where the kernel has not taken all; each knows its place
  /// Bytes that they hold.
  std::uint64_t sendQueue() const noexcept;
  std::string cipherOut;  ///< what a session says by itself, from one call to the next
  /// What came, decrypted; made when it is needed first.
  std::span<char> plainBuffer();
  std::vector<std::shared_ptr<void>> closing;  ///< who must live until libuv lets go of its handle
  std::unordered_map<Timer::Id, std::unique_ptr<net::UserTimer>> timers;
  Timer::Id lastTimer = 0;
  std::unordered_map<Loop::Descriptor, std::unique_ptr<net::Watch>> watches;
  std::unordered_map<int, std::unique_ptr<net::SignalWatch>> signals;

  /// Called under the lock of all posts.
  void push(Callback<void()>&& f);
  void post(Callback<void()> f);
  /// Made when it is first asked for.
  net::Resolver& resolver();
  /// The framework's own callback for a signal, or the user's: both are called. Empty takes it away.
  void watchSignal(int number, bool ours, Callback<void(int)> callback);

 private:
  void turnOfOurs(bool wait);
  bool serve(std::span<const platform::Poller::Ready> ready);
  void lookAtDoors();
  void endTurn();
  void letGo();
  void runPosted();
  void wake() noexcept { uv_async_send(&async_); }

  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_async_t async_;
  uv_timer_t tickTimer_;
  std::shared_ptr<std::function<void()>> tick_;
  net::Stream* first_ = nullptr;
  net::Stream* last_ = nullptr;
  std::vector<net::Stream*> gone_;
  std::vector<platform::Poller::Ready> ready_;
  std::vector<Callback<void()>> deferred_;
  std::unique_ptr<char[]> plainBuffer_;
  std::vector<Callback<void()>> posted_;  ///< under postGate()
  bool stopped_ = false;
  std::unique_ptr<net::Resolver> resolver_;
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
