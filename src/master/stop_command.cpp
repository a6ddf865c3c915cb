// stop and reload: a question to the master, and the answer word by word. Without its socket, which somebody may have
// deleted, the master still has its signals.
#include <cstdio>
#include <filesystem>
#include <thread>

#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/master/command_json.hpp"
#include "src/master/control.hpp"
#include "src/master/service_commands.hpp"
#include "src/worker/bounded_wait.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {

constexpr auto stopPatience = 24h;  ///< the master has its own deadlines, and who waits has Ctrl+C
constexpr auto answerTime = 5s;     ///< a master that does not hang answers at once
constexpr auto look = 5ms;          ///< nothing tells when another process lets go of a lock

std::string asItsUser(const ServiceFiles& files) {
  const std::string owner = platform::fileOwner(files.control);
  return "the same command as the user who started the service" + (owner.empty() ? "" : ": " + owner);
}

/// The number that a crash has left may be another program's by now. Under the lock: a start in this moment writes its
/// own. The lock's file stays as it was, for the next start tells by it what happened.
void removeStalePidFile(const ServiceFiles& files) {
  if (platform::fileIdentity(files.pid).empty()) return;
  const bool kept = !platform::fileIdentity(files.lock).empty();
  platform::ServiceLock lock;
  if (!lock.take(files.lock)) return;
  std::error_code ignored;
  std::filesystem::remove(std::filesystem::path(std::u8string(files.pid.begin(), files.pid.end())), ignored);
  if (!kept) lock.release();
}

/// 0 when its number is not known.
platform::Pid masterOf(const Command& command, const ServiceFiles& files) {
  if (const auto owner = platform::ServiceLock::owner(files.lock)) return *owner;
  if (isRunning(files)) return 0;
  if (command.verb == Verb::stop) removeStalePidFile(files);
  throw notRunning(files, command.program);
}

ControlRequest requestOf(const Command& command) {
  ControlRequest request{std::string(rowOf(command.verb).name), {}};
  if (request.command == "restart") request.command = "stop";
  if (command.graceful) request.values["graceful"];
  if (command.wait) request.values["wait"];
  if (command.execute) request.values["exec"];
  if (command.timeout) request.values["timeout"] = std::to_string(command.timeout->count());
  return request;
}

/// Whether the master hangs: what it is asked for may take its time, an answer to this may not. A version that does
/// not know the question says so. Who cannot connect, or is cut off, finds out more by asking for what he wants.
bool hangs(const ServiceFiles& files) {
  const auto begin = std::chrono::steady_clock::now();
  const auto answered = askMaster(
      files.control, {"hello", {}}, [](std::string_view, std::string_view) {}, answerTime);
  return answered && !*answered && std::chrono::steady_clock::now() - begin >= answerTime;
}

/// Says what the master says, line by line, or with --json all of it at the end.
class Teller {
 public:
  Teller(const Command& command, const ServiceFiles& files) : command_(command), files_(files) {}

  void out(std::string_view text) {
    if (command_.json) return answer_.said.emplace_back(text), void();
    if (command_.quiet) return;
    std::printf("%s: %.*s\n", files_.name.c_str(), static_cast<int>(text.size()), text.data());
    std::fflush(stdout);
  }
  void error(std::string_view text) {
    if (command_.json) answer_.errors.emplace_back(text);
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());  // people read standard error
  }
  int end(int code) {
    answer_.code = code;
    if (command_.json) std::fputs(answerJson(files_.name, answer_).c_str(), stdout);
    return code;
  }

 private:
  const Command& command_;
  const ServiceFiles& files_;
  CommandAnswer answer_;
};

Result<std::optional<int>> ask(const Command& command, const ServiceFiles& files, Teller& tell) {
  return askMaster(
      files.control, requestOf(command),
      [&](std::string_view kind, std::string_view text) { kind == "err" ? tell.error(text) : tell.out(text); },
      stopPatience);
}

void signalMaster(platform::Pid master, platform::Notice notice, const ServiceFiles& files) {
  const auto sent =
      master > 0 ? platform::notify(master, notice)
                 : Result<void>(Error{
                       Errc::system,
                       "its number is not known here: it runs in another container, or its lock file was deleted", 0});
  if (!sent)
    throw SetupError(Exit::failed, files.name + ": the master cannot be reached: " + sent.error().message,
                     {{"try", asItsUser(files)}});
}

}  // namespace

SetupError alreadyRunning(const ServiceFiles& files, const std::string& program) {
  const auto owner = platform::ServiceLock::owner(files.lock);
  const auto at = [&](const char* verb) { return program + " " + verb + files.option; };
  return {Exit::alreadyRunning,
          files.name + " is already running" +
              (owner && *owner > 0 ? ": master " + std::to_string(*owner)
               : owner             ? " (" + files.lock + " is held)"
                                   : " (a master answers at " + files.control + ")"),
          {{"try", at("status") + " | " + at("reload") + " | " + at("restart -d")},
           {"or", program + " start --pid-file FILE      (a second instance beside it)"}}};
}

SetupError notRunning(const ServiceFiles& files, const std::string& program) {
  if (const auto may = platform::mayRead(files.lock); !may)
    return {Exit::failed,
            files.name + ": whether it runs cannot be seen: " + files.lock + ": " + may.error().message,
            {{"try", asItsUser(files)}}};
  return {Exit::notRunning,
          files.name + " is not running (nobody holds " + files.lock + ")",
          {{"try", program + " start -d" + files.option}}};
}

SetupError notAnswering(const ServiceFiles& files, const std::string& program, const Error* why) {
  const std::string what = files.name + ": the master does not answer at " + files.control;
  if (why != nullptr && why->code == Errc::permissionDenied)
    return {Exit::failed, what + ": " + why->message, {{"try", asItsUser(files)}}};
  return {Exit::failed,
          what + (why != nullptr ? ": " + why->message : ""),
          {{"try", program + " restart -d" + files.option + "      (somebody may have deleted the socket)"}}};
}

bool isRunning(const ServiceFiles& files) {
  if (platform::ServiceLock::owner(files.lock)) return true;
  const auto socket = platform::connectControl(files.control);
  if (socket) platform::closeSocket(*socket);
  return static_cast<bool>(socket);
}

bool awaitEnd(const ServiceFiles& files, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (isRunning(files)) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(look);
  }
  return true;
}

int runStop(const Command& command, const ServiceFiles& files) {
  const platform::Pid master = masterOf(command, files);
  Teller tell(command, files);
  const auto answered = hangs(files) ? Result<std::optional<int>>(std::nullopt) : ask(command, files, tell);
  if (answered && *answered) {
    awaitEnd(files, 5s);
    return tell.end(**answered);
  }
  if (!isRunning(files)) {  // it ended in this moment
    tell.out("stopped");
    return tell.end(static_cast<int>(Exit::ok));
  }
  signalMaster(master, command.graceful ? platform::Notice::stopGracefully : platform::Notice::stop, files);
  if (command.timeout) tell.error("a signal carries no -t: the service's own time limit counts");
  const bool noLimit = command.graceful && Worker::gracefulTimeout.count() <= 0;
  if (!awaitEnd(files, noLimit ? stopPatience
                               : boundedWait(command.graceful ? Worker::gracefulTimeout : Worker::stopTimeout) + 3s))
    throw SetupError(Exit::deadlinePassed, files.name + ": master " + std::to_string(master) + " does not stop",
                     {{"try", "kill -9 " + std::to_string(master)}});
  tell.out("stopped (by signal, for the control socket is gone; the log says whether a process had to be killed)");
  return tell.end(static_cast<int>(Exit::ok));
}

int runReload(const Command& command, const ServiceFiles& files) {
  const platform::Pid master = masterOf(command, files);
  if (hangs(files)) throw notAnswering(files, command.program, nullptr);
  Teller tell(command, files);
  const auto answered = ask(command, files, tell);
  if (answered && *answered) return tell.end(**answered);
  if (awaitEnd(files, 200ms))  // its lock outlives its last word for a moment
    throw SetupError(Exit::failed, files.name + ": the master ended while it was asked to reload",
                     {{"try", command.program + " start -d" + files.option}});
  signalMaster(master, command.graceful ? platform::Notice::reloadGracefully : platform::Notice::reload, files);
  tell.out("the reload has been asked for by signal, since the control socket is gone; see the log");
  return tell.end(static_cast<int>(Exit::ok));
}

}  // namespace artel
