// Log and output files are the master's: it opens them, it turns them over, and it hands the new ones to its workers,
// who may have no right to open anything.
#include <filesystem>

#include "artel/log.hpp"
#include "src/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/log_files.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
constexpr auto lookAtSize = 2s, tryAgain = 60s;
}

void Cluster::reopenLogs() {
  for (const auto& [message, file] : openAgain(files_)) {
    forEach([&, kind = message, descriptor = file](Slot& slot, Process& process) {
      pass(slot, process, kind, {}, descriptor);
    });
  }
}

void Cluster::rotateLog() {
  if (Worker::logFileMaxSize == 0 || log::targets().file == platform::noSocket) {
    nextRotation_ = Clock::time_point::max();
    return;
  }
  const auto now = Clock::now();
  if (now < nextRotation_) return;
  nextRotation_ = now + lookAtSize;
  if (platform::fileSize(log::targets().file) < Worker::logFileMaxSize) return;
  // Another service that writes to the same log may have turned it over: what is there now is not the full one.
  if (!platform::isFileAt(log::targets().file, files_.log)) return reopenLogs();
  const std::filesystem::path path(std::u8string(files_.log.begin(), files_.log.end()));
  std::filesystem::path old = path;
  old += ".1";
  std::error_code failed;
  std::filesystem::rename(path, old, failed);
  if (!failed) return reopenLogs();
  nextRotation_ = now + tryAgain;
  log::error("the log cannot be turned over and grows on: " + files_.log + ": " + failed.message());
}

}  // namespace artel
