// What this system can do. Asked once, when a start is planned; the answers also feed docs/windows.md.
#pragma once

#include <string_view>

namespace artel {

struct Capabilities {
  std::string_view platform;    ///< "linux", "windows"
  bool workerProcesses;         ///< several processes per Worker, supervised by a master
  bool manyListeners;           ///< several listening Workers in one program
  bool daemonize;               ///< start -d
  bool dropPrivileges;          ///< user, group
  bool reusePort;               ///< one listening socket per worker process
  bool controlCommands;         ///< stop, restart, reload, status, connections
  bool unixSockets;             ///< unix:///path
  std::string_view whyLimited;  ///< one sentence for the user; empty when nothing is missing
};

/// Of the system this program runs on. Constant for the life of the process.
const Capabilities& capabilities() noexcept;

}  // namespace artel
