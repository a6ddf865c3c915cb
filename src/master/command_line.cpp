#include "src/master/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

#include "artel/error.hpp"
#include "artel/version.hpp"

namespace artel {

namespace {

constexpr std::array<std::string_view, 3> verbs{"start", "version", "help"};
constexpr std::array<std::string_view, 7> options{"--quiet",     "--listen", "--count",  "--worker",
                                                  "--log-level", "--help",   "--version"};

/// Letters to change, add or remove to get from a to b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

template <class Words>
std::string nearest(std::string_view typed, const Words& known) {
  std::string_view best;
  std::size_t least = 3;  // further away is no near miss
  for (const std::string_view word : known) {
    if (const std::size_t d = distance(typed, word); d < least) {
      least = d;
      best = word;
    }
  }
  return best.empty() ? "" : ". Did you mean \"" + std::string(best) + "\"?";
}

[[noreturn]] void usage(const std::string& program, const std::string& what) {
  throw SetupError(Exit::usage, what, {{"try", program + " help"}});
}

Override split(const std::string& text) {
  // A name comes before '=', and an address has its "://" before any '='.
  const auto equals = text.find('='), slashes = text.find("://");
  if (equals == std::string::npos || slashes < equals) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

log::Level levelOf(const std::string& program, const std::string& name) {
  constexpr std::array<std::pair<std::string_view, log::Level>, 6> levels{{{"trace", log::Level::trace},
                                                                           {"debug", log::Level::debug},
                                                                           {"info", log::Level::info},
                                                                           {"warn", log::Level::warn},
                                                                           {"error", log::Level::error},
                                                                           {"off", log::Level::off}}};
  for (const auto& [word, level] : levels) {
    if (word == name) return level;
  }
  usage(program, "--log-level \"" + name + "\": it is trace, debug, info, warn, error or off");
}

}  // namespace

Command parseCommandLine(const std::vector<std::string>& words, const Capabilities& can) {
  Command command;
  command.program = words.empty() ? "program" : words.front();
  std::vector<std::string> ours(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (const auto mark = std::find(ours.begin(), ours.end(), "--"); mark != ours.end()) {
    command.arguments.assign(mark + 1, ours.end());
    ours.erase(mark, ours.end());
  }

  CLI::App app;
  app.set_help_flag();
  bool help = false, version = false;
  std::string verb, level = "info";
  std::vector<std::string> listen, count;
  app.add_option("command", verb);
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("-q,--quiet", command.quiet);
  app.add_option("--listen", listen)->take_all()->allow_extra_args(false);
  app.add_option("--count", count)->take_all()->allow_extra_args(false);
  app.add_option("--worker", command.onlyWorker);
  app.add_option("--log-level", level);
  try {
    std::reverse(ours.begin(), ours.end());  // CLI11 reads its vector from the back
    app.parse(ours);
  } catch (const CLI::ExtrasError&) {
    for (const std::string& word : app.remaining()) {
      usage(command.program, word.rfind('-', 0) == 0
                                 ? "unknown option \"" + word + "\"" + nearest(word, options)
                                 : "unexpected word \"" + word + "\" (the application's own words follow \"--\")");
    }
    throw;
  } catch (const CLI::ParseError& e) {
    usage(command.program, e.what());
  }
  command.logLevel = levelOf(command.program, level);
  for (const auto& one : listen) command.listen.push_back(split(one));
  for (const auto& one : count) command.count.push_back(split(one));
  if (version || verb == "version")
    command.verb = Command::Verb::version;
  else if (help || verb == "help")
    command.verb = Command::Verb::help;
  else if (verb == "start" || (verb.empty() && !can.controlCommands))
    command.verb = Command::Verb::start;
  else if (verb.empty()) {
    // Decisions: without a command the help is shown, and the exit code says that nothing was done.
    throw SetupError(Exit::usage, "no command\n\n" + helpText(command.program));
  } else {
    usage(command.program, "unknown command \"" + verb + "\"" + nearest(verb, verbs));
  }
  return command;
}

std::string helpText(const std::string& program) {
  return "artel " + std::string(version()) + "\nusage: " + program +
         " <command> [options] [-- words for the application]\n\n"
         "commands\n"
         "  start                     serve in the foreground; Ctrl+C stops\n"
         "  version                   what this program was built from\n"
         "  help                      this text\n\n"
         "options of start\n"
         "  -q, --quiet               print nothing but errors\n"
         "  --listen ADDRESS          listen there instead (programs with one worker)\n"
         "  --listen NAME=ADDRESS     the same for the worker of that name\n"
         "  --count N, --count NAME=N so many processes\n"
         "  --worker NAME             run this worker only\n"
         "  --log-level LEVEL         trace, debug, info, warn, error or off\n\n"
         "examples\n  " +
         program + " start\n  " + program + " start --listen http://0.0.0.0:8080 --count 4\n";
}

}  // namespace artel
