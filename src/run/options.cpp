#include "src/run/options.hpp"

#include <algorithm>

#include "artel/error.hpp"
#include "artel/version.hpp"

namespace artel::run {

namespace {

std::string nameOf(const std::string& program) {
  std::string name = program.substr(program.find_last_of("/\\") + 1);
  if (name.size() > 4 && name.ends_with(".exe")) name.resize(name.size() - 4);
  return name;
}

}  // namespace

Options parseOptions(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      options.words.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word == "-h" || word == "--help") {
      options.help = true;
    } else if (word == "--version") {
      options.version = true;
    } else if (word.starts_with("-")) {
      throw SetupError(Exit::usage, "unknown option \"" + word + "\"",
                       {{"try", "artel-run --help (words for the programs follow \"--\")"}});
    } else if (std::find(options.programs.begin(), options.programs.end(), word) != options.programs.end()) {
      throw SetupError(Exit::usage,
                       "\"" + word + "\" is named twice: a program runs once, with as many processes as its count");
    } else {
      options.programs.push_back(word);
    }
  }
  if (!options.help && !options.version && options.programs.empty())
    throw SetupError(Exit::usage, "no program\n\n" + usage());
  return options;
}

std::string usage() {
  return "artel-run " + std::string(version()) +
         "\n"
         "usage: artel-run PROGRAM [PROGRAM ...] [-- words for the applications]\n"
         "\n"
         "Runs artel programs side by side under one console. Each line that one prints\n"
         "has its name in front. One that ends is started again: after 1 s, later after\n"
         "up to 30 s while it keeps ending young. Ctrl+C stops them all; once more kills\n"
         "them. On Windows each Worker of a program runs as a process of its own.\n"
         "\n"
         "  -h, --help      this text\n"
         "  --version       the version\n"
         "\n"
         "example\n"
         "  artel-run ./site_pages ./site_clock\n";
}

std::vector<std::string> namesOf(const std::vector<std::string>& programs) {
  std::vector<std::string> names;
  names.reserve(programs.size());
  for (const std::string& program : programs) names.push_back(nameOf(program));
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const bool alone = std::count_if(programs.begin(), programs.end(), [&](const std::string& other) {
                         return nameOf(other) == nameOf(programs[i]);
                       }) == 1;
    if (!alone) names[i] = programs[i];
  }
  return names;
}

}  // namespace artel::run
