// Reload: new processes in place of the old, without a moment in which nobody serves.
//
// Of each Worker one slot at a time has a successor that is not ready yet; predecessors that drain do not hold up the
// next slot. A further reload raises the generation, so slots that were done already are done again.
#include <algorithm>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/hook.hpp"
#include "src/master/outcome.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {

/// A successor that is not ready by then will not be.
constexpr auto longestStart = 60s;

}  // namespace

void Cluster::beginReload(bool graceful, Milliseconds timeout, const Client& client, bool execute) {
  if (phase_ == Phase::stopping) {
    if (client) {
      client->err("error[E01] reload: the service is stopping");
      client->end(static_cast<int>(Exit::failed));
    }
    return;
  }
  if (phase_ == Phase::starting) {
    wanted_.push_back({graceful, execute, timeout, client});
    return;
  }
  if (execute || candidate_ || platform::fileIdentity(files_.program) != programIdentity_)
    return beginHandover(graceful, timeout, client);
  log::info(graceful ? "reloading gracefully" : "reloading");
  if (!reload_.active) reload_ = Reload{};
  reload_.active = true;
  reload_.graceful = graceful;
  reload_.timeout = timeout;
  if (client) reload_.waiting.push_back(client);
  replaceAll();
}

/// Every process that serves now is one of the past.
void Cluster::replaceAll() {
  ++generation_;
  lookAtCertificates(true);
  reopenLogs();  // as the manual has it for stdoutFile
  if (Worker::onMasterReload) hook("onMasterReload", [] { Worker::onMasterReload(); });
  followCounts();
  for (Slot& slot : slots_) {
    if (slot.planned->worker->reloadable) {
      // One that drains since an earlier reload has to hurry, for its slot is wanted.
      tell(slot.predecessor, false, Worker::stopTimeout);
      continue;
    }
    slot.serving.generation = generation_;
    if (!slot.serving.ready) continue;
    static_cast<void>(slot.serving.channel.put(WorkerProcess::reloadMessage));
    ++reload_.kept;
  }
}

/// Whether any slot of that Worker, before or after the one in question, is in the middle of it.
bool Cluster::replacing(const PlannedWorker& planned) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.planned == &planned && (slot.successor.alive() || slot.counted);
  });
}

void Cluster::advanceReload() {
  if (!reload_.active || phase_ != Phase::running) return;
  bool done = gone_.empty();
  for (Slot& slot : slots_) {
    if (slot.predecessor.alive()) done = false;
    if (slot.successor.alive() || slot.counted) {
      done = false;
      continue;
    }
    if (!slot.planned->worker->reloadable || slot.serving.generation == generation_) continue;
    if (!slot.serving.alive()) {  // it waits for its pause; now is the moment
      slot.due = Clock::now();
      slot.counted = true;
      forkDue();
      done = false;
      continue;
    }
    done = false;
    if (replacing(*slot.planned) || slot.predecessor.alive() || slot.serving.told) continue;
    startReplacing(slot, reload_.graceful, reload_.timeout);
    if (!reload_.active) return;
  }
  if (done) endReload();
}

/// Who has served maxRequests, one of each Worker at a time. A reload replaces everybody anyway.
void Cluster::replaceWorn() {
  if (phase_ != Phase::running || reload_.active) return;
  for (Slot& slot : slots_) {
    if (!slot.worn || !slot.serving.ready || slot.serving.told) continue;
    if (replacing(*slot.planned) || slot.predecessor.alive()) continue;
    slot.worn = false;
    log::info(nameOf(slot) + " (pid " + std::to_string(slot.serving.pid) +
              ") has served maxRequests: a new one starts");
    startReplacing(slot, true, timeoutOf(true));
  }
}

void Cluster::startReplacing(Slot& slot, bool graceful, Milliseconds timeout) {
  if (slot.planned->worker->reloadOrder == ReloadOrder::replacementFirst) {
    fork(slot, slot.successor);
    slot.successor.deadline = Clock::now() + longestStart;
    return;
  }
  slot.counted = true;  // until the process that follows is ready
  static_cast<void>(slot.serving.channel.put(WorkerProcess::reloadMessage));
  tell(slot.serving, graceful, timeout);
}

void Cluster::successorReady(Slot& slot) {
  if (slot.serving.alive()) {
    static_cast<void>(slot.serving.channel.put(WorkerProcess::reloadMessage));
    if (reload_.active && slot.successor.generation != generation_)
      // A further reload came while it was starting, so it is replaced itself. Its slot is wanted: who leaves has to
      // hurry, as beginReload() has told those who were leaving then.
      tell(slot.serving, false, Worker::stopTimeout);
    else if (reload_.active)
      tell(slot.serving, reload_.graceful, reload_.timeout);
    else
      tell(slot.serving, true, timeoutOf(true));  // maxRequests
    slot.predecessor = std::move(slot.serving);
  }
  log::info(nameOf(slot) + " is replaced: pid " + std::to_string(slot.successor.pid) + " serves" +
            (slot.predecessor.alive() ? ", pid " + std::to_string(slot.predecessor.pid) + " is stopping" : ""));
  slot.serving = std::exchange(slot.successor, Process{});
  slot.exits = 0;
  slot.worn = false;
  if (reload_.active) ++reload_.replaced;
}

void Cluster::successorEnded(Slot& slot, const std::string& how) {
  // Nobody would accept there: what serves has not opened them.
  for (const std::string& name : std::exchange(slot.successor, Process{}).opened) forgetListener(slot, name);
  reloadFailed(how);
}

/// Nothing more is replaced; what serves goes on.
void Cluster::reloadFailed(const std::string& why) {
  if (!reload_.active) {
    if (phase_ == Phase::running) log::error(why);
    return;
  }
  log::error("reload: " + why);
  reload_.failures.push_back(why);
  failedReload_ = {why, Clock::now()};
  for (Slot& slot : slots_) slot.serving.generation = slot.successor.generation = generation_;
}

void Cluster::endReload() {
  if (!reload_.active) return;
  const Reload ended = std::exchange(reload_, Reload{});
  const std::string said = inWords(
      ReloadOutcome{ended.programs, ended.replaced, ended.added, ended.gone, ended.kept, ended.killed, ended.cut});
  log::info("reload: " + said);
  int code = static_cast<int>(ended.killed + ended.cut > 0 ? Exit::deadlinePassed : Exit::ok);
  if (!ended.failures.empty())
    code = static_cast<int>(Exit::failed);
  else
    failedReload_.reset();
  answerWaiting(ended, said, code);
}

void Cluster::answerWaiting(const Reload& reload, const std::string& said, int code) {
  for (const auto& waiting : reload.waiting) {
    const Client client = waiting.lock();
    if (!client) continue;
    for (const std::string& why : reload.failures) client->err("error[E01] reload: " + why);
    client->out(said);
    client->end(code);
  }
}

}  // namespace artel
