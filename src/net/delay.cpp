#include "src/net/delay.hpp"

#include <algorithm>
#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

struct Delay::Handle {
  uv_timer_t handle;
  Delay* owner;
  std::function<void()> f;
};

Delay::~Delay() { stop(); }

void Delay::start(std::chrono::milliseconds after, std::function<void()> f) {
  stop();
  handle_ = new Handle{{}, this, std::move(f)};
  uv_timer_init(&loop().uv, &handle_->handle);
  handle_->handle.data = handle_;
  // The loop's clock stands still during a turn, see Timer.
  const std::uint64_t real = uv_hrtime() / 1'000'000, turn = loop().now();
  const auto fire = [](uv_timer_t* timer) {
    const auto call = std::move(static_cast<Handle*>(timer->data)->f);  // it may destroy the Delay
    static_cast<Handle*>(timer->data)->owner->stop();
    call();
  };
  uv_timer_start(&handle_->handle, fire,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(after.count(), 1)) + (real > turn ? real - turn : 0),
                 0);
}

void Delay::stop() noexcept {
  if (handle_ != nullptr) closeAndDelete(std::exchange(handle_, nullptr));
}

}  // namespace artel::net
