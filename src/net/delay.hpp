// One call back after some time, on the framework's own account: the user's timer functions know nothing of it.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>

namespace artel::net {

class Delay {
 public:
  Delay() noexcept = default;
  Delay(const Delay&) = delete;
  Delay& operator=(const Delay&) = delete;
  ~Delay();

  /// Again: the call before it does not come. At least 1 ms, so it belongs to a later turn.
  void start(std::chrono::milliseconds after, std::function<void()> f);
  void stop() noexcept;
  bool running() const noexcept { return handle_ != nullptr; }

 private:
  struct Handle;
  Handle* handle_ = nullptr;
};

}  // namespace artel::net
