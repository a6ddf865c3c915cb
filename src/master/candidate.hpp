// A new program file that the master tries in a child before it takes its place.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/control.hpp"
#include "src/master/handover_state.hpp"

namespace artel {

struct Candidate {
  using Clock = std::chrono::steady_clock;

  bool graceful = false;  ///< the reload that it is tried for
  std::chrono::milliseconds timeout{0};
  std::vector<std::weak_ptr<ControlClient>> waiting;
  platform::NativeSocket program = platform::noSocket, output = platform::noSocket;
  platform::Pid pid = 0;  ///< of the trial; 0 when it has ended
  platform::Channel channel;
  Clock::time_point deadline{}, patience{};
  std::string said;  ///< the beginning of its output
  HandoverState::Programs programs;
  bool passed = false;                         ///< it could take over
  bool lost = false;                           ///< a socket of its own did not arrive
  std::vector<HandoverState::Listener> bound;  ///< what it listens on and we do not
  SocketFiles socketFiles;                     ///< among them
  std::vector<HandoverState::Certificates> certificates;
};

}  // namespace artel
