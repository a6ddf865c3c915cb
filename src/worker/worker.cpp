#include "artel/worker.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "artel/capabilities.hpp"
#include "artel/log.hpp"
#include "src/net/loop.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"

namespace artel {

namespace {
std::vector<Worker*>& workers() {
  static std::vector<Worker*> list;
  return list;
}

volatile std::sig_atomic_t listChanges = 0;
template <class F>
void changeWorkers(F&& change) {
  listChanges = 1;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  change();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  listChanges = 0;
}
}  // namespace

// ---- the table of connections ---------------------------------------------------------------------------------------

namespace {
template <class Entries>
auto findEntry(Entries& entries, std::uint64_t id) {
  const auto at = std::lower_bound(entries.begin(), entries.end(), id,
                                   [](const auto& entry, std::uint64_t wanted) { return entry.first < wanted; });
  return at != entries.end() && at->first == id && at->second ? at : entries.end();
}
}  // namespace

Connections::iterator Connections::after(std::uint64_t id) noexcept {
  const auto at = std::upper_bound(entries_.begin(), entries_.end(), id,
                                   [](std::uint64_t wanted, const value_type& one) { return wanted < one.first; });
  return {entries_.data() + (at - entries_.begin()), entries_.data() + entries_.size()};
}

TcpConnection* Connections::find(std::uint64_t id) noexcept {
  const auto at = findEntry(entries_, id);
  return at == entries_.end() ? nullptr : at->second.get();
}

void Connections::add(ConnectionPtr connection) {
  const std::uint64_t id = connection->id();
  ++size_;
  // Ids only grow, so the end keeps the order; but one that connects again has its id still.
  if (entries_.empty() || entries_.back().first < id)
    return static_cast<void>(entries_.emplace_back(id, std::move(connection)));
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), id,
                                   [](const auto& entry, std::uint64_t wanted) { return entry.first < wanted; });
  if (at->first == id)
    at->second = std::move(connection);
  else
    entries_.emplace(at, id, std::move(connection));
}

void Connections::remove(std::uint64_t id) noexcept {
  const auto at = findEntry(entries_, id);
  if (at == entries_.end()) return;
  at->second.reset();
  --size_;
  // Never called while a user iterates: connections leave at the end of a turn.
  if (entries_.size() > 32 && size_ < entries_.size() / 2) {
    std::erase_if(entries_, [](const value_type& entry) { return !entry.second; });
    if (entries_.capacity() > 4 * (entries_.size() + 32)) entries_.shrink_to_fit();
  }
}

void Connections::clear() noexcept {
  entries_.clear();
  size_ = 0;
}

// ---- Worker ---------------------------------------------------------------------------------------------------------

Worker::Worker(const std::string& listen, SocketOptions options)
    : socket(options), maxConnections(capabilities().workerProcesses ? 0 : 256), core_(std::make_unique<Core>(*this)) {
  core_->address = parseListenAddress(listen);
  core_->shown = core_->address.none() ? "none" : listen;
  transport = core_->address.transport();
  changeWorkers([this] { workers().push_back(this); });
}

Worker::~Worker() {
  if (net::processLoop != nullptr) {
    core_->closeListener();
    for (auto& [id, connection] : core_->connections) Conn::of(*connection).orphan();
    core_->connections.clear();
    if (WorkerProcess* process = WorkerProcess::current()) process->workerEnds(*this);
  }
  changeWorkers([this] { std::erase(workers(), this); });
}

std::uint64_t Worker::Core::allRequests() noexcept {
  if (listChanges != 0) return 0;
  std::uint64_t sum = 0;
  WorkerProcess::eachHolder([&](const Worker& worker) { sum += worker.core_->totalRequests; });
  return sum;
}

std::unique_ptr<Worker> Worker::Core::unlisted() {
  auto made = std::make_unique<Worker>();
  changeWorkers([&] { std::erase(workers(), made.get()); });
  return made;
}

int Worker::id() const noexcept { return core_->id; }
Connections& Worker::connections() noexcept { return core_->connections; }
const std::string& Worker::listenAddress() const noexcept { return core_->shown; }
std::uint64_t Worker::totalRequests() const noexcept { return core_->totalRequests; }
std::uint64_t Worker::sendFails() const noexcept { return core_->sendFails; }

std::uint64_t Worker::protocolErrors() const noexcept { return core_->protocolErrors; }

void Worker::listen() {
  if (net::processLoop == nullptr)
    throw std::logic_error("Worker::listen before runAll: a Worker made in main is served by runAll");
  core_->resolve();
  if (core_->address.none()) return;
  for (const std::string& warning : core_->tlsFiles.warnings) log::warn(warning);
  if (static bool warned = false; !capabilities().manyListeners && !std::exchange(warned, true))
    log::warn(core_->label() + ": listens at run time, in the one process that there is. " +
              std::string(capabilities().whyLimited));
  core_->serve(core_->bindHere());
}

void Worker::unlisten() { core_->closeListener(); }

void Worker::pauseAccept() {
  core_->acceptPaused = true;
  if (core_->acceptor) core_->acceptor->pause();
  for (auto& [slot, one] : core_->borrowed)
    if (one.acceptor) one.acceptor->pause();
}

void Worker::resumeAccept() {
  core_->acceptPaused = false;
  if (core_->acceptor && !core_->full) core_->acceptor->resume();
  for (auto& [slot, one] : core_->borrowed)
    if (one.acceptor) one.acceptor->resume();
}

void Worker::stopAll(int exitCode, std::string_view why) {
  if (WorkerProcess::current() == nullptr) return;
  if (!why.empty()) log::info(why);
  WorkerProcess::current()->stop(exitCode, false);
}

void Worker::stopService() {
  if (WorkerProcess::current() != nullptr)
    WorkerProcess::current()->stopService();
  else
    WorkerProcess::serviceToStop = true;
}

Loop& Worker::globalEvent() {
  if (net::processLoop == nullptr)
    throw std::logic_error("Worker::globalEvent: the loop exists in worker processes, from onWorkerStart on");
  return *net::processLoop;
}

const std::vector<Worker*>& Worker::all() noexcept { return workers(); }
bool Worker::isRunning() noexcept { return WorkerProcess::current() != nullptr && !WorkerProcess::stopping(); }
std::int64_t Worker::processId() noexcept { return platform::currentPid(); }

}  // namespace artel
