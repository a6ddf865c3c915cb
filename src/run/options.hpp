// The command line of artel-run, as a value.
#pragma once

#include <string>
#include <vector>

namespace artel::run {

struct Options {
  std::vector<std::string> programs;
  std::vector<std::string> words;  ///< after "--": for each of the programs
  bool help = false, version = false;
};

/// Throws SetupError (E02).
Options parseOptions(const std::vector<std::string>& words);
std::string usage();

/// What the programs are called in front of their lines: the file's name, or all that was typed where two have the
/// same.
std::vector<std::string> namesOf(const std::vector<std::string>& programs);

}  // namespace artel::run
