// Worker::runAll: the order of a start, as a table of contents.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "artel/log.hpp"
#include "artel/version.hpp"
#include "artel/worker.hpp"
#include "src/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/command_json.hpp"
#include "src/master/completion.hpp"
#include "src/master/handover_check.hpp"
#include "src/master/log_files.hpp"
#include "src/master/manual_page.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_commands.hpp"
#include "src/master/single.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/core.hpp"
#include "src/worker/stacks.hpp"

namespace artel {

namespace {

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

std::vector<std::string> workerNames() {
  std::vector<std::string> names;
  for (const Worker* worker : Worker::all()) names.push_back(worker->name);
  return names;
}

/// What the command that started a service in the background waits for, and its exit code.
int awaitService(const platform::Channel& service, const ServiceFiles& files) {
  for (;;) {
    platform::awaitReadable(service.native(), std::chrono::hours(24));
    const auto message = service.take();
    if (!message && message.error().code == Errc::wouldBlock) continue;
    if (!message || message->kind == 0)
      throw SetupError(Exit::failed, "the service ended while it was starting", {{"read", files.log}});
    if (message->kind == 'x') return std::atoi(message->body.c_str());
    std::fputs(message->body.c_str(), message->kind == 'e' ? stderr : stdout);
    std::fflush(message->kind == 'e' ? stderr : stdout);
  }
}

struct CrashReports {
  CrashReports() { stacks::reportOfMaster(); }
  ~CrashReports() { platform::offCrash(); }
  CrashReports(const CrashReports&) = delete;
  CrashReports& operator=(const CrashReports&) = delete;
};

int serve(const Plan& plan, const Command& command, const ServiceFiles& files, platform::Channel& launcher) {
  openLogFiles(files, plan.background);
  const CrashReports reports;
  platform::setProcessTitle("artel: master process " + command.program);
  return Cluster(plan, files, launcher).run();
}

int startInBackground(const Plan& plan, const Command& command, const ServiceFiles& files) {
  auto background = platform::goToBackground();
  if (!background) throw SetupError(Exit::failed, background.error().message);
  if (background->launcher) return awaitService(background->channel, files);
  log::setWho("master/" + std::to_string(platform::currentPid()));
  int code = static_cast<int>(Exit::internal);
  const auto tell = [&](const std::string& text) {
    if (background->channel)
      static_cast<void>(background->channel.put('e', text.substr(0, platform::Channel::maxBody)));
    else
      log::error(text);
  };
  try {
    code = serve(plan, command, files, background->channel);
    // Cluster lets the launcher go when the service is ready.
    if (background->channel)
      throw SetupError(Exit::failed, files.name + " was stopped while it was starting", {{"read", files.log}});
  } catch (const SetupError& refused) {
    code = static_cast<int>(refused.exit());
    tell(refused.text());
  } catch (const std::exception& bug) {
    tell(std::string("error[E70] internal error: ") + bug.what() + "\n");
  }
  if (background->channel) static_cast<void>(background->channel.put('x', std::to_string(code)));
  // main goes on in the process that the user started, and only there.
  platform::endProcess(code);
}

int start(const Command& command) {
  Plan plan = resolve(Worker::all(), command, capabilities());
  for (const std::string& warning : plan.warnings) log::warn(warning);
  log::debug("open files: " + std::to_string(platform::raiseOpenFiles(wantedOpenFiles)));
  const ServiceFiles files = ServiceFiles::of(command);
  plan.terminal = platform::standardOutput();
  plan.name = files.name;
  plan.logFile = files.log;
  plan.pidFileOption = files.option;
  if (!plan.cluster) {
    openLogFiles(files, false);
    return runSingle(plan, files);
  }
  if (isRunning(files)) throw alreadyRunning(files, command.program);
  refuseSharedPaths(plan, files);
  if (plan.background) return startInBackground(plan, command, files);
  platform::Channel nobody;
  return serve(plan, command, files, nobody);
}

int restart(const Command& command) {
  const ServiceFiles files = ServiceFiles::of(command);
  // What cannot start does not stop what runs.
  const Plan plan = resolve(Worker::all(), command, capabilities());
  refuseSharedPaths(plan, files);
  refuseUnwritable(files, plan.background);
  if (isRunning(files)) {
    const int code = runStop(command, files);
    if (code != static_cast<int>(Exit::ok) && code != static_cast<int>(Exit::deadlinePassed)) return code;
  }
  return start(command);
}

/// The program file has changed, and this program is in the place of the one before: what that one was told on its
/// command line counts, but for what the service has become since.
int takeOver(Command command, std::string left) {
  std::optional<HandoverState> state = HandoverState::parse(left);
  net::wipe(left);  // the keys of all Workers' tickets are in it, and this call lasts as long as the service
  if (!state) throw SetupError(Exit::internal, "what the program before this one has left cannot be read");
  command.pidFile = state->files.pid;
  for (const HandoverState::Certificates& one : std::exchange(state->certificates, {})) {
    const auto memory = platform::SharedMemory::adopt(one.memory);
    if (memory && one.size <= memory->size())
      Worker::Core::triedTls[one.worker].assign(static_cast<const char*>(memory->data()), one.size);
  }
  Plan plan = resolve(Worker::all(), command, capabilities());
  for (auto& [worker, tried] : Worker::Core::triedTls) net::wipe(tried);
  Worker::Core::triedTls.clear();
  ServiceFiles files = ServiceFiles::of(command);
  files.name = state->files.name;
  files.program = state->files.program;
  plan.background = state->background;
  plan.terminal = platform::standardOutput();
  plan.name = files.name;
  plan.logFile = files.log;
  try {
    openLogFiles(files, plan.background);
  } catch (const SetupError& refused) {
    log::error(refused.text());  // it could be opened when this program was tried: better without a log than no service
  }
  platform::closeFile(std::exchange(log::targets().launcher, platform::noSocket));
  platform::setProcessTitle("artel: master process " + command.program);
  platform::Channel nobody;
  const bool background = plan.background;
  int code = static_cast<int>(Exit::internal);
  try {
    code = Cluster(std::move(plan), std::move(files), nobody, std::move(*state)).run();
  } catch (const SetupError& refused) {
    if (!background) throw;
    code = static_cast<int>(refused.exit());
    log::error(refused.text());
  }
  if (background) platform::endProcess(code);  // as after start -d
  return code;
}

void version(const Command& command) {
  const std::string build(buildId()), program(programId());
  if (command.json)
    std::fputs(
        versionJson({ServiceFiles::of(command).name, std::string(artel::version()), build, program, libraryVersions()})
            .c_str(),
        stdout);
  else
    std::printf("%sbuild %s\nprogram %s\n", versionLine().c_str(), build.c_str(), program.c_str());
}

int obey(const Command& command) {
  switch (command.verb) {
    case Verb::help:
      help(command);
      return 0;
    case Verb::completion:
      std::fputs(completionScript(command.topic, ServiceFiles::of(command).name, workerNames()).c_str(), stdout);
      return 0;
    case Verb::man:
      std::fputs(manualPage(ServiceFiles::of(command).name).c_str(), stdout);
      return 0;
    case Verb::version:
      version(command);
      return 0;
    case Verb::start:
      return start(command);
    case Verb::status:
      return runStatus(command, ServiceFiles::of(command));
    case Verb::connections:
      return runConnections(command, ServiceFiles::of(command));
    case Verb::trace:
      return runTrace(command, ServiceFiles::of(command));
    case Verb::check:
      return runCheck(command, ServiceFiles::of(command));
    case Verb::unit:
      return runUnit(command, ServiceFiles::of(command));
    case Verb::stop:
      return runStop(command, ServiceFiles::of(command));
    case Verb::restart:
      return restart(command);
    case Verb::reload:
      return runReload(command, ServiceFiles::of(command));
  }
  return static_cast<int>(Exit::internal);
}

int run(int argc, char** argv) {
  platform::openStandardStreams();
  platform::saveProcessTitleSpace(argc, argv);
  const Command command = parseCommandLine(platform::arguments(argc, argv), capabilities());
  applicationWords() = command.arguments;
  log::setLevel(command.logLevel);
  log::setWho("master/" + std::to_string(platform::currentPid()));
  if (const platform::Channel master = platform::takeCheck()) return answerCheck(command, master);
  if (auto left = platform::takeHandover()) return takeOver(command, std::move(*left));
  try {
    return obey(command);
  } catch (const SetupError& refused) {
    if (command.json) std::fputs(errorJson(ServiceFiles::of(command).name, refused, Worker::all()).c_str(), stdout);
    throw;  // people read standard error
  }
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

bool Worker::checking() noexcept {
  static const bool yes = [] {
    if (platform::isChecked()) return true;
    try {
      return parseCommandLine(platform::startArguments(), capabilities()).verb == Verb::check;
    } catch (...) {
      return false;  // runAll says what is wrong with it
    }
  }();
  return yes;
}

const std::vector<std::string>& Worker::arguments() noexcept { return applicationWords(); }

}  // namespace artel
