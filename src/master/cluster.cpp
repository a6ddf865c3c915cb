#include "src/master/cluster.hpp"

#include <algorithm>
#include <cstdio>

#include "artel/log.hpp"
#include "src/log.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
/// A worker that lived this long has proved itself: its next exit is answered at once again.
constexpr auto young = 10s;
constexpr std::chrono::milliseconds firstPause = 1s, longestPause = 30s;

std::chrono::milliseconds gracefulTime() {
  return Worker::gracefulTimeout.count() > 0 ? Worker::gracefulTimeout : std::chrono::milliseconds(24h * 365);
}
}  // namespace

Cluster::Cluster(Plan plan) : plan_(std::move(plan)) {}

Cluster::~Cluster() {
  for (const std::string& file : socketFiles_) removeSocketFile(file);
}

int Cluster::run() {
  const auto began = Clock::now();
  bind();
  auto memory = platform::SharedMemory::create(slots_.size() * sizeof(std::atomic<std::uint32_t>));
  if (!memory) throw SetupError(Exit::failed, "no shared memory: " + memory.error().message);
  shared_ = std::move(*memory);
  for (Slot& slot : slots_) counters(slot)[static_cast<std::size_t>(slot.id)].store(Balance::notServing);
  for (Slot& slot : slots_) {
    fork(slot);
    if (stopping_) break;
  }
  if (!awaitReady()) {
    const bool asked = failure_.empty();  // stopped before it was ready
    stopAll(false);
    if (!asked) throw SetupError(Exit::failed, failure_);
    return static_cast<int>(Exit::ok);
  }
  starting_ = false;
  const std::string screen = startScreen(plan_, platform::standardOutput(),
                                         std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
  std::fputs(screen.c_str(), stdout);
  std::fflush(stdout);
  supervise();
  return stopAll(graceful_);
}

/// In the master, before anything is forked: a busy port is one message, not a storm of restarts.
void Cluster::bind() {
  std::size_t first = 0;
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    platform::NativeSocket shared = platform::noSocket;
    for (int id = 0; id < planned.count; ++id) {
      Slot& slot = slots_.emplace_back();
      slot.planned = &planned;
      slot.id = id;
      slot.balance = first;
      if (core.address.none()) continue;
      // With reusePort each slot has a socket of its own, which the master keeps over the slot's generations.
      const bool own = planned.worker->reusePort && core.address.kind != platform::SocketKind::unixStream;
      if (shared == platform::noSocket || own) shared = core.bind();
      slot.listener = shared;
    }
    if (core.address.kind == platform::SocketKind::unixStream) socketFiles_.push_back(core.address.host);
    first += static_cast<std::size_t>(planned.count);
  }
}

std::span<std::atomic<std::uint32_t>> Cluster::counters(const Slot& slot) {
  return {static_cast<std::atomic<std::uint32_t>*>(shared_.data()) + slot.balance,
          static_cast<std::size_t>(slot.planned->count)};
}

void Cluster::fork(Slot& slot) {
  auto pair = platform::openChannel();
  if (!pair) {
    failure_ = nameOf(slot) + " could not be started: " + pair.error().message;
  } else {
    auto child = std::make_shared<platform::Channel>(std::move(pair->worker));
    slot.channel = std::move(pair->master);
    const auto pid = platform::spawnWorker([&] { closeInChild(slot); },
                                           [this, &slot, child] { return workerBody(slot, std::move(*child)); });
    if (pid) {
      slot.pid = *pid;
      slot.ready = false;
      slot.started = Clock::now();
      return;
    }
    slot.channel.close();
    failure_ = nameOf(slot) + " could not be started: " + pid.error().message;
  }
  if (starting_) {
    stopping_ = true;
    return;
  }
  log::error(failure_ + "; trying again");
  slot.pause = std::clamp(slot.pause * 2, firstPause, longestPause);
  slot.due = Clock::now() + slot.pause;
}

/// A leaked copy of another worker's channel would hide that worker's end; a listener of another Worker is not ours.
void Cluster::closeInChild(const Slot& own) {
  supervisor_.leaveInChild();
  platform::NativeSocket last = platform::noSocket;
  for (Slot& slot : slots_) {
    slot.channel.close();
    if (slot.listener != own.listener && slot.listener != platform::noSocket && slot.listener != last) {
      last = slot.listener;
      platform::closeSocket(slot.listener);
    }
  }
}

int Cluster::workerBody(Slot& slot, platform::Channel channel) {
  platform::dieWithParent(Worker::stopTimeout + 500ms);
  Worker& worker = *slot.planned->worker;
  socketFiles_.clear();
  platform::setProcessTitle("artel: worker process " + worker.name + " " + worker.listenAddress());
  log::setWho(worker.name + "/" + std::to_string(platform::currentPid()));
  WorkerProcess::Setup setup;
  setup.worker = &worker;
  setup.id = slot.id;
  setup.listener = slot.listener;
  setup.channel = std::move(channel);
  setup.balance = {counters(slot), static_cast<std::size_t>(slot.id)};
  WorkerProcess process(std::move(setup));
  return process.run();
}

std::vector<Cluster::Slot*> Cluster::channels(std::vector<platform::NativeSocket>& sockets) {
  std::vector<Slot*> order;
  for (Slot& slot : slots_) {
    if (!slot.channel) continue;
    order.push_back(&slot);
    sockets.push_back(slot.channel.native());
  }
  return order;
}

/// False when a stop, or a worker's end, came first.
bool Cluster::awaitReady() {
  const auto allReady = [&] {
    return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.ready; });
  };
  while (!stopping_ && !allReady()) {
    const auto timeout = forkDue();  // one that was ready may have died before the last one is
    std::vector<platform::NativeSocket> sockets;
    const auto order = channels(sockets);
    const auto wakeup = supervisor_.wait(sockets, timeout);
    for (const std::size_t i : wakeup.readable) heard(*order[i]);
    handle(wakeup);
  }
  // A stop that came at the same moment does not hide that the service was ready: somebody may have used it.
  for (Slot& slot : slots_) {
    if (slot.channel) heard(slot);
  }
  return allReady();
}

std::chrono::milliseconds Cluster::forkDue() {
  auto timeout = std::chrono::milliseconds(1h);
  for (Slot& slot : slots_) {
    if (slot.pid != 0 || stopping_) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(slot.due - Clock::now());
    if (left <= 0ms)
      fork(slot);
    else
      timeout = std::min(timeout, left);
  }
  return timeout;
}

void Cluster::supervise() {
  while (!stopping_) {
    const auto timeout = forkDue();
    std::vector<platform::NativeSocket> sockets;
    const auto order = channels(sockets);
    const auto wakeup = supervisor_.wait(sockets, timeout);
    for (const std::size_t i : wakeup.readable) heard(*order[i]);
    handle(wakeup);
  }
}

void Cluster::handle(const platform::Wakeup& wakeup) {
  if (wakeup.notice) {
    switch (*wakeup.notice) {
      case platform::Notice::stopNow:
        stopNow_ = true;
        [[fallthrough]];
      case platform::Notice::stop:
        stopping_ = true;
        break;
      case platform::Notice::stopGracefully:
        stopping_ = graceful_ = true;
        break;
      case platform::Notice::reload:
      case platform::Notice::reloadGracefully:
        log::warn("reload is not supported by this version: stop, then start");
        break;
      case platform::Notice::reopenLogs:
        break;  // the log is this process's stderr
    }
  }
  for (const platform::ChildExit& exit : wakeup.exits) ended(exit);
}

void Cluster::heard(Slot& slot) {
  for (;;) {
    const auto message = slot.channel.take();
    if (!message) {
      if (message.error().code != Errc::wouldBlock) slot.channel.close();
      return;
    }
    if (message->kind == 0) return slot.channel.close();  // its exit follows
    if (message->kind == WorkerProcess::readyMessage) slot.ready = true;
    if (message->kind == WorkerProcess::stopServiceMessage) stopping_ = true;
  }
}

void Cluster::ended(const platform::ChildExit& exit) {
  Slot* slot = find(exit.pid);
  if (slot == nullptr) return;  // a stranger that was handed to us
  if (slot->channel) heard(*slot);
  const bool wasReady = slot->ready;
  counters(*slot)[static_cast<std::size_t>(slot->id)].store(Balance::notServing);
  slot->pid = 0;
  slot->ready = false;
  slot->channel.close();
  ++slot->exits;
  const std::string how = platform::describe(exit);
  if (stopping_) {
    // One that was not ready yet may still have had the signal's default action.
    if (wasReady && (exit.signal != 0 || exit.code != 0))
      log::warn(nameOf(*slot) + " (pid " + std::to_string(exit.pid) + ") ended while stopping: " + how);
    return;
  }
  if (starting_ && !wasReady) {
    failure_ = nameOf(*slot) + " ended before it was ready: " + how;
    stopping_ = true;
    return;
  }
  // At once the first time; then later and later while it keeps dying young.
  const bool lived = Clock::now() - slot->started >= young;
  slot->pause = lived ? 0ms : slot->exits == 1 ? 0ms : std::clamp(slot->pause * 2, firstPause, longestPause);
  if (lived) slot->exits = 1;
  slot->due = Clock::now() + slot->pause;
  const std::string again = slot->pause == 0ms
                                ? "a new one starts"
                                : "a new one starts in " + std::to_string(slot->pause.count() / 1000) + " s";
  log::warn(nameOf(*slot) + " (pid " + std::to_string(exit.pid) + ") ended: " + how + "; " + again);
}

int Cluster::stopAll(bool graceful) {
  stopping_ = true;
  // First of all, so that new clients are refused instead of waiting for nobody.
  platform::NativeSocket last = platform::noSocket;
  for (Slot& slot : slots_) {
    if (slot.listener != last && slot.listener != platform::noSocket) platform::closeSocket(slot.listener);
    last = slot.listener;
    slot.listener = platform::noSocket;
  }
  const auto tell = [&](platform::Notice notice) {
    for (Slot& slot : slots_) {
      if (slot.pid != 0) static_cast<void>(platform::notify(slot.pid, notice));
    }
  };
  tell(graceful ? platform::Notice::stopGracefully : platform::Notice::stop);
  auto deadline = Clock::now() + (graceful ? gracefulTime() : Worker::stopTimeout);
  bool killed = false;
  while (anyAlive()) {
    if (graceful && Clock::now() >= deadline) {
      graceful = false;
      tell(platform::Notice::stop);
      deadline = Clock::now() + Worker::stopTimeout;
    }
    if ((Clock::now() >= deadline || stopNow_) && !killed) {
      killed = true;
      for (Slot& slot : slots_) {
        if (slot.pid == 0) continue;
        log::error(nameOf(slot) + " (pid " + std::to_string(slot.pid) + ") " +
                   (stopNow_ ? "is killed"
                             : "did not stop within stopTimeout (" + std::to_string(Worker::stopTimeout.count()) +
                                   " ms) and is killed"));
        static_cast<void>(platform::killNow(slot.pid));
      }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const auto wakeup = supervisor_.wait({}, killed ? 1000ms : std::max(left, 1ms));
    if (graceful && wakeup.notice && *wakeup.notice != platform::Notice::stopGracefully) {
      graceful = false;
      tell(platform::Notice::stop);
      deadline = Clock::now() + Worker::stopTimeout;
    }
    handle(wakeup);
  }
  return static_cast<int>(killed ? Exit::deadlinePassed : Exit::ok);
}

Cluster::Slot* Cluster::find(platform::Pid pid) noexcept {
  const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.pid == pid; });
  return at == slots_.end() ? nullptr : &*at;
}

bool Cluster::anyAlive() const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.pid != 0; });
}

std::string Cluster::nameOf(const Slot& slot) const {
  return slot.planned->worker->core().label() + " process " + std::to_string(slot.id);
}

}  // namespace artel
