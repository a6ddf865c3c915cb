// The other half of a handover: the program that has become this process takes over what the one before it has left,
// and then reloads.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point timeOf(std::int64_t milliseconds) {
  if (milliseconds == INT64_MAX) return Clock::time_point::max();
  return Clock::time_point(std::chrono::milliseconds(milliseconds));
}

}  // namespace

Cluster::Cluster(Plan plan, ServiceFiles files, platform::Channel& launcher, HandoverState state)
    : plan_(std::move(plan)),
      files_(std::move(files)),
      launcher_(launcher),
      control_([this](const Client& client, const ControlRequest& request) { asked(client, request); }),
      left_(std::move(state)) {
  lock_.adopt(files_.lock, left_->lock);
  pidIdentity_ = left_->pidIdentity;
}

std::vector<platform::NativeSocket> Cluster::heldFor(const PlannedWorker& planned) {
  if (!left_) return {};
  for (HandoverState::Listener& one : left_->listeners) {
    if (one.address != planned.listener) continue;
    planned.worker->core().inherited = one.inherited;
    return std::exchange(one.sockets, {});
  }
  return {};
}

void Cluster::takeOver() {
  for (const platform::NativeSocket one : left_->descriptors()) platform::adoptDescriptor(one);
  platform::takenOver();
  supervisor_.setHangupStops(left_->hangupStops);
  programIdentity_ = left_->programIdentity;
  generation_ = left_->generation;
  startedAt_ = static_cast<std::time_t>(left_->startedAt);
  began_ = timeOf(left_->began);
  phase_ = Phase::running;
  control_.adopt(files_.control, left_->controlIdentity, left_->control);

  bind();
  for (const HandoverState::Listener& one : left_->listeners) {
    for (const platform::NativeSocket socket : one.sockets) platform::closeSocket(socket);
  }
  const std::vector<std::string> keys = workerKeys(plan_);
  for (const HandoverState::RunTime& one : left_->runTime) {
    const auto i = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), one.worker) - keys.begin());
    const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& at) {
      return i < keys.size() && at.planned == &plan_.workers[i] && at.id == one.id;
    });
    if (slot != slots_.end())
      keepListener(*slot, nullptr, one.name, one.socket);
    else
      platform::closeSocket(one.socket);
  }
  SocketFiles before;
  for (const SocketFile& file : left_->socketFiles) (servesFile(file.path) ? socketFiles_ : before).add(file);
  before.removeAll();
  reload_ = Reload{};
  reload_.active = true;
  reload_.graceful = left_->graceful;
  reload_.timeout = Milliseconds(left_->timeout);
  reload_.replaced = left_->replaced;
  reload_.added = left_->added;
  reload_.gone = left_->gone;
  reload_.kept = left_->kept;
  reload_.killed = left_->killedLate;
  reload_.cut = left_->cut;
  reload_.programs = left_->programs.running + " -> " + left_->programs.tried;
  for (const platform::NativeSocket client : left_->clients) reload_.waiting.push_back(control_.adopt(client));

  std::vector<bool> sameMemory;
  for (std::size_t i = 0; i < keys.size(); ++i) sameMemory.push_back(adoptCrew(plan_.workers[i], keys[i]));
  for (const HandoverState::Crew& crew : left_->crews) {
    if (std::find(keys.begin(), keys.end(), crew.worker) == keys.end()) platform::closeFile(crew.balance);
  }
  for (const HandoverState::Process& one : left_->processes) {
    const auto i = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), one.worker) - keys.begin());
    adoptProcess(one, i < keys.size() ? &plan_.workers[i] : nullptr, i < keys.size() && sameMemory[i]);
  }
  log::info("reload: program " + left_->programs.tried + " has taken the place of " + left_->programs.running);
  for (HandoverState::Crew& crew : left_->crews) net::wipe(crew.tickets);  // before anything is forked
  left_.reset();
  replaceAll();
}

/// Whether a socket of that path is among those that we hold.
bool Cluster::servesFile(const std::string& path) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    const ListenAddress& address = slot.planned->worker->core().address;
    return (address.kind == platform::SocketKind::unixStream && address.host == path) ||
           std::any_of(slot.kept.begin(), slot.kept.end(),
                       [&](const auto& kept) { return socketFileOf(kept.first) == path; });
  });
}

/// Its exits, which slots are new, and the memory of its processes if they are as many as before: true.
bool Cluster::adoptCrew(const PlannedWorker& planned, const std::string& key) {
  const auto crew = std::find_if(left_->crews.begin(), left_->crews.end(),
                                 [&](const HandoverState::Crew& one) { return one.worker == key; });
  const int before = crew == left_->crews.end() ? 0 : crew->count;
  platform::SharedMemory memory;
  if (before == planned.count) {
    if (auto adopted = platform::SharedMemory::adopt(crew->balance)) memory = std::move(*adopted);
  } else if (crew != left_->crews.end()) {
    platform::closeFile(crew->balance);
  }
  const bool same = memory.data() != nullptr;
  shareBalance(planned, std::move(memory));
  if (crew != left_->crews.end()) {
    static_assert(std::is_trivially_copyable_v<Totals>);
    if (net::TicketKeys keys; keys.adopt(crew->tickets)) {
      planned.worker->core().useTickets(keys);
      planned.worker->core().ticketsRotated = timeOf(crew->ticketsRotated);
    }
    if (crew->past.size() == sizeof(Totals)) std::memcpy(&past_[&planned], crew->past.data(), sizeof(Totals));
    for (const HandoverState::Ended& one : crew->ended)
      exits_[&planned].adopt({one.reason, one.count, timeOf(one.last)});
  }
  for (Slot& slot : slots_) {
    if (slot.planned == &planned && slot.id >= before) slot.counted = slot.added = true;
  }
  if (before == 0)
    log::info("reload: " + planned.worker->core().label() + " is new: " + planned.worker->listenAddress());
  return same;
}

/// `planned`: its Worker; null when this program has none like it.
void Cluster::adoptProcess(const HandoverState::Process& left, const PlannedWorker* planned, bool sameMemory) {
  Process process;
  process.pid = left.pid;
  process.channel = platform::Channel(left.channel);
  if (auto memory = platform::SharedMemory::adopt(left.statistics)) process.statistics = std::move(*memory);
  process.record = sameMemory ? left.record : noRecord;
  process.generation = left.generation;
  process.started = timeOf(left.started);
  process.deadline = timeOf(left.deadline);
  process.given = Milliseconds(left.given);
  process.ready = left.ready;
  process.told = left.told;
  process.graceful = left.graceful;
  process.killed = left.killed;
  process.late = left.late;
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& one) {
    return planned != nullptr && one.planned == planned && one.id == left.id;
  });
  if (slot != slots_.end()) {
    Process& place = left.place == HandoverState::Place::serving ? slot->serving : slot->predecessor;
    // There may be two who leave, where a count has shrunk.
    if (!place.alive()) {
      place = std::move(process);
      return;
    }
  }
  if (left.place == HandoverState::Place::serving) ++reload_.gone;
  Slot& leaving = gone_.emplace_back();
  leaving.leaves = true;
  leaving.planned = planned;  // what it has counted stays counted
  leaving.label = left.label;
  leaving.id = left.id;
  leaving.predecessor = std::move(process);
  tell(leaving.predecessor, reload_.graceful, reload_.timeout);
}

}  // namespace artel
