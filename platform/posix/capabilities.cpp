#include "artel/capabilities.hpp"

namespace artel {

const Capabilities& capabilities() noexcept {
  static constexpr Capabilities all{
#ifdef __linux__
      .platform = "linux",
#else
      .platform = "posix",
#endif
      .workerProcesses = true,
      .manyListeners = true,
      .daemonize = true,
      .dropPrivileges = true,
      .reusePort = true,
      .controlCommands = true,
      .unixSockets = true,
      .whyLimited = "",
  };
  return all;
}

}  // namespace artel
