#include "artel/capabilities.hpp"

namespace artel {

const Capabilities& capabilities() noexcept {
  static constexpr Capabilities limited{
      .platform = "windows",
      .workerProcesses = false,
      .manyListeners = false,
      .daemonize = false,
      .dropPrivileges = false,
      .reusePort = false,
      .controlCommands = false,
      .unixSockets = false,
      .whyLimited =
          "Windows runs one process with one listener, without a master; the same program has it all on Linux",
  };
  return limited;
}

}  // namespace artel
