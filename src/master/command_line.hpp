// The command line that every artel program has, as a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "artel/capabilities.hpp"
#include "artel/log.hpp"
#include "src/master/commands.hpp"

namespace artel {

/// "--listen NAME=VALUE" or "--listen VALUE" (then the name is empty).
struct Override {
  std::string worker, value;
};

struct Command {
  using Verb = artel::Verb;
  Verb verb = Verb::help;
  bool daemon = false;  ///< start, restart: in the background; status: live
  bool quiet = false, graceful = false, wait = true, execute = false, json = false;
  std::optional<std::chrono::milliseconds> timeout;  ///< -t
  std::string program;                               ///< as typed, "./chat"
  std::string pidFile;                               ///< --pid-file
  std::string onlyWorker;                            ///< --worker
  std::vector<Override> listen, count;
  log::Level logLevel = log::Level::info;
  std::string topic;  ///< the word after "help" or "completion"
  // connections, trace
  std::optional<std::int64_t> pid;
  std::string remote, sort, limit, status;
  std::vector<std::string> arguments;  ///< after "--"
};

/// Throws SetupError: E02 with what was not understood and what is near it, E07 for what this system has not.
Command parseCommandLine(const std::vector<std::string>& words, const Capabilities& can);

}  // namespace artel
