// What a start will do, decided before anything is done: workers, settings, command and what the system can do become a
// Plan, or one refusal. Nothing after this asks the system's capabilities again.
#pragma once

#include <string>
#include <vector>

#include "artel/capabilities.hpp"
#include "artel/worker.hpp"
#include "src/master/command_line.hpp"

namespace artel {

struct PlannedWorker {
  Worker* worker = nullptr;
  int count = 1;
};

struct Plan {
  std::vector<PlannedWorker> workers;
  std::vector<std::string> warnings;  ///< one sentence each
  std::string program;
  bool quiet = false;
  bool cluster = true;  ///< a master and forked workers; else this one process

  int processes() const noexcept;
};

/// Applies --listen, --count and --worker to the Workers, clamps, and checks everything that can be checked without
/// opening anything. Throws SetupError.
Plan resolve(const std::vector<Worker*>& workers, const Command& command, const Capabilities& can);

}  // namespace artel
