// The end of a service: listeners first, then the workers in order, then whoever asked for it.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/outcome.hpp"
#include "src/worker/bounded_wait.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
/// What a graceful stop leaves at its deadline for the last words: 1001, onDrain, what is queued.
constexpr std::chrono::milliseconds lastWords{400};
constexpr auto timeToHear = 1s;  // for the commands that wait, when all is over
}  // namespace

std::chrono::milliseconds timeoutOf(bool graceful) { return graceful ? Worker::gracefulTimeout : Worker::stopTimeout; }

void Cluster::tell(Process& process, bool graceful, Milliseconds timeout) {
  if (!process.alive()) return;
  timeout = boundedWait(timeout);
  const bool forever = graceful && timeout.count() <= 0;
  const auto deadline = forever ? Clock::time_point::max() : Clock::now() + timeout;
  // Told again, it may only become quicker.
  if (process.told && (process.graceful ? graceful && deadline >= process.deadline : deadline >= process.deadline))
    return;
  process.told = true;
  process.graceful = graceful;
  process.deadline = deadline;
  process.given = timeout;
  const char kind = graceful ? WorkerProcess::stopGracefullyMessage : WorkerProcess::stopMessage;
  // A worker that has not read the last hundred messages does not read this one; it will be killed.
  const std::string what = std::to_string(timeout.count()) + (phase_ == Phase::stopping ? " service" : "");
  if (process.channel && process.channel.put(kind, what)) return;
  static_cast<void>(
      platform::notify(process.pid, graceful ? platform::Notice::stopGracefully : platform::Notice::stop));
}

void Cluster::beginStop(bool graceful, Milliseconds timeout, std::string_view by) {
  if (phase_ != Phase::stopping) {
    if (phase_ == Phase::starting) {
      // A stop that comes at the same moment does not hide that the service was ready: somebody may have used it.
      forEach([this](Slot& slot, Process& process) {
        if (process.channel && !process.ready) heard(slot, process, allHeard);
      });
      if (phase_ == Phase::stopping) return;  // what was heard was another stop
    }
    life((graceful ? "stopping gracefully: " : "stopping: ") + std::string(by));
    if (candidate_) refuseProgram("the service is stopping");
    phase_ = Phase::stopping;
    platform::tellServiceManager("STOPPING=1");
    stopped_ = killed_ = cut_ = 0;
    reloadFailed("the service is stopping");
    endReload();
    wanted_.clear();
    // First of all, so that new clients are refused instead of waiting for nobody.
    platform::NativeSocket last = platform::noSocket;
    for (Slot& slot : slots_) {
      if (slot.listener != last && slot.listener != platform::noSocket) platform::closeSocket(slot.listener);
      last = std::exchange(slot.listener, platform::noSocket);
      for (const auto& [name, socket] : std::exchange(slot.kept, {})) platform::closeSocket(socket);
    }
  } else if (graceful && !graceful_) {
    return;  // it is on its way already, and quicker
  }
  graceful_ = graceful;
  forEach([&](Slot&, Process& process) { tell(process, graceful, timeout); });
}

void Cluster::stopNow() {
  beginStop(false, Worker::stopTimeout, "a second signal");
  forEach([this](Slot& slot, Process& process) {
    if (!process.killed) kill(slot, process, "is killed");
  });
}

void Cluster::kill(Slot& slot, Process& process, const std::string& why) {
  log::error(nameOf(slot) + " (pid " + std::to_string(process.pid) + ") " + why);
  process.killed = true;
  process.deadline = Clock::time_point::max();
  static_cast<void>(platform::killNow(process.pid));
}

void Cluster::killLate() {
  const auto now = Clock::now();
  forEach([&](Slot& slot, Process& process) {
    if (!process.alive() || now < process.deadline) return;
    if (!process.told) return kill(slot, process, "did not become ready and is killed");
    if (process.graceful) {
      const auto was = process.given;
      tell(process, false, std::min(lastWords, Worker::stopTimeout));
      process.given = was;
      process.late = true;
      return;
    }
    kill(slot, process,
         "did not stop within " + std::string(process.late ? "gracefulTimeout" : "stopTimeout") + " (" +
             std::to_string(process.given.count()) + " ms) and is killed");
  });
}

/// In the foreground the terminal shows what happens anyway.
void Cluster::life(const std::string& line) {
  log::write(plan_.background ? log::Level::info : log::Level::debug, line);
}

void Cluster::endStop() {
  const std::string said = inWords(StopOutcome{stopped_, killed_, cut_});
  if (failure_.empty()) life(said);
  for (const auto& waiting : stopWaiting_) {
    if (const Client client = waiting.lock()) {
      client->out(said);
      client->end(static_cast<int>(killed_ + cut_ > 0 ? Exit::deadlinePassed : Exit::ok));
    }
  }
  const auto end = Clock::now() + timeToHear;
  while (!control_.idle() && !stopWaiting_.empty() && Clock::now() < end) {
    std::vector<platform::NativeSocket> readers, writers;
    control_.addTo(readers, writers);
    control_.turn(supervisor_.wait(readers, 100ms, writers), 0, 0);
  }
  removeFiles();
}

void Cluster::removeFiles() {
  control_.close();
  if (!lock_.held()) return;
  if (!pidIdentity_.empty() && platform::fileIdentity(files_.pid) == pidIdentity_) {
    std::error_code ignored;
    std::filesystem::remove(std::filesystem::path(std::u8string(files_.pid.begin(), files_.pid.end())), ignored);
  }
  socketFiles_.removeAll();
  lock_.release();
}

}  // namespace artel
