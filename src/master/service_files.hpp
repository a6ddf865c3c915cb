// Where a service leaves its traces: what a start writes and what the other commands look for.
#pragma once

#include <string>

#include "src/master/command_line.hpp"
#include "src/master/plan.hpp"

namespace artel {

struct ServiceFiles {
  std::string name;         ///< of the program, without its directory: "chat"
  std::string pid;          ///< holds the master's number, for people and their scripts
  std::string lock;         ///< held by the master as long as it lives; who holds it is the master
  std::string control;      ///< the socket by which commands talk to the master
  std::string program;      ///< the program's own file
  std::string log;          ///< of a service in the background
  std::string output;       ///< standard output and error of a service in the background; "" when nothing is kept
  std::string option = {};  ///< " --pid-file FILE" as it was given, for commands that a text names; "" without

  /// --pid-file, else Worker::pidFile (where there are commands that look for it), else <start
  /// directory>/<program>.pid; lock and control beside it. The log: Worker::logFile, else <start directory>/<pid file
  /// without .pid>.log. All absolute.
  static ServiceFiles of(const Command& command);
};

/// A Unix socket of a Worker must not be one of these files. Throws SetupError (E06).
void refuseSharedPaths(const Plan& plan, const ServiceFiles& files);

}  // namespace artel
