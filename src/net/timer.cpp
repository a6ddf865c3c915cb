#include "artel/timer.hpp"

#include <uv.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "src/net/loop.hpp"
#include "src/net/statistics.hpp"
#include "src/net/timer.hpp"
#include "src/net/user_code.hpp"

namespace artel {

namespace {

void fire(uv_timer_t* handle) {
  auto* timer = static_cast<net::UserTimer*>(handle->data);
  const auto callback = timer->callback;
  const Timer::Id id = timer->id;
  // Armed again before the callback runs: the interval counts from the beginning of a run.
  if (timer->persistent)
    uv_timer_start(handle, fire, timer->interval, 0);
  else
    Timer::del(id);
  net::activity.enter(net::Running::timer, id);
  net::userCode(nullptr, [&] { callback(id); });
}

}  // namespace

Timer::Id Timer::start(double milliseconds, Callback<void(Id)> callback, bool persistent) {
  if (net::processLoop == nullptr)
    throw std::logic_error("Timer::add before the loop runs: add timers inside callbacks, such as onWorkerStart");
  if (!std::isfinite(milliseconds) || milliseconds < 0)
    throw std::invalid_argument("Timer::add: the interval must not be negative");
  if (!callback) throw std::invalid_argument("Timer::add: the callback is empty");
  auto& loop = net::loop();
  auto timer = std::make_unique<net::UserTimer>();
  timer->id = ++loop.lastTimer;
  // At least 1 ms: a timer of zero belongs to a later turn, and must not keep this one from ending.
  timer->interval = static_cast<std::uint64_t>(std::clamp(std::ceil(milliseconds), 1.0, 9e15));
  timer->persistent = persistent;
  timer->callback = std::move(callback);
  uv_timer_init(&loop.uv, &timer->handle);
  timer->handle.data = timer.get();
  // The loop's clock stands still during a turn, and the callback that adds this may have run for long. Moving the
  // clock here could make timers run without end in one turn, so the difference is added instead.
  const std::uint64_t real = uv_hrtime() / 1'000'000, turn = loop.now();
  uv_timer_start(&timer->handle, fire, timer->interval + (real > turn ? real - turn : 0), 0);
  const Id id = timer->id;
  loop.timers.emplace(id, std::move(timer));
  return id;
}

bool Timer::del(Id id) {
  if (net::processLoop == nullptr) return false;
  auto& timers = net::loop().timers;
  const auto at = timers.find(id);
  if (at == timers.end()) return false;
  net::UserTimer* gone = at->second.release();
  timers.erase(at);
  net::closeAndDelete(gone);
  return true;
}

void Timer::delAll() {
  if (net::processLoop == nullptr) return;
  auto timers = std::exchange(net::loop().timers, {});
  for (auto& [id, timer] : timers) net::closeAndDelete(timer.release());
}

std::size_t Timer::count() noexcept { return net::processLoop == nullptr ? 0 : net::loop().timers.size(); }

}  // namespace artel
