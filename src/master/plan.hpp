// What a start will do, decided before anything is done: workers, settings, command and what the system can do become a
// Plan, or one refusal. Nothing after this asks the system's capabilities again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "artel/capabilities.hpp"
#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/master/command_line.hpp"

namespace artel {

/// What a process asks the system for; `check` measures it too.
inline constexpr std::uint64_t wantedOpenFiles = 1'048'576;

struct PlannedWorker {
  Worker* worker = nullptr;
  int count = 1;
  std::optional<platform::UserIds> user = std::nullopt;  ///< whom its processes become
  /// What names its listening sockets, also to a program that takes this one's place: unique in a plan, "" without
  /// one. The address as it was asked for: the port of ":0" is not known yet.
  std::string listener = {};
  /// With reusePort each of its processes has a listening socket of its own.
  bool ownSockets() const noexcept;
};

struct Plan {
  std::vector<PlannedWorker> workers;
  std::vector<std::string> warnings;  ///< one sentence each
  std::string program;
  bool quiet = false;
  bool cluster = true;  ///< a master and forked workers; else this one process
  bool background = false;
  platform::Terminal terminal;  ///< of whoever started it
  std::string name;             ///< of the program, without its directory
  std::string logFile;          ///< of a service in the background, for the screen
  std::string pidFileOption;    ///< what the screen's commands need to find it: " --pid-file FILE", or ""

  int processes() const noexcept;
};

/// Applies --listen, --count and --worker to the Workers, clamps, and checks everything that can be checked without
/// opening anything. Throws SetupError.
Plan resolve(const std::vector<Worker*>& workers, const Command& command, const Capabilities& can);

}  // namespace artel
