// The command line that every artel program has, as a value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "artel/capabilities.hpp"
#include "artel/log.hpp"

namespace artel {

/// "--listen NAME=VALUE" or "--listen VALUE" (then the name is empty).
struct Override {
  std::string worker, value;
};

struct Command {
  enum class Verb { start, version, help };
  Verb verb = Verb::help;
  bool quiet = false;
  std::string program;     ///< as typed, "./chat"
  std::string onlyWorker;  ///< --worker
  std::vector<Override> listen, count;
  log::Level logLevel = log::Level::info;
  std::vector<std::string> arguments;  ///< after "--"
};

/// Throws SetupError (E02) with what was not understood and what is near it.
Command parseCommandLine(const std::vector<std::string>& words, const Capabilities& can);

/// What "help" prints; fits 24 lines of 80 columns.
std::string helpText(const std::string& program);

}  // namespace artel
