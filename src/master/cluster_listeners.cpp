// Which sockets the master holds: those of the plan, bound before the first fork, and those that workers have opened at
// run time.
#include <algorithm>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/bounded_wait.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

/// In the master, before anything is forked: a busy port is one message, not a storm of restarts.
void Cluster::bind() {
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    platform::NativeSocket shared = platform::noSocket;
    const std::vector<platform::NativeSocket> held = heldFor(planned);
    auto next = held.begin();
    bool fresh = false;
    for (int id = 0; id < planned.count; ++id) {
      Slot& slot = slots_.emplace_back();
      slot.planned = &planned;
      slot.id = id;
      if (core.address.none()) continue;
      // With reusePort each slot has a socket of its own, which the master keeps over the slot's generations.
      // The one that a service manager has bound stands for all of them.
      if (shared == platform::noSocket || (planned.ownSockets() && !core.inherited)) {
        if (next != held.end())
          core.held(shared = *next++);
        else
          shared = core.bind([this] { return awaitOrphans(); }), fresh = true;
      }
      slot.listener = shared;
    }
    for (; next != held.end(); ++next) platform::closeSocket(*next);
    if (core.address.kind == platform::SocketKind::unixStream && fresh && !core.inherited)
      socketFiles_.add({core.address.host, platform::socketIdentity(core.address.host)});
  }
  for (const std::string& address : platform::unclaimedListeners())
    log::warn("the service manager has bound " + address + ", where no worker listens");
}

/// Workers outlive a master that was killed for as long as one of them does not stop, and their addresses with them.
/// True: it may be free now.
bool Cluster::awaitOrphans() {
  const auto limit = boundedWait(Worker::stopTimeout) + 1s;
  if (!crashed_ || Clock::now() >= began_ + limit) return false;
  if (!std::exchange(awaited_, true))
    log::warn("the service ended out of order; waiting up to " + std::to_string(limit / 1ms) +
              " ms for an address that its workers may still hold");
  const auto wakeup = supervisor_.wait({}, 50ms);
  return !wakeup.notice || *wakeup.notice == platform::Notice::reopenLogs;
}

/// Bound by Worker::listen() in a worker, `by`: the process that follows finds it here. `what`: see keepMessage.
void Cluster::keepListener(Slot& slot, Process* by, const std::string& what, platform::NativeSocket socket) {
  if (socket == platform::noSocket) return;
  if (phase_ == Phase::stopping || slot.leaves) return platform::closeSocket(socket);
  const std::string name = what.substr(0, what.find('\0')),
                    identity = what.substr(std::min(name.size() + 1, what.size()));
  const auto [at, fresh] = slot.kept.emplace(name, socket);
  if (!fresh) platform::closeSocket(std::exchange(at->second, socket));
  notOpenedBy(slot, name, by);
  if (fresh && by != nullptr && !by->ready) by->opened.push_back(name);
  // Only its own: a process that has less rights than we have may name any file.
  const std::int64_t owner = slot.planned->user ? slot.planned->user->user : -1;
  if (const std::string file = socketFileOf(name);
      !file.empty() && !identity.empty() && platform::socketIdentity(file, owner) == identity)
    socketFiles_.add({file, identity});
}

void Cluster::forgetListener(Slot& slot, const std::string& name) {
  const auto kept = slot.kept.extract(name);
  if (!kept) return;
  platform::closeSocket(kept.mapped());
  notOpenedBy(slot, name, nullptr);
  if (const std::string file = socketFileOf(name); !file.empty()) socketFiles_.remove(file);
}

/// Of the slot's processes, `but` aside: it is another one's now, or nobody's.
void Cluster::notOpenedBy(Slot& slot, const std::string& name, const Process* but) {
  for (Process* process : {&slot.serving, &slot.successor, &slot.predecessor}) {
    if (process != but) std::erase(process->opened, name);
  }
}

std::string Cluster::socketFileOf(const std::string& name) {
  constexpr std::string_view unixName = "unix ";
  return name.rfind(unixName, 0) == 0 ? name.substr(unixName.size()) : "";
}

}  // namespace artel
