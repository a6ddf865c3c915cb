// Loop: the event loop of this process, Worker::globalEvent() (manual 1.8.2.14). Watch your own descriptors and
// signals, or reach the loop from another thread with post, the only call that may come from one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "artel/callback.hpp"
#include "artel/timer.hpp"

namespace artel {

class Loop {
 public:
  using Descriptor = std::intptr_t;  ///< a file descriptor; on Windows a socket

  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Calls back whenever the descriptor can be read (written). A second call for the same direction replaces the first.
  /// Remove it before you close the descriptor. Throws std::system_error when the system cannot watch it.
  void onReadable(Descriptor descriptor, Callback<void(Descriptor)> callback);
  void onWritable(Descriptor descriptor, Callback<void(Descriptor)> callback);
  /// True when there was such a watch. No callback for it comes afterwards, not even in this turn.
  bool offReadable(Descriptor descriptor);
  bool offWritable(Descriptor descriptor);

  /// Calls back in a later turn after the signal came. Your handler comes beside the framework's own.
  void onSignal(int signal, Callback<void(int)> callback);
  bool offSignal(int signal);

  /// The manual's spellings for Timer::delay, Timer::add and Timer::del.
  Timer::Id delay(double seconds, Callback<void()> callback);
  Timer::Id repeat(double seconds, Callback<void()> callback);
  bool offDelay(Timer::Id id) { return Timer::del(id); }
  bool offRepeat(Timer::Id id) { return Timer::del(id); }
  void deleteAllTimer() { Timer::delAll(); }
  std::size_t getTimerCount() const noexcept { return Timer::count(); }

  /// Thread-safe: runs `f` on the loop's thread in a later turn, in the order of the calls. What was posted and not run
  /// when the loop ends is destroyed without being run, and so is what is posted later: a thread need not know whether
  /// the loop still runs, this object stays.
  void post(Callback<void()> f);
  /// Whether this is the loop's thread, and the loop there.
  bool here() const noexcept;
  /// The uv_loop_t of libuv, for your own handles. On Linux libuv runs when one of its handles has something to do, so
  /// prepare and check handles are not called in every turn of this loop.
  void* native() noexcept;

  struct Impl;
  /// For the framework. Empty once the loop has ended.
  explicit Loop(std::unique_ptr<Impl> impl) noexcept;
  Impl& impl() noexcept { return *impl_; }
  std::unique_ptr<Impl>& owned() noexcept { return impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace artel
