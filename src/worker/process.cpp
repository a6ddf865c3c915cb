#include "src/worker/process.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <typeinfo>
#include <utility>

#include "artel/log.hpp"
#include "src/log.hpp"
#include "src/net/loop.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/bounded_wait.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/connection_rows.hpp"
#include "src/worker/core.hpp"
#include "src/worker/stacks.hpp"
#include "src/worker/udp_client.hpp"

namespace artel {

namespace {

WorkerProcess* theProcess = nullptr;
constexpr std::uint64_t tickTime = 1000, stopTickTime = 20;  // milliseconds
/// A sweep that comes later than this has been kept from coming; so many in a row are let pass.
constexpr Conn::Clock mostBetweenSweeps = 1500;
constexpr int mostSweepsMissed = 3;
/// Stopping, a peer that does not end its side is waited for this long at most.
constexpr std::chrono::milliseconds stopLinger{300};

std::string textOf(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return std::string(typeid(e).name()) + ": " + e.what();
  } catch (const std::string& text) {
    return "a std::string: " + text;
  } catch (const char* text) {
    return std::string("a text: ") + text;
  } catch (...) {
    return "of an unknown type";
  }
}

/// What `status` shows of this process.
net::Activity::Counters counted() noexcept {
  // Nobody takes this function away when the process has ended, and a loop may follow.
  net::Activity::Counters sum = theProcess != nullptr ? theProcess->past() : net::Activity::Counters{};
  WorkerProcess::eachHolder([&](Worker& worker) {
    const Worker::Core& core = worker.core();
    sum.connections += core.connections.size();
    sum.requests += core.totalRequests;
    sum.sendFails += core.sendFails;
  });
  sum.timers = net::loop().timers.size();
  return sum;
}

}  // namespace

WorkerProcess::WorkerProcess(Setup setup)
    : setup_(std::move(setup)),
      fixed_(fixedOf(*setup_.worker)),
      numbers_({[](std::function<void()> f) { net::loop().post(std::move(f)); },
                [this](const std::string& question) {
                  return setup_.channel && setup_.channel.put(metricsMessage, question);
                },
                setup_.numbers}) {
  theProcess = this;
  net::createLoop();
  net::activity.counters = &counted;
  net::activity.onSlow = &WorkerProcess::callbackWasSlow;
  net::activity.attach(setup_.statistics);
  net::exceptionLeftCallback = &WorkerProcess::exceptionLeft;
  if (setup_.channel) stacks::reportTo(setup_.channel);
}

WorkerProcess::~WorkerProcess() {
  platform::onNotice(nullptr);
  ending_ = true;
  Timer::delAll();  // the turns below are for closing: no timer runs in a process that has ended
  eachHolder([](Worker& worker) {
    worker.core().closeListener();
    for (auto& [id, connection] : worker.connections()) connection->destroy();
  });
  for (int i = 0; i < 1000 && openConnections() > 0; ++i) net::loop().turn(false);
  for (auto& [id, connection] : std::exchange(waiting_, {})) Conn::of(*connection).forgetDial();
  closeUdpClients();
  for (int i = 0; i < 3; ++i) net::loop().turn(false);
  net::activity.slowAfter = net::Activity::never;
  net::activity.attach(nullptr);
  net::destroyLoop();
  // The program may go on after runAll.
  if (stopping_) platform::killSelfAfter(std::chrono::milliseconds(0));
  if (setup_.channel) stacks::reportNoMore();
  theProcess = nullptr;
}

WorkerProcess* WorkerProcess::current() noexcept { return theProcess; }
bool WorkerProcess::stopping() noexcept { return theProcess != nullptr && theProcess->stopping_; }
bool WorkerProcess::endsNow() noexcept { return stopping() && !theProcess->graceful_; }

bool WorkerProcess::serviceStopping() noexcept {
  return stopping() && (theProcess->serviceStopping_ || !theProcess->setup_.channel);
}

int WorkerProcess::run() {
  watch();
  start();
  if (!done_) net::loop().run();
  return exitCode_;
}

/// What ends this process from outside: signals, other notices of the system, and the end of the master.
void WorkerProcess::watch() {
  for (const auto& [number, notice] : platform::noticeSignals()) {
    try {
      net::loop().watchSignal(number, true, [this, notice = notice](int) { noticed(notice); });
    } catch (const std::exception& e) {
      log::debug("signal " + std::to_string(number) + " cannot be watched: " + e.what());
    }
  }
  if (!setup_.channel) {  // which a master has, and nobody else asks
    platform::onNotice([this](platform::Notice notice) { net::loop().post([this, notice] { noticed(notice); }); });
    return;
  }
  platform::hearNotices();
  net::processLoop->onReadable(setup_.channel.native(), [this](Loop::Descriptor descriptor) {
    for (;;) {
      const auto message = setup_.channel.take();
      if (!message && message.error().code == Errc::wouldBlock) return;
      if (!message || message->kind == 0) break;
      told(*message);
    }
    net::processLoop->offReadable(descriptor);
    log::error("the master process is gone; stopping");
    stop(0, false);
  });
}

void WorkerProcess::told(const platform::ChannelMessage& message) {
  if (message.lost)
    log::error(setup_.worker->core().label() + ": a " + (message.kind == lendMessage ? "socket" : "file") +
               " from the master did not arrive: too many open files");
  switch (message.kind) {
    case stopMessage:
    case stopGracefullyMessage: {
      if (message.body.ends_with(" service")) serviceStopping_ = true;
      int milliseconds = 0;
      std::from_chars(message.body.data(), message.body.data() + message.body.size(), milliseconds);
      leaveAt_ = std::chrono::steady_clock::time_point::max();  // now the master counts
      return stop(0, message.kind == stopGracefullyMessage, std::chrono::milliseconds(milliseconds));
    }
    case reloadMessage:
      return reloaded();
    case pageMessage:
      pages_.push_back(message.body);
      if (pages_.size() == 1) net::loop().post([this] { tellPage(); });
      return;
    case metricsMessage:
      return numbers_.heard(message.body);
    case logMessage:
      if (message.descriptor != platform::noSocket) platform::becomeDescriptor(message.descriptor, log::targets().file);
      return;
    case outputMessage:
      if (message.descriptor == platform::noSocket) return;
      static_cast<void>(platform::redirectStandardStreams(message.descriptor));
      platform::closeFile(message.descriptor);
      return;
    case lendMessage:
    case takeBackMessage: {
      int slot = 0;
      std::from_chars(message.body.data(), message.body.data() + message.body.size(), slot);
      if (message.kind == takeBackMessage) return setup_.worker->core().giveBack(slot);
      if (message.descriptor == platform::noSocket) return;
      if (running_ && !stopping_) return setup_.worker->core().borrow(slot, message.descriptor);
      return platform::closeSocket(message.descriptor);
    }
    case ticketsMessage:
      if (net::TicketKeys keys; keys.adopt(message.body))
        for (Worker* worker : Worker::all()) worker->core().useTickets(keys);
      return;
    case certificatesMessage:
      return certificatesCame(message);
    default:
      return;
  }
}

void WorkerProcess::certificatesCame(const platform::ChannelMessage& message) {
  const auto memory = platform::SharedMemory::adopt(message.descriptor);
  std::size_t size = 0;
  std::from_chars(message.body.data(), message.body.data() + message.body.size(), size);
  if (!memory || size > memory->size() ||
      !setup_.worker->core().renewTls({static_cast<const char*>(memory->data()), size}))
    log::error(setup_.worker->core().label() + ": new certificates did not arrive; those before stay in use");
}

/// However many ask at once: connections are served in between.
void WorkerProcess::tellPage() {
  if (const auto request = PageRequest::parse(pages_.front()))
    static_cast<void>(setup_.channel.put(pageMessage, connectionPage(*request).encode()));
  pages_.pop_front();
  if (!pages_.empty()) net::loop().post([this] { tellPage(); });
}

/// A signal to this process alone: it ends and is replaced, or hears of a reload.
void WorkerProcess::noticed(platform::Notice notice) {
  const bool reload = notice == platform::Notice::reload || notice == platform::Notice::reloadGracefully;
  if (reload) reloaded();
  if (reload && !setup_.worker->reloadable) return;
  const bool graceful = notice == platform::Notice::stopGracefully || notice == platform::Notice::reloadGracefully;
  if (graceful && !stopping_ && Worker::gracefulTimeout.count() > 0)
    leaveAt_ = std::chrono::steady_clock::now() + boundedWait(Worker::gracefulTimeout);  // no master counts the time
  stop(0, graceful);
}

void WorkerProcess::reloaded() {
  if (!running_) return;
  net::userCode(nullptr, [&] {
    if (setup_.worker->onWorkerReload) setup_.worker->onWorkerReload(*setup_.worker);
  });
}

void WorkerProcess::start() {
  Worker& worker = *setup_.worker;
  worker.core().id = setup_.id;
  net::activity.enter(net::Running::workerStart);
  net::userCode(nullptr, [&] {
    if (worker.onWorkerStart) worker.onWorkerStart(worker);
  });
  if (stopping_) return;
  running_ = true;
  const auto slow = Worker::slowCallback.count();
  net::activity.slowAfter = slow > 0 ? static_cast<std::uint64_t>(slow) : net::Activity::never;
  warnOfLateChanges();
  setTicking();
  try {
    if (setup_.listener != platform::noSocket) worker.core().serve(setup_.listener);
  } catch (const SetupError& e) {
    std::fputs(e.text().c_str(), stderr);
    return stop(static_cast<int>(e.exit()), false);
  }
  connectionsChanged();
  if (setup_.ready) setup_.ready();
  if (setup_.channel) static_cast<void>(setup_.channel.put(readyMessage));
  // Nobody here listens on them any more: who connects is to be refused, not to wait for ever.
  for (const auto& [name, socket] : std::exchange(setup_.kept, {})) {
    forget(name);
    platform::closeSocket(socket);
  }
}

platform::NativeSocket WorkerProcess::takeKept(const std::string& name) {
  const auto kept = setup_.kept.extract(name);
  return kept ? kept.mapped() : platform::noSocket;
}

bool WorkerProcess::keep(const std::string& name, platform::NativeSocket socket) {
  return setup_.channel && setup_.channel.put(keepMessage, name, socket);
}

void WorkerProcess::forget(const std::string& name) {
  if (setup_.channel) static_cast<void>(setup_.channel.put(forgetMessage, name));
}

void WorkerProcess::stop(int exitCode, bool graceful, std::chrono::milliseconds timeout) {
  const bool again = stopping_;
  if (again && graceful) return;  // a stop can only be made a quicker one
  timeout = boundedWait(timeout);
  const auto now = std::chrono::steady_clock::now();
  const auto within = timeout - timeout / 10;  // before the master's time is over, who kills
  if (again && !graceful_) {
    if (now + within >= stopBegan_ + stopTimeout_) return;
    stopTimeout_ = std::chrono::duration_cast<std::chrono::milliseconds>(now - stopBegan_) + within;
    return platform::killSelfAfter(timeout + std::chrono::milliseconds(500));
  }
  stopping_ = true;
  graceful_ = graceful;
  stopBegan_ = now;
  stopTimeout_ = within;
  if (!again) {
    exitCode_ = exitCode;
    setup_.balance.stops();
    for (Worker* worker : Worker::all()) worker->core().closeListener();
  }
  // Called from anywhere, a user's callback too: the rest happens when that has returned.
  net::loop().post([this] { stopConnections(); });
  // Also a callback that never returns must not keep this process.
  if (!graceful_) platform::killSelfAfter(timeout + std::chrono::milliseconds(500));
}

void WorkerProcess::callbackWasSlow(net::Running what, std::uint64_t subject, std::uint64_t milliseconds) noexcept {
  // Nobody is served before the one and after the other.
  if (theProcess == nullptr || what == net::Running::workerStart || what == net::Running::workerStop) return;
  theProcess->setup_.worker->core().hint("slow " + std::string(net::nameOf(what)),
                                         net::describe(what, subject) + " took " + std::to_string(milliseconds) +
                                             " ms; nobody else was served meanwhile (Worker::slowCallback is " +
                                             std::to_string(Worker::slowCallback.count()) + " ms)");
}

void WorkerProcess::stopConnections() {
  if (std::exchange(running_, false)) {
    net::activity.enter(net::Running::workerStop);
    net::userCode(nullptr, [&] {
      if (setup_.worker->onWorkerStop) setup_.worker->onWorkerStop(*setup_.worker);
    });
  }
  stopBegun_ = true;
  std::vector<ConnectionPtr> all;  // onDrain may destroy a Worker
  for (Worker* worker : Worker::all())
    for (auto& [id, connection] : worker->connections()) all.push_back(connection);
  for (const ConnectionPtr& connection : all) Conn::of(*connection).stop(graceful_);
  setTicking();
  sweep();
}

void WorkerProcess::stopService() {
  if (setup_.channel)
    static_cast<void>(setup_.channel.put(stopServiceMessage));
  else
    stop(0, false);
}

std::size_t WorkerProcess::openConnections() const noexcept {
  std::size_t open = 0;
  eachHolder([&](Worker& worker) { open += worker.connections().size(); });
  return open;
}

Worker& WorkerProcess::clients() {
  if (!clients_) {
    clients_ = Worker::Core::unlisted();
    clients_->name = "client";  // for the screens
  }
  return *clients_;
}

void WorkerProcess::waits(ConnectionPtr connection) {
  const std::uint64_t id = connection->id();
  waiting_[id] = std::move(connection);
}

/// What this process has dialled may be needed to answer those who are still served; then it goes, too.
void WorkerProcess::stopClients() {
  if (!clients_ || openConnections() > clients_->connections().size()) return;
  std::vector<ConnectionPtr> all;
  for (auto& [id, connection] : clients_->connections()) all.push_back(connection);
  for (const ConnectionPtr& connection : all) Conn::of(*connection).stop(false);
}

void WorkerProcess::connectionsChanged() {
  if (!stopping_) setup_.balance.holds(setup_.worker->connections().size());
  setTicking();
  askForReplacement();
}

void WorkerProcess::workerEnds(Worker& worker) {
  past_.requests += worker.totalRequests();
  past_.sendFails += worker.core().sendFails;
  connectionsChanged();
}

/// maxRequests. Asked again when nobody came for a while: the new process may have failed.
void WorkerProcess::askForReplacement() {
  constexpr std::chrono::seconds again{10};
  const Worker& worker = *setup_.worker;
  if (worker.maxRequests == 0 || worker.totalRequests() < worker.maxRequests || stopping_ || !setup_.channel) return;
  const auto now = std::chrono::steady_clock::now();
  if (replacementAsked_ != std::chrono::steady_clock::time_point{} && now - replacementAsked_ < again) return;
  replacementAsked_ = now;
  static_cast<void>(setup_.channel.put(replaceMessage));
}

/// Nothing ticks in a process that holds nothing: no connection, and no memory to give back. Datagrams are counted, and
/// maxRequests is looked at.
void WorkerProcess::setTicking() {
  const bool holds = openConnections() > 0 || (tickEvery_ != 0 && !net::loop().buffers.atRest());
  const std::uint64_t every = stopping_ ? stopTickTime : holds || setup_.worker->maxRequests > 0 ? tickTime : 0;
  if (every == tickEvery_) return;  // one that is set anew each time somebody leaves would never strike
  tickEvery_ = every;
  if (every == 0) return net::loop().setTick(nullptr, 0);
  sweptAt_ = Conn::clock();
  net::loop().setTick([this] { sweep(); }, every);
}

void WorkerProcess::warnOfLateChanges() {
  if (warned_ || fixedOf(*setup_.worker) == fixed_) return;
  warned_ = true;
  log::warn(setup_.worker->core().label() +
            ": count, name, transport and reusePort are read before runAll; changing them now has no effect");
}

void WorkerProcess::sweep() {
  warnOfLateChanges();
  askForReplacement();
  numbers_.timePasses(std::chrono::steady_clock::now());
  if (stopping_ && graceful_ && std::chrono::steady_clock::now() >= leaveAt_) stop(0, false);
  const Conn::Clock now = Conn::clock();
  // Blocked, or stopped, until just now: what has come meanwhile lies in the kernel, and nobody is silent who was not
  // heard. It is read before the next tick, unless blocked is what this process always is.
  const bool missedSome = now - sweptAt_ > mostBetweenSweeps && ++sweepsMissed_ <= mostSweepsMissed;
  if (!missedSome) sweepsMissed_ = 0;
  sweptAt_ = now;
  const bool late = stopping_ && !graceful_ && std::chrono::steady_clock::now() - stopBegan_ >= stopTimeout_;
  std::size_t cut = 0;
  eachHolder([&](Worker& worker) {
    const auto linger = boundedWait(stopping_ ? std::min(worker.lingerTimeout, stopLinger) : worker.lingerTimeout);
    const auto lingerTime = static_cast<std::uint32_t>(std::max<std::int64_t>(linger.count(), 0));
    for (auto& [id, connection] : worker.connections()) {
      Conn& conn = Conn::of(*connection);
      if (!late) {
        if (!missedSome) conn.tick(now, lingerTime);
        continue;
      }
      cut += conn.owes();
      conn.destroy();
    }
  });
  if (cut > 0) tellCut(cut);
  if (!stopBegun_) {
    if (net::loop().buffers.trim()) platform::releaseFreeMemory();
    return setTicking();
  }
  stopClients();
  if (openConnections() > 0) return;
  done_ = true;
  net::loop().setTick(nullptr, 0);
  net::loop().stop();
}

/// Nothing is lost without a word: the log, the command that stops and its exit code have it.
void WorkerProcess::tellCut(std::size_t connections) {
  const std::string count = std::to_string(connections);
  log::warn(setup_.worker->core().label() + ": the time to stop is over: " + count +
            (connections == 1 ? " connection is" : " connections are") + " cut with an answer or data not sent");
  if (setup_.channel)
    static_cast<void>(setup_.channel.put(cutMessage, count));
  else if (exitCode_ == 0)
    exitCode_ = static_cast<int>(Exit::deadlinePassed);
}

void WorkerProcess::exceptionLeft(const std::exception_ptr& exception, Connection* connection) {
  try {
    if (Worker::onException && Worker::onException(exception, connection)) {
      if (auto* conn = dynamic_cast<Conn*>(connection); conn != nullptr && conn->builtin() != nullptr)
        conn->builtin()->handlerThrew(*conn);
      return;
    }
  } catch (...) {
    log::error("onException threw itself");
  }
  auto* conn = dynamic_cast<Conn*>(connection);
  Worker* worker = connection != nullptr ? connection->worker() : theProcess->setup_.worker;
  log::error((worker != nullptr ? worker->core().label() : "worker") +
             (conn != nullptr ? " " + std::string(conn->logName()) : "") + ": an exception left a callback: " +
             textOf(exception) + "; this process ends with code 250 and is replaced");
  if (conn != nullptr && conn->builtin() != nullptr) conn->builtin()->callbackFailed(*conn);
  theProcess->stop(250, false);
}

}  // namespace artel
