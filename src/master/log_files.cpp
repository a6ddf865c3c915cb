#include "src/master/log_files.hpp"

#include <filesystem>

#include "artel/log.hpp"
#include "artel/worker.hpp"
#include "src/log.hpp"
#include "src/worker/process.hpp"

namespace artel {

namespace {

bool redirected = false;

std::string outputOf(const ServiceFiles& files) { return files.output.empty() ? "/dev/null" : files.output; }

Result<platform::NativeSocket> open(const std::string& path) {
  const auto parent = std::filesystem::path(std::u8string(path.begin(), path.end())).parent_path();
  std::error_code ignored;  // opening tells
  if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
  return platform::openAppend(path);
}

[[noreturn]] void refuse(const std::string& path, const char* property, const Error& error) {
  throw SetupError(Exit::configuration, std::string(property) + " cannot be written: " + path + ": " + error.message,
                   {{"try", std::string("Worker::") + property + " in a directory this user may write to"}});
}

platform::NativeSocket openOrRefuse(const std::string& path, const char* property) {
  auto file = open(path);
  if (!file) refuse(path, property, file.error());
  return *file;
}

}  // namespace

void openLogFiles(const ServiceFiles& files, bool background) {
  if (background || !Worker::logFile.empty()) log::targets().file = openOrRefuse(files.log, "logFile");
  if (!background) return;
  const auto out = openOrRefuse(outputOf(files), "stdoutFile");
  log::targets().launcher = platform::duplicateStandardError();
  log::targets().standardError = false;
  redirected = true;
  const auto done = platform::redirectStandardStreams(out);
  platform::closeFile(out);
  if (!done) throw SetupError(Exit::failed, "cannot leave the terminal: " + done.error().message);
}

void refuseUnwritable(const ServiceFiles& files, bool background) {
  const auto look = [](const std::string& path, const char* property) {
    if (const auto may = platform::mayWrite(path); !may) refuse(path, property, may.error());
  };
  if (background || !Worker::logFile.empty()) look(files.log, "logFile");
  if (background) look(outputOf(files), "stdoutFile");
}

std::vector<std::pair<char, platform::NativeSocket>> openAgain(const ServiceFiles& files) {
  std::vector<std::pair<char, platform::NativeSocket>> changed;
  if (log::targets().file != platform::noSocket) {
    if (const auto file = open(files.log)) {
      platform::becomeDescriptor(*file, log::targets().file);
      changed.emplace_back(WorkerProcess::logMessage, log::targets().file);
    } else {
      log::error("the log file cannot be opened again: " + files.log + ": " + file.error().message);
    }
  }
  if (redirected) {
    if (const auto file = open(outputOf(files))) {
      const auto done = platform::redirectStandardStreams(*file);
      platform::closeFile(*file);
      if (done)
        changed.emplace_back(WorkerProcess::outputMessage, 1);
      else
        log::error("standard output cannot be turned to " + outputOf(files) + ": " + done.error().message);
    } else {
      log::error("stdoutFile cannot be opened again: " + outputOf(files) + ": " + file.error().message);
    }
  }
  return changed;
}

}  // namespace artel
