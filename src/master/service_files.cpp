#include "src/master/service_files.hpp"

#include <filesystem>

#include "artel/capabilities.hpp"
#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

std::filesystem::path pathOf(const std::string& utf8) { return std::u8string(utf8.begin(), utf8.end()); }

std::string textOf(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

/// Not through symbolic links: what the user typed is what the user finds.
std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto whole = std::filesystem::absolute(pathOf(path), failed);
  if (failed)
    throw SetupError(Exit::configuration,
                     "the directory this was started in does not exist any more: no place for \"" + path + "\"",
                     {{"try", "cd into a directory that exists"}});
  return textOf(whole.lexically_normal());
}

/// The same for every way to write it.
std::string resolved(const std::string& path) {
  std::error_code failed;
  const auto known = std::filesystem::weakly_canonical(pathOf(path), failed);
  return failed ? absolute(path) : textOf(known);
}

/// As a shell takes it for one word.
std::string asTyped(const std::string& path) {
  return path.find_first_of(" &;()'") == std::string::npos ? path : '"' + path + '"';
}

}  // namespace

ServiceFiles ServiceFiles::of(const Command& command) {
  ServiceFiles files;
  std::filesystem::path program = pathOf(command.program).filename();
  if (program.extension() == ".exe") program.replace_extension();
  files.name = textOf(program);
  const bool own = !Worker::pidFile.empty() && capabilities().controlCommands;
  files.pid = absolute(!command.pidFile.empty() ? command.pidFile : own ? Worker::pidFile : files.name + ".pid");
  files.program = platform::programFile(command.program);
  if (!command.pidFile.empty()) files.option = " --pid-file " + asTyped(command.pidFile);
  files.lock = files.pid + ".lock";
  files.control = files.pid + ".ctl";
  // A second instance beside the first has another pid file, and so another log.
  std::filesystem::path stem = pathOf(files.pid).filename();
  if (stem.extension() == ".pid") stem.replace_extension();
  files.log = absolute(Worker::logFile.empty() ? textOf(stem) + ".log" : Worker::logFile);
  if (!Worker::stdoutFile.empty()) files.output = absolute(Worker::stdoutFile);
  return files;
}

void refuseSharedPaths(const Plan& plan, const ServiceFiles& files) {
  for (const PlannedWorker& one : plan.workers) {
    const ListenAddress& address = one.worker->core().address;
    if (address.none() || address.kind != platform::SocketKind::unixStream) continue;
    const std::string path = resolved(address.host);
    for (const std::string* file : {&files.pid, &files.lock, &files.control, &files.log}) {
      if (path == resolved(*file))
        throw SetupError(Exit::configuration,
                         one.worker->core().label() + " listens where the service keeps a file of its own: " + *file,
                         {{"try", "another path for that socket, --pid-file FILE or Worker::logFile"}});
    }
  }
}

}  // namespace artel
