// What `stop` and `reload` have done, in one line. Pure.
#pragma once

#include <string>

namespace artel {

struct StopOutcome {
  int processes = 0, killed = 0;
  int cut = 0;  ///< connections
};
/// "stopped", "stopped, 1 of 2 processes had to be killed, 3 connections cut at the deadline".
std::string inWords(const StopOutcome& outcome);

struct ReloadOutcome {
  std::string programs;  ///< "3f2a -> 9c1d" when the program is another one
  int replaced = 0;      ///< workers
  int added = 0;         ///< that were not there before
  int gone = 0;          ///< that are no longer wanted
  int kept = 0;          ///< reloadable = false
  int killed = 0;        ///< of those that were to go
  int cut = 0;           ///< connections
};
/// "4 workers replaced", "program 3f2a -> 9c1d, 4 workers replaced, 1 new".
std::string inWords(const ReloadOutcome& outcome);

}  // namespace artel
