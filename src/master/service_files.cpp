#include "src/master/service_files.hpp"

#include <filesystem>

#include "artel/worker.hpp"
#include "platform/platform.hpp"

namespace artel {

namespace {

std::filesystem::path pathOf(const std::string& utf8) { return std::u8string(utf8.begin(), utf8.end()); }

std::string textOf(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

/// Not through symbolic links: what the user typed is what the user finds.
std::string absolute(const std::string& path) {
  return textOf(std::filesystem::absolute(pathOf(path)).lexically_normal());
}

}  // namespace

ServiceFiles ServiceFiles::of(const Command& command) {
  ServiceFiles files;
  std::filesystem::path program = pathOf(command.program).filename();
  if (program.extension() == ".exe") program.replace_extension();
  files.name = textOf(program);
  files.pid = absolute(!command.pidFile.empty()   ? command.pidFile
                       : !Worker::pidFile.empty() ? Worker::pidFile
                                                  : files.name + ".pid");
  files.program = platform::programFile(command.program);
  files.lock = files.pid + ".lock";
  files.control = (files.pid.ends_with(".pid") ? files.pid.substr(0, files.pid.size() - 4) : files.pid) + ".sock";
  // A second instance beside the first has another pid file, and so another log.
  std::filesystem::path stem = pathOf(files.pid).filename();
  if (stem.extension() == ".pid") stem.replace_extension();
  files.log = absolute(Worker::logFile.empty() ? textOf(stem) + ".log" : Worker::logFile);
  if (!Worker::stdoutFile.empty()) files.output = absolute(Worker::stdoutFile);
  return files;
}

}  // namespace artel
