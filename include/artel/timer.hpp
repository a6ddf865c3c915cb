// Timer (manual 1.12): callbacks after a time, on this process's loop, never concurrent with any other callback.
//
// Add timers inside callbacks (onWorkerStart, onConnect, ...): before runAll there is no loop, and add throws
// std::logic_error. The clock is monotonic: setting the system's time disturbs nothing. The next run is due one
// interval after this one began; a late run shifts all later ones, missed runs are not made up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "artel/callback.hpp"

namespace artel {

class Timer {
 public:
  using Id = std::uint64_t;  ///< from 1 upward, unique in this process
  using Milliseconds = std::chrono::duration<double, std::milli>;

  /// Runs `f()` or `f(id)` after `interval`, again and again while `persistent`. Zero is allowed: a later turn of the
  /// loop. A negative or not finite interval throws std::invalid_argument. Resolution: 1 ms.
  template <class Rep, class Period, class F>
  static Id add(std::chrono::duration<Rep, Period> interval, F&& f, bool persistent = true) {
    return start(Milliseconds(interval).count(), taking(std::forward<F>(f)), persistent);
  }
  /// The same with plain seconds, as in the manual: Timer::add(2.5, f).
  template <class F>
  static Id add(double seconds, F&& f, bool persistent = true) {
    return start(seconds * 1000, taking(std::forward<F>(f)), persistent);
  }
  /// Once.
  template <class Time, class F>
  static Id delay(Time time, F&& f) {
    return add(time, std::forward<F>(f), false);
  }
  /// True when there was such a timer. Inside its own callback it is final, too.
  static bool del(Id id);
  /// All timers of the user in this process.
  static void delAll();
  static std::size_t count() noexcept;

 private:
  template <class F>
  static Callback<void(Id)> taking(F&& f) {
    if constexpr (std::is_invocable_v<std::decay_t<F>&, Id>)
      return Callback<void(Id)>(std::forward<F>(f));
    else
      return Callback<void(Id)>([g = std::forward<F>(f)](Id) mutable { g(); });
  }
  static Id start(double milliseconds, Callback<void(Id)> callback, bool persistent);
};

}  // namespace artel
