#include "src/master/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "artel/error.hpp"

namespace artel {

namespace {

[[noreturn]] void usage(const std::string& program, const std::string& what, const std::string& topic = "") {
  throw SetupError(Exit::usage, what, {{"try", program + " help" + topic}});
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

std::chrono::milliseconds secondsOf(const std::string& program, const std::string& text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value < 0 || value > 1e6)
    usage(program, "--timeout: \"" + text + "\" is not a number of seconds");
  return std::chrono::milliseconds(std::llround(value * 1000));
}

std::int64_t numberOf(const std::string& program, const std::string& option, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size())
    usage(program, option + ": \"" + text + "\" is not a number");
  return value;
}

/// The verb that the first word is; on a system without commands, no word means "start".
const CommandRow& rowOf(const std::string& word, const std::string& program, const Capabilities& can) {
  for (const CommandRow& row : commandTable()) {
    if (row.name != word) continue;
    if (!row.everywhere && !can.controlCommands) {
      throw SetupError(
          Exit::notOnThisSystem,
          "\"" + word + "\" is not available on " + std::string(can.platform == "windows" ? "Windows" : can.platform),
          {{"why", std::string(can.whyLimited)}, {"try", program + " start, and Ctrl+C to stop"}});
    }
    return row;
  }
  if (!word.empty()) usage(program, "unknown command \"" + word + "\"" + nearestCommand(word));
  if (!can.controlCommands) return artel::rowOf(Verb::start);
  // Decisions: without a command the help is shown, and the exit code says that nothing was done.
  throw SetupError(Exit::usage, "no command\n\n" + helpText(program));
}

}  // namespace

Command parseCommandLine(const std::vector<std::string>& words, const Capabilities& can) {
  Command command;
  const std::string& program = command.program = words.empty() ? "program" : words.front();
  std::vector<std::string> ours(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (const auto mark = std::find(ours.begin(), ours.end(), "--"); mark != ours.end()) {
    command.arguments.assign(mark + 1, ours.end());
    ours.erase(mark, ours.end());
  }

  CLI::App app;
  app.set_help_flag();
  bool help = false, version = false, noWait = false, execute = false;
  std::string verb, topic, timeout, level = "info", pid;
  std::vector<std::string> listen, count;
  app.add_option("command", verb);
  app.add_option("topic", topic);
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  const std::map<std::string_view, std::function<CLI::Option*(const std::string&)>> targets{
      {"--daemon", [&](auto& names) { return app.add_flag(names, command.daemon); }},
      {"--quiet", [&](auto& names) { return app.add_flag(names, command.quiet); }},
      {"--graceful", [&](auto& names) { return app.add_flag(names, command.graceful); }},
      {"--no-wait", [&](auto& names) { return app.add_flag(names, noWait); }},
      {"--exec", [&](auto& names) { return app.add_flag(names, execute); }},
      {"--json", [&](auto& names) { return app.add_flag(names, command.json); }},
      {"--timeout", [&](auto& names) { return app.add_option(names, timeout); }},
      {"--worker", [&](auto& names) { return app.add_option(names, command.onlyWorker); }},
      {"--log-level", [&](auto& names) { return app.add_option(names, level); }},
      {"--pid-file", [&](auto& names) { return app.add_option(names, command.pidFile); }},
      {"--pid", [&](auto& names) { return app.add_option(names, pid); }},
      {"--remote", [&](auto& names) { return app.add_option(names, command.remote); }},
      {"--status", [&](auto& names) { return app.add_option(names, command.status); }},
      {"--sort", [&](auto& names) { return app.add_option(names, command.sort); }},
      {"--limit", [&](auto& names) { return app.add_option(names, command.limit); }},
      {"--listen", [&](auto& names) { return app.add_option(names, listen)->take_all()->allow_extra_args(false); }},
      {"--count", [&](auto& names) { return app.add_option(names, count)->take_all()->allow_extra_args(false); }},
  };
  std::vector<std::pair<const OptionRow*, const CLI::Option*>> known;
  for (const OptionRow& row : optionTable())
    known.emplace_back(&row, targets.at(row.longName())(std::string(row.names)));
  try {
    std::reverse(ours.begin(), ours.end());  // CLI11 reads its vector from the back
    app.parse(ours);
  } catch (const CLI::ExtrasError&) {
    for (const std::string& word : app.remaining()) {
      usage(program, word.rfind('-', 0) == 0
                         ? "unknown option \"" + word + "\"" + nearestOption(word)
                         : "unexpected word \"" + word + "\" (the application's own words follow \"--\")");
    }
    throw;
  } catch (const CLI::ArgumentMismatch& e) {
    // "--timeout: ..." in CLI11's words; what it can be is a value that is missing, or one too many.
    const std::string option = std::string(e.what()).substr(0, std::string_view(e.what()).find(':'));
    const bool given = std::any_of(known.begin(), known.end(), [&](const auto& one) {
      return one.first->longName() == option && one.second->count() > 1;
    });
    usage(program, option + (given ? " can be given once only" : " needs a value"));
  } catch (const CLI::ParseError& e) {
    usage(program, e.what());
  }
  if (version) verb = "version";
  if (help) {
    topic = verb;
    verb = "help";
  }
  const CommandRow& row = rowOf(verb, program, can);
  command.verb = row.verb;
  if (row.verb == Verb::trace) {
    if (topic.empty())
      throw SetupError(Exit::usage, "trace: of which process?",
                       {{"try", program + " trace PID      (" + program + " status has the numbers)"}});
    pid = std::exchange(topic, "");
  }
  if (!topic.empty() && row.words.empty())
    usage(program, "unexpected word \"" + topic + "\" (the application's own words follow \"--\")");
  for (const auto& [option, given] : known) {
    if (given->count() > 0 && !option->takenBy(row.verb))
      usage(program, "\"" + std::string(option->longName()) + "\" is no option of \"" + std::string(row.name) + "\"",
            " " + std::string(row.name));
    // "$VARIABLE" that is not set is no wish for the default.
    for (const std::string& value : given->results()) {
      if (value.empty()) usage(program, std::string(option->longName()) + " needs a value");
    }
  }
  if (command.daemon && !can.daemonize)
    throw SetupError(Exit::notOnThisSystem,
                     "\"" + std::string(row.name) + " -d\" is not available on " +
                         std::string(can.platform == "windows" ? "Windows" : can.platform),
                     {{"why", std::string(can.whyLimited)}, {"try", program + " start"}});
  if (!timeout.empty()) command.timeout = secondsOf(program, timeout);
  if (!pid.empty()) command.pid = numberOf(program, row.verb == Verb::trace ? "trace" : "--pid", pid);
  command.wait = !noWait;
  command.execute = execute;
  command.topic = topic;
  command.logLevel = levelOf(program, level);
  for (const auto& one : listen) command.listen.push_back(split(one));
  for (const auto& one : count) command.count.push_back(split(one));
  return command;
}

}  // namespace artel
