// A timer of the user.
#pragma once

#include <uv.h>

#include <cstdint>

#include "artel/timer.hpp"

namespace artel::net {

struct UserTimer {
  uv_timer_t handle;
  Timer::Id id = 0;
  std::uint64_t interval = 0;  ///< milliseconds
  bool persistent = true;
  Callback<void(Timer::Id)> callback;
};

}  // namespace artel::net
