#include "src/master/cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "artel/log.hpp"
#include "artel/version.hpp"
#include "src/log.hpp"
#include "src/master/hook.hpp"
#include "src/master/service_commands.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/bounded_wait.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
/// A worker that lived this long has proved itself: its next exit is answered at once again.
constexpr auto young = 10s;
constexpr std::chrono::milliseconds firstPause = 1s, longestPause = 30s;
}  // namespace

Cluster::Cluster(Plan plan, ServiceFiles files, platform::Channel& launcher)
    : plan_(std::move(plan)),
      files_(std::move(files)),
      launcher_(launcher),
      control_([this](const Client& client, const ControlRequest& request) { asked(client, request); }) {
  crashed_ = !platform::fileIdentity(files_.lock).empty() || !platform::fileIdentity(files_.pid).empty();
  if (const auto taken = lock_.take(files_.lock); !taken) {
    if (taken.error().code == Errc::addressInUse) throw alreadyRunning(files_, plan_.program);
    throw SetupError(Exit::configuration, "cannot write the pid file: " + files_.lock + ": " + taken.error().message,
                     {{"try", "--pid-file FILE or Worker::pidFile in a directory this user may write to"}});
  }
}

Cluster::~Cluster() { removeFiles(); }

int Cluster::run() {
  platform::allowCoreDumps(Worker::coreDumps);
  WorkerProcess::serviceToStop = false;  // before there was a service, it meant none
  if (left_)
    takeOver();
  else
    begin();
  while (phase_ != Phase::stopping || anyAlive()) turn();
  return finish();
}

void Cluster::begin() {
  programIdentity_ = platform::fileIdentity(files_.program);
  bind();
  for (const PlannedWorker& planned : plan_.workers) shareBalance(planned, {});
  announce();
  for (Slot& slot : slots_) {
    if (phase_ == Phase::starting) fork(slot, slot.serving);
  }
}

/// From here on commands find this master.
void Cluster::announce() {
  auto written = control_.open(files_.control);
  // Somebody deleted the lock file of a master that runs.
  if (!written && written.error().code == Errc::addressInUse) {
    removeFiles();  // ours: who asks for the owner must not hold the lock
    throw alreadyRunning(files_, plan_.program);
  }
  if (written) written = platform::writeFile(files_.pid, std::to_string(platform::currentPid()) + "\n");
  if (written) {
    pidIdentity_ = platform::fileIdentity(files_.pid);
    return;
  }
  throw SetupError(Exit::configuration,
                   "cannot write beside the pid file " + files_.pid + ": " + written.error().message,
                   {{"try", "--pid-file FILE or Worker::pidFile in a directory this user may write to"}});
}

std::span<Balance::Record> Cluster::records(const Slot& slot) {
  if (slot.planned == nullptr) return {};
  return {static_cast<Balance::Record*>(balances_[slot.planned].data()),
          2 * static_cast<std::size_t>(slot.planned->count)};
}

/// `memory`: that of a program before this one; empty: a new one.
void Cluster::shareBalance(const PlannedWorker& planned, platform::SharedMemory memory) {
  if (memory.data() == nullptr) {
    const std::size_t records = 2 * static_cast<std::size_t>(planned.count);
    auto created = platform::SharedMemory::create(records * sizeof(Balance::Record));
    if (!created) throw SetupError(Exit::failed, "no shared memory: " + created.error().message);
    memory = std::move(*created);
    for (std::size_t i = 0; i < records; ++i) new (static_cast<Balance::Record*>(memory.data()) + i) Balance::Record;
  }
  balances_[&planned] = std::move(memory);
}

void Cluster::fork(Slot& slot, Process& process) {
  const auto place = [&](std::size_t which) { return 2 * static_cast<std::size_t>(slot.id) + which; };
  process = Process{};
  process.record = place(0);
  for (const Process* other : {&slot.serving, &slot.successor, &slot.predecessor}) {
    if (other->alive() && other->record == process.record) process.record = place(1);
  }
  process.generation = generation_;
  if (auto memory = platform::SharedMemory::create(sizeof(net::StatisticsBlock))) {
    process.statistics = std::move(*memory);
    net::StatisticsBlock::prepare(process.statistics.data(), buildId());
  } else {
    log::warn(nameOf(slot) + " has no numbers in status: no shared memory: " + memory.error().message);
  }
  auto pair = platform::openChannel();
  std::string why;
  if (!pair) {
    why = pair.error().message;
  } else {
    auto child = std::make_shared<platform::Channel>(std::move(pair->worker));
    process.channel = std::move(pair->master);
    const auto pid =
        platform::spawnWorker([&] { closeInChild(slot, process); },
                              [this, &slot, &process, child] { return workerBody(slot, process, std::move(*child)); });
    if (pid) {
      process.pid = *pid;
      process.started = Clock::now();
      return;
    }
    process.channel.close();
    why = pid.error().message;
  }
  why = nameOf(slot) + " could not be started: " + why;
  if (&process == &slot.successor) return successorEnded(slot, why);
  if (phase_ == Phase::starting) {
    failure_ = why;
    return beginStop(false, Worker::stopTimeout, "a worker did not start");
  }
  log::error(why + "; trying again");
  slot.pause = std::clamp(slot.pause * 2, firstPause, longestPause);
  slot.due = Clock::now() + slot.pause;
}

/// A leaked copy of another worker's channel would hide that worker's end; a listener of another Worker is not ours.
void Cluster::closeInChild(const Slot& own, const Process& process) {
  supervisor_.leaveInChild();
  lock_.leaveInChild();
  control_.leaveInChild();
  launcher_.close();
  dropCandidate(false);
  for (auto* slots : {&slots_, &gone_}) {
    for (Slot& slot : *slots) {
      for (Process* other : {&slot.serving, &slot.successor, &slot.predecessor}) {
        other->channel.close();
        if (other != &process) other->statistics = {};
      }
    }
  }
  for (Slot& slot : slots_) {
    if (&slot == &own) continue;
    for (const auto& [name, socket] : std::exchange(slot.kept, {})) platform::closeSocket(socket);
  }
  for (auto& [planned, memory] : balances_) {
    if (planned != own.planned) memory = {};
  }
  platform::NativeSocket last = platform::noSocket;
  for (Slot& slot : slots_) {
    if (slot.listener != own.listener && slot.listener != platform::noSocket && slot.listener != last) {
      last = slot.listener;
      platform::closeSocket(slot.listener);
    }
  }
}

int Cluster::workerBody(Slot& slot, Process& process, platform::Channel channel) {
  Worker& worker = *slot.planned->worker;
  socketFiles_.forgetAll();
  for (const PlannedWorker& other : plan_.workers) {
    if (&other != slot.planned) other.worker->core().forgetSecrets();  // none of this one's business
  }
  platform::setProcessTitle("artel: worker process " + worker.name + " " + worker.listenAddress());
  log::setWho(worker.name + "/" + std::to_string(platform::currentPid()));
  if (slot.planned->user) {
    if (const auto done = platform::becomeUser(*slot.planned->user); !done) {
      log::error("cannot become user " + worker.user + ": " + done.error().message);
      return static_cast<int>(Exit::configuration);
    }
  }
  platform::dieWithParent(boundedWait(Worker::stopTimeout) + 500ms);  // after the change of user, which would undo it
  WorkerProcess::Setup setup;
  setup.worker = &worker;
  setup.id = slot.id;
  setup.listener = slot.listener;
  setup.channel = std::move(channel);
  setup.kept = std::move(slot.kept);
  setup.statistics = static_cast<net::StatisticsBlock*>(process.statistics.data());
  setup.balance = Balance(records(slot), process.record);
  setup.sharesListener = slot.planned->count > 1 && (!slot.planned->ownSockets() || worker.core().inherited);
  setup.ready = [] { platform::closeFile(std::exchange(log::targets().launcher, platform::noSocket)); };
  WorkerProcess running(std::move(setup));
  return running.run();
}

/// From here only: a master that hangs is silent, and who watches it kills it. Twice in the time there is.
void Cluster::feedWatchdog() {
  if (!watchdog_ || Clock::now() < nextWatchdog_) return;
  platform::tellServiceManager("WATCHDOG=1");
  nextWatchdog_ = Clock::now() + std::max<Milliseconds>(*watchdog_ / 2, 1ms);
}

/// One sleep, and what it brought.
void Cluster::turn() {
  std::erase_if(gone_, [](const Slot& slot) {
    const auto over = [](const Process& process) { return !process.alive() && !process.channel; };
    return over(slot.serving) && over(slot.successor) && over(slot.predecessor);
  });
  feedWatchdog();
  forkDue();
  advanceReload();
  replaceWorn();
  killLate();
  advanceHandover();
  watchStuck();
  lendSockets();
  lookAfterTls();
  std::vector<platform::NativeSocket> readers, writers;
  std::vector<std::pair<Slot*, Process*>> channels;
  forEach([&](Slot& slot, Process& process) {
    if (!process.channel) return;
    channels.emplace_back(&slot, &process);
    readers.push_back(process.channel.native());
  });
  control_.addTo(readers, writers);
  const std::size_t firstOfCandidate = readers.size();
  if (candidate_) readers.insert(readers.end(), {candidate_->channel.native(), candidate_->output});
  const auto left = nextDue() - Clock::now();
  const auto timeout = left > 1h ? Milliseconds(1h) : std::max(std::chrono::ceil<Milliseconds>(left), 0ms);
  const auto wakeup = supervisor_.wait(readers, timeout, writers);
  // Backwards, since one that becomes ready moves in its slot: serving before successor before predecessor.
  for (auto i = wakeup.readable.rbegin(); i != wakeup.readable.rend(); ++i) {
    if (*i < channels.size()) heard(*channels[*i].first, *channels[*i].second);
  }
  // What a worker has said may have ended the trial.
  if (candidate_ && !wakeup.readable.empty() && wakeup.readable.back() >= firstOfCandidate) candidateHeard();
  if (wakeup.notice) handle(*wakeup.notice);
  for (const platform::ChildExit& exit : wakeup.exits) ended(exit);
  control_.turn(wakeup, channels.size(), 0);
  advanceQueries();
  advanceTraces();
  rotateLog();
  // Here, where all hooks have run and the loop looks whether anybody is left.
  if (std::exchange(WorkerProcess::serviceToStop, false)) beginStop(false, Worker::stopTimeout, "Worker::stopService");
}

Cluster::Clock::time_point Cluster::nextDue() const {
  auto next = std::min({control_.nextLimit(), nextRotation_, nextWatchdog_, nextLook_, nextSocketLook_, nextTls_});
  for (const Trace& one : traces_) next = std::min(next, one.until);
  for (const Query& one : queries_) next = std::min(next, one.query.due());
  if (candidate_ && candidate_->pid != 0) next = std::min(next, candidate_->deadline);
  if (candidate_ && candidate_->pid == 0 && candidate_->patience > Clock::now())
    next = std::min(next, candidate_->patience);
  for (const Slot& slot : slots_) {
    if (phase_ != Phase::stopping && !slot.serving.alive() && !slot.successor.alive()) next = std::min(next, slot.due);
  }
  for (const auto* slots : {&slots_, &gone_}) {
    for (const Slot& slot : *slots) {
      for (const Process* process : {&slot.serving, &slot.successor, &slot.predecessor}) {
        if (process->alive()) next = std::min(next, process->deadline);
      }
    }
  }
  return next;
}

/// Forks the slots whose pause is over.
void Cluster::forkDue() {
  for (Slot& slot : slots_) {
    if (phase_ == Phase::stopping || slot.serving.alive() || slot.successor.alive()) continue;
    if (slot.due <= Clock::now()) fork(slot, slot.serving);
  }
}

void Cluster::allReady() {
  if (phase_ != Phase::starting) return;
  for (const Slot& slot : slots_) {
    if (!slot.serving.ready) return;
  }
  phase_ = Phase::running;
  const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - began_);
  life("started, " + std::to_string(plan_.processes()) + (plan_.processes() == 1 ? " process" : " processes"));
  platform::tellServiceManager("READY=1\nMAINPID=" + std::to_string(platform::currentPid()) + "\nSTATUS=serving");
  if (launcher_) {
    static_cast<void>(launcher_.put('o', startScreen(plan_, plan_.terminal, took)));
    static_cast<void>(launcher_.put('x', "0"));
    launcher_.close();
    platform::closeFile(std::exchange(log::targets().launcher, platform::noSocket));
  } else {
    std::fputs(startScreen(plan_, platform::standardOutput(), took).c_str(), stdout);
    std::fflush(stdout);
  }
  for (const Wanted& wanted : std::exchange(wanted_, {}))
    beginReload(wanted.graceful, wanted.timeout, wanted.client.lock(), wanted.execute);
}

void Cluster::handle(platform::Notice notice) {
  switch (notice) {
    case platform::Notice::stopNow:
      return stopNow();
    case platform::Notice::stop:
      return beginStop(false, Worker::stopTimeout, "a signal");
    case platform::Notice::stopGracefully:
      return beginStop(true, timeoutOf(true), "a signal");
    case platform::Notice::reload:
      return beginReload(false, timeoutOf(false), nullptr);
    case platform::Notice::reloadGracefully:
      return beginReload(true, timeoutOf(true), nullptr);
    case platform::Notice::reopenLogs:
      return reopenLogs();
  }
}

void Cluster::pass(const Slot& slot, const Process& process, char kind, const std::string& body,
                   platform::NativeSocket file) {
  if (!process.channel) return;
  const auto put = process.channel.put(kind, body, file);
  if (put || put.error().code == Errc::sendFail) return;  // it has ended
  const char* what = "";
  switch (kind) {
    case WorkerProcess::ticketsMessage:
      what = "keys of session tickets";
      break;
    case WorkerProcess::certificatesMessage:
      what = "certificates";
      break;
    case WorkerProcess::logMessage:
      what = "log file";
      break;
    case WorkerProcess::outputMessage:
      what = "file for its output";
      break;
    default:
      break;
  }
  log::error(nameOf(slot) + " (pid " + std::to_string(process.pid) + ") did not get the new " + what + ": " +
             (put.error().code == Errc::wouldBlock ? "it does not listen" : put.error().message));
}

void Cluster::heard(Slot& slot, Process& process, int most) {
  for (int i = 0; i < most && process.channel; ++i) {
    const auto message = process.channel.take();
    if (!message) {
      if (message.error().code != Errc::wouldBlock) process.channel.close();
      return;
    }
    if (message->kind == 0) return process.channel.close();  // its exit follows
    if (message->lost)
      log::error("the master did not get the socket that " + nameOf(slot) + " has opened: too many open files");
    if (message->kind == WorkerProcess::pageMessage) pageHeard(process.pid, message->body);
    if (message->kind == WorkerProcess::metricsMessage) metricsAsked(process, message->body);
    if (message->kind == WorkerProcess::crashMessage) crashHeard(slot, process, message->body);
    if (message->kind == WorkerProcess::stackMessage) stackHeard(slot, process, message->body);
    if (message->kind == WorkerProcess::keepMessage) keepListener(slot, &process, message->body, message->descriptor);
    if (message->kind == WorkerProcess::forgetMessage) forgetListener(slot, message->body);
    if (message->kind == WorkerProcess::stopServiceMessage)
      beginStop(false, Worker::stopTimeout, "Worker::stopService in " + nameOf(slot));
    if (message->kind == WorkerProcess::cutMessage && (phase_ == Phase::stopping || reload_.active))
      (phase_ == Phase::stopping ? cut_ : reload_.cut) += std::atoi(message->body.c_str());
    if (message->kind == WorkerProcess::replaceMessage && &process == &slot.serving) slot.worn = true;
    if (message->kind == WorkerProcess::readyMessage) return becameReady(slot, process);  // it may have moved
  }
}

void Cluster::becameReady(Slot& slot, Process& process) {
  process.ready = true;
  process.opened.clear();
  if (process.told) return;  // too late: it is on its way out
  process.deadline = Clock::time_point::max();
  if (&process == &slot.successor) return successorReady(slot);
  if (std::exchange(slot.counted, false)) ++(std::exchange(slot.added, false) ? reload_.added : reload_.replaced);
  allReady();
}

void Cluster::ended(const platform::ChildExit& exit) {
  if (candidateEnded(exit)) return;
  Slot* slot = nullptr;
  Process* process = nullptr;
  forEach([&](Slot& s, Process& p) {
    if (p.pid == exit.pid) slot = &s, process = &p;
  });
  if (slot == nullptr) return;  // a stranger that was handed to us
  // What it had to say may have moved it, and there may be more behind that. A child of its own may still write.
  for (int i = 0; i < 2; ++i) {
    if (process->channel) heard(*slot, *process, allHeard);
    forEach([&](Slot& s, Process& p) {
      if (p.pid == exit.pid) slot = &s, process = &p;
    });
  }
  if (const auto all = records(*slot); process->record < all.size())
    all[process->record].connections.store(Balance::notServing);
  Process was = std::exchange(*process, Process{});
  const std::string how = describe(was, exit);
  if (slot->planned != nullptr) {
    exits_[slot->planned].add(how, Clock::now());
    if (const auto counted = readTotals(blockOf(was))) past_[slot->planned] += *counted;
  }
  for (Query& one : queries_) one.query.gone(exit.pid, Clock::now());
  dropQueries();
  traceEnded(exit.pid, how);
  if (Worker::onWorkerExit && slot->planned != nullptr)
    hook("onWorkerExit", [&] {
      Worker::onWorkerExit(*slot->planned->worker, exit.signal != 0 ? 128 + exit.signal : exit.code, exit.pid);
    });
  if (was.killed && !was.stuck) phase_ == Phase::stopping ? ++killed_ : ++reload_.killed;
  if (phase_ == Phase::stopping) {
    ++stopped_;
    // One that was not ready yet may still have had the signal's default action.
    if (was.ready && !was.killed && (exit.signal != 0 || exit.code != 0))
      log::warn(nameOf(*slot) + " (pid " + std::to_string(exit.pid) + ") ended while stopping: " + how);
    return;
  }
  if (slot->leaves) return;
  if (process == &slot->serving) process->generation = was.generation;  // a reload does not hurry whom it has replaced
  if (process == &slot->successor) {
    process->opened = std::move(was.opened);
    return successorEnded(*slot, nameOf(*slot) + ": the new process ended before it was ready: " + how);
  }
  if (process == &slot->predecessor) return;
  if (was.told) {  // reload, predecessorFirst
    slot->due = Clock::now();
    return;
  }
  endedServing(*slot, was, exit);
}

void Cluster::endedServing(Slot& slot, const Process& was, const platform::ChildExit& exit) {
  const std::string how = describe(was, exit);
  if (phase_ == Phase::starting && !was.ready) {
    failure_ = nameOf(slot) + " ended before it was ready: " + how;
    return beginStop(false, Worker::stopTimeout, "a worker did not start");
  }
  ++slot.exits;
  slot.worn = false;  // the process that follows has served nothing yet
  if (std::exchange(slot.counted, false) && !was.ready)
    reloadFailed(nameOf(slot) + ": the new process ended before it was ready: " + how);
  // At once the first time; then later and later while it keeps dying young.
  const bool lived = Clock::now() - was.started >= young;
  slot.pause = lived ? 0ms : slot.exits == 1 ? 0ms : std::clamp(slot.pause * 2, firstPause, longestPause);
  if (lived) slot.exits = 1;
  slot.due = Clock::now() + slot.pause;
  const std::string again = slot.successor.alive() ? "its replacement is starting"
                            : slot.pause == 0ms
                                ? "a new one starts"
                                : "a new one starts in " + std::to_string(slot.pause.count() / 1000) + " s";
  log::warn(nameOf(slot) + " (pid " + std::to_string(exit.pid) + ") ended: " + how + "; " + again);
}

int Cluster::finish() {
  // While the lock is held and who asked for the stop waits: nobody starts the service beside the hook.
  if (failure_.empty() && Worker::onMasterStop) hook("onMasterStop", [] { Worker::onMasterStop(); });
  endStop();
  if (!failure_.empty()) throw SetupError(Exit::failed, failure_);
  return static_cast<int>(killed_ + cut_ > 0 ? Exit::deadlinePassed : Exit::ok);
}

std::string Cluster::describe(const Process& process, const platform::ChildExit& exit) {
  return platform::describe(exit) + (process.stuck && exit.signal != 0 ? " (workerTimeout)" : "");
}

bool Cluster::anyAlive() const noexcept {
  const auto alive = [](const Slot& slot) {
    return slot.serving.alive() || slot.successor.alive() || slot.predecessor.alive();
  };
  return std::any_of(slots_.begin(), slots_.end(), alive) || std::any_of(gone_.begin(), gone_.end(), alive);
}

std::string Cluster::workerOf(const Slot& slot) {
  return slot.planned == nullptr ? slot.label : slot.planned->worker->name;
}

std::string Cluster::nameOf(const Slot& slot) {
  if (slot.planned == nullptr) return slot.label;
  return slot.planned->worker->core().label() + " process " + std::to_string(slot.id);
}

}  // namespace artel
