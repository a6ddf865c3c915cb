// Where a service leaves its traces: what a start writes and what the other commands look for.
#pragma once

#include <string>

#include "src/master/command_line.hpp"

namespace artel {

struct ServiceFiles {
  std::string name;     ///< of the program, without its directory: "chat"
  std::string pid;      ///< holds the master's number, for people and their scripts
  std::string lock;     ///< held by the master as long as it lives; who holds it is the master
  std::string control;  ///< the socket by which commands talk to the master
  std::string program;  ///< the program's own file
  std::string log;      ///< of a service in the background

  /// --pid-file, else Worker::pidFile, else <start directory>/<program>.pid; the others beside it. All absolute.
  static ServiceFiles of(const Command& command);
};

}  // namespace artel
