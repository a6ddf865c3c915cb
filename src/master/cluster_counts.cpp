// How many processes each Worker has, when Worker::onMasterReload has changed it: the reload forks what is missing, and
// stops what is too much as it stops everybody.
#include <algorithm>
#include <iterator>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"

namespace artel {

void Cluster::followCounts() {
  for (PlannedWorker& planned : plan_.workers) {
    Worker& worker = *planned.worker;
    if (worker.count == Worker::autoCount) worker.count = worker.onlyOneProcess.empty() ? platform::usableCpus() : 1;
    const int wanted = std::exchange(worker.count, planned.count);  // until it is so
    if (std::max(wanted, 1) == planned.count) continue;
    const std::string refused = worker.core().label() + ": count stays " + std::to_string(planned.count) + ": ";
    if (wanted > 1 && !worker.onlyOneProcess.empty())
      log::error(refused + worker.onlyOneProcess);
    else if (wanted < planned.count && !worker.reloadable)
      log::warn(refused + "a reload ends no process that is not reloadable");
    else if (const auto failed = changeCount(planned, std::max(wanted, 1)))
      log::error(refused + *failed);
  }
}

/// What was in the way; nothing when it is so.
std::optional<std::string> Cluster::changeCount(PlannedWorker& planned, int wanted) {
  const auto ofThis = [&](const Slot& slot) { return slot.planned == &planned; };
  const auto first = std::find_if(slots_.begin(), slots_.end(), ofThis);
  const auto end = std::find_if_not(first, slots_.end(), ofThis);
  const bool own = planned.ownSockets() && !planned.worker->core().inherited;
  std::list<Slot> added;
  try {
    for (int id = planned.count; id < wanted; ++id) {
      Slot& slot = added.emplace_back();
      slot.planned = &planned;
      slot.id = id;
      slot.counted = slot.added = true;
      slot.listener = own ? planned.worker->core().bind() : first->listener;
    }
    const int before = std::exchange(planned.count, wanted);
    try {
      shareBalance(planned, {});
    } catch (...) {
      planned.count = before;
      throw;
    }
  } catch (const SetupError& failed) {
    for (const Slot& slot : added) {
      if (own) platform::closeSocket(slot.listener);
    }
    return failed.what();
  }
  planned.worker->count = wanted;
  for (auto slot = first; slot != end;) {
    // The new processes share new memory: these go on in the old one until they are replaced.
    for (Process* process : {&slot->serving, &slot->successor, &slot->predecessor}) process->record = noRecord;
    const auto next = std::next(slot);
    if (slot->id >= wanted) retire(slot, own);
    slot = next;
  }
  slots_.splice(end, added);
  return std::nullopt;
}

/// Its processes end; clients that wait at a socket of its own are reset.
void Cluster::retire(std::list<Slot>::iterator slot, bool ownSocket) {
  takeBack(*slot);
  while (!slot->kept.empty()) forgetListener(*slot, std::string(slot->kept.begin()->first));
  if (ownSocket) platform::closeSocket(slot->listener);
  slot->listener = platform::noSocket;
  slot->leaves = true;
  if (slot->serving.alive()) ++reload_.gone;
  gone_.splice(gone_.end(), slots_, slot);
  for (Process* process : {&slot->serving, &slot->successor, &slot->predecessor})
    tell(*process, reload_.graceful, reload_.timeout);
}

}  // namespace artel
