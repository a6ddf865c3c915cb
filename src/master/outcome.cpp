#include "src/master/outcome.hpp"

namespace artel {

namespace {

std::string cutInWords(int connections) {
  if (connections == 0) return "";
  return ", " + std::to_string(connections) + (connections == 1 ? " connection" : " connections") +
         " cut at the deadline";
}

}  // namespace

std::string inWords(const StopOutcome& outcome) {
  std::string said = "stopped";
  if (outcome.killed > 0)
    said += ", " + std::to_string(outcome.killed) + " of " + std::to_string(outcome.processes) +
            (outcome.processes == 1 ? " process" : " processes") + " had to be killed";
  return said + cutInWords(outcome.cut);
}

std::string inWords(const ReloadOutcome& outcome) {
  std::string said = outcome.programs.empty() ? "" : "program " + outcome.programs + ", ";
  said += std::to_string(outcome.replaced) + (outcome.replaced == 1 ? " worker" : " workers") + " replaced";
  const auto add = [&said](int count, const char* what) {
    if (count > 0) said += ", " + std::to_string(count) + " " + what;
  };
  add(outcome.added, "new");
  add(outcome.gone, "no longer wanted");
  add(outcome.kept, "kept and told (reloadable = false)");
  add(outcome.killed, "killed at the deadline");
  return said + cutInWords(outcome.cut);
}

}  // namespace artel
