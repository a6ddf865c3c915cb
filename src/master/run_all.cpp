// Worker::runAll: the order of a start, as a table of contents.
#include <cstdio>

#include "artel/log.hpp"
#include "artel/version.hpp"
#include "artel/worker.hpp"
#include "src/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_commands.hpp"
#include "src/master/single.hpp"
#include "src/master/start_screen.hpp"

namespace artel {

namespace {

constexpr std::uint64_t wantedOpenFiles = 1'048'576;

std::vector<std::string>& applicationWords() {
  static std::vector<std::string> words;
  return words;
}

void help(const Command& command) {
  for (const CommandRow& row : commandTable()) {
    if (row.name == command.topic) {
      std::fputs(helpText(command.program, row).c_str(), stdout);
      return;
    }
  }
  if (!command.topic.empty())
    throw SetupError(Exit::usage, "help: unknown command \"" + command.topic + "\"" + nearestCommand(command.topic));
  std::fputs(helpText(command.program).c_str(), stdout);
}

int start(const Command& command) {
  const Plan plan = resolve(Worker::all(), command, capabilities());
  for (const std::string& warning : plan.warnings) log::warn(warning);
  log::debug("open files: " + std::to_string(platform::raiseOpenFiles(wantedOpenFiles)));
  if (!plan.cluster) return runSingle(plan);
  platform::setProcessTitle("artel: master process " + command.program);
  return Cluster(plan).run();
}

int run(int argc, char** argv) {
  platform::saveProcessTitleSpace(argc, argv);
  const Command command = parseCommandLine(platform::arguments(argc, argv), capabilities());
  applicationWords() = command.arguments;
  log::setLevel(command.logLevel);
  log::setWho("master/" + std::to_string(platform::currentPid()));
  switch (command.verb) {
    case Verb::help:
      help(command);
      return 0;
    case Verb::version:
      std::printf("%s\nbuild %s\n", versionLine().c_str(), std::string(buildId()).c_str());
      return 0;
    case Verb::start:
      return start(command);
    case Verb::status:
      return runStatus(command, ServiceFiles::of(command));
    case Verb::connections:
      return runConnections(command, ServiceFiles::of(command));
    case Verb::stop:
    case Verb::restart:
    case Verb::reload:
      break;
  }
  throw SetupError(Exit::failed, std::string(rowOf(command.verb).name) + " is not supported by this version");
}

}  // namespace

int Worker::runAll(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const SetupError& refused) {
    std::fputs(refused.text().c_str(), stderr);
    return static_cast<int>(refused.exit());
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "error[E70] internal error: %s\n  try:    report it with what you typed\n", bug.what());
    return static_cast<int>(Exit::internal);
  }
}

const std::vector<std::string>& Worker::arguments() noexcept { return applicationWords(); }

}  // namespace artel
