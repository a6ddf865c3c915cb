// With reusePort each slot has a socket of its own, and the system gives each socket its share of the clients, whether
// anybody serves it or not. So the socket of a slot whose process is missing or blocked is lent to a sibling, which
// serves it beside its own until the slot's own process is there again.
//
// Only the master knows all slots, so it decides. It looks four times a second: who is in one turn of its loop does not
// say so.
#include <algorithm>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
constexpr auto missingAfter = 200ms, lookInterval = 250ms;
constexpr std::chrono::milliseconds blockedAfter = 1s;
}  // namespace

bool Cluster::ownSocket(const Slot& slot) {
  return slot.planned->count > 1 && slot.planned->ownSockets() && !slot.planned->worker->core().inherited;
}

bool Cluster::serves(const Slot& slot) {
  const Process& process = slot.serving;
  if (!process.alive() || !process.ready || process.told || process.killed) return false;
  // It may be ending by itself: a signal to it alone, an exception, Worker::stopAll.
  return process.record == noRecord || records(slot)[process.record].connections != Balance::notServing;
}

/// In one turn for too long, or stopped by a signal.
bool Cluster::blocked(const Process& process) {
  const auto numbers = numbersOf(process);
  if (numbers && numbers->inTurn > 0ms) return numbers->inTurn >= blockedAfter;
  return platform::processState(process.pid) == 'T';
}

Cluster::Slot* Cluster::slotOf(platform::Pid serving) {
  const auto at = std::find_if(slots_.begin(), slots_.end(),
                               [&](const Slot& slot) { return serving != 0 && slot.serving.pid == serving; });
  return at == slots_.end() ? nullptr : &*at;
}

void Cluster::lendSockets() {
  const auto now = Clock::now();
  const bool look = nextSocketLook_ == Clock::time_point::max() || now >= nextSocketLook_;
  bool any = false, soon = false;
  for (Slot& slot : slots_) {
    if (phase_ != Phase::running || !ownSocket(slot)) continue;
    any = true;
    const bool there = serves(slot);
    slot.missing = there ? Clock::time_point::max() : std::min(slot.missing, now);
    if (!there || look) slot.blocked = there && blocked(slot.serving);
  }
  for (Slot& slot : slots_) {
    if (phase_ != Phase::running || !ownSocket(slot)) continue;
    const bool there = slot.missing == Clock::time_point::max();
    if (there && !slot.blocked) {
      takeBack(slot);
      continue;
    }
    if (!there && now < slot.missing + missingAfter) {
      soon = true;
      continue;
    }
    const Slot* helper = slotOf(slot.helper);
    if (helper == nullptr || !serves(*helper) || helper->blocked) lend(slot);
  }
  if (look) nextSocketLook_ = now + lookInterval;
  if (soon) nextSocketLook_ = std::min(nextSocketLook_, now + missingAfter / 4);
  if (!any) nextSocketLook_ = Clock::time_point::max();
}

/// To the sibling that serves the fewest sockets, and of those the one with the fewest connections.
void Cluster::lend(Slot& slot) {
  takeBack(slot);
  Slot* best = nullptr;
  std::pair<std::ptrdiff_t, std::uint64_t> least;
  for (Slot& other : slots_) {
    if (other.planned != slot.planned || &other == &slot || !serves(other) || other.blocked) continue;
    const auto numbers = numbersOf(other.serving);
    const std::pair load{
        std::count_if(slots_.begin(), slots_.end(), [&](const Slot& one) { return one.helper == other.serving.pid; }),
        numbers ? numbers->connections : 0};
    if (best != nullptr && load >= least) continue;
    best = &other;
    least = load;
  }
  if (best == nullptr) return;
  if (!best->serving.channel.put(WorkerProcess::lendMessage, std::to_string(slot.id), slot.listener)) return;
  slot.helper = best->serving.pid;
  std::erase(slot.former, slot.helper);
  log::warn(nameOf(slot) + (slot.blocked ? " does not come to accepting" : " is missing") + ": process " +
            std::to_string(best->id) + " serves its clients");
}

void Cluster::takeBack(Slot& slot) {
  if (slot.helper != 0) {
    slot.former.push_back(std::exchange(slot.helper, 0));
    if (serves(slot) && !slot.blocked) log::info(nameOf(slot) + " serves its clients again");
  }
  // One that is blocked, too, may have a full channel: it is told at a later look.
  std::erase_if(slot.former, [&](platform::Pid pid) {
    const Slot* helper = slotOf(pid);  // it may have become a predecessor, who has closed all its listeners
    return helper == nullptr || !helper->serving.channel ||
           helper->serving.channel.put(WorkerProcess::takeBackMessage, std::to_string(slot.id));
  });
}

}  // namespace artel
