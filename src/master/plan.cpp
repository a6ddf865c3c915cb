#include "src/master/plan.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "artel/error.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

std::string names(const std::vector<Worker*>& workers) {
  std::string list;
  for (const Worker* worker : workers)
    list += (list.empty() ? "" : ", ") + (worker->name != "none" ? worker->name : worker->listenAddress());
  return list;
}

/// The Worker that NAME (or, with one Worker, nothing) means.
Worker& meant(const std::vector<Worker*>& workers, const std::string& option, const std::string& name,
              const std::string& program) {
  if (name.empty()) {
    if (workers.size() == 1) return *workers.front();
    throw SetupError(Exit::usage,
                     option + " needs a name, for this program has " + std::to_string(workers.size()) +
                         " workers: " + names(workers),
                     {{"try", program + " start " + option + " " + workers.front()->name + "=..."}});
  }
  for (Worker* worker : workers) {
    if (worker->name == name) return *worker;
  }
  throw SetupError(Exit::usage, option + ": there is no worker \"" + name + "\"", {{"known", names(workers)}});
}

int number(const Override& given) {
  if (given.value == "auto") return Worker::autoCount;
  int value = 0;
  const auto [end, failed] = std::from_chars(given.value.data(), given.value.data() + given.value.size(), value);
  if (failed != std::errc() || end != given.value.data() + given.value.size())
    throw SetupError(Exit::usage, "--count: \"" + given.value + "\" is not a number",
                     {{"try", "--count 4, or --count auto"}});
  return value;
}

/// The Worker that one of several --listen or --count is about; each may be meant once.
Worker& meantOnce(const std::vector<Worker*>& workers, const std::string& option, const Override& given,
                  const Command& command, std::vector<const Worker*>& before) {
  Worker& worker = meant(workers, option, given.worker, command.program);
  const std::string what = option + " for worker \"" + worker.name + "\"";
  if (given.value.empty()) throw SetupError(Exit::usage, what + " needs a value", {});
  if (std::find(before.begin(), before.end(), &worker) != before.end())
    throw SetupError(Exit::usage, what + " is given twice", {{"try", "one of them"}});
  before.push_back(&worker);
  return worker;
}

void override(const std::vector<Worker*>& workers, const Command& command) {
  std::vector<const Worker*> listening, counted;
  for (const Override& given : command.listen) {
    Worker& worker = meantOnce(workers, "--listen", given, command, listening);
    ListenAddress address = parseListenAddress(given.value);
    // The transport that the replaced address had set goes with it; one set by hand stays.
    if (worker.transport == worker.core().address.transport()) worker.transport = address.transport();
    worker.core().address = std::move(address);
    worker.core().shown = given.value;
  }
  for (const Override& given : command.count)
    meantOnce(workers, "--count", given, command, counted).count = number(given);
}

/// Nothing when nothing was asked for.
std::optional<platform::UserIds> userOf(const Worker& worker) {
  if (worker.user.empty() && worker.group.empty()) return std::nullopt;
  auto ids = platform::findUser(worker.user, worker.group);
  if (!ids)
    throw SetupError(Exit::configuration, const_cast<Worker&>(worker).core().label() + ": " + ids.error().message,
                     {{"try", ids.error().code == Errc::permissionDenied
                                  ? "sudo, or leave user and group unset"
                                  : "one of those in /etc/passwd and /etc/group, or useradd -r NAME"}});
  return *ids;
}

bool sameAddress(const ListenAddress& a, const ListenAddress& b) {
  const bool aUdp = a.kind == platform::SocketKind::udp, bUdp = b.kind == platform::SocketKind::udp;
  return !a.none() && !b.none() && aUdp == bUdp && a.host == b.host && a.port == b.port &&
         (a.port != 0 || a.kind == platform::SocketKind::unixStream);
}

/// Any port may be asked for by several of one name.
std::string listenerOf(const Worker& worker, const std::vector<PlannedWorker>& before) {
  const std::string text = const_cast<Worker&>(worker).core().listenerName();
  const auto same = std::count_if(before.begin(), before.end(), [&](const PlannedWorker& one) {
    return one.listener == text || one.listener.rfind(text + " ", 0) == 0;
  });
  return same == 0 || text.empty() ? text : text + " " + std::to_string(same);
}

}  // namespace

bool PlannedWorker::ownSockets() const noexcept {
  const ListenAddress& address = worker->core().address;
  return worker->reusePort && !address.none() && address.kind != platform::SocketKind::unixStream;
}

int Plan::processes() const noexcept {
  int sum = 0;
  for (const PlannedWorker& one : workers) sum += one.count;
  return sum;
}

Plan resolve(const std::vector<Worker*>& all, const Command& command, const Capabilities& can) {
  if (all.empty())
    throw SetupError(Exit::configuration, "this program has no Worker: make one before Worker::runAll",
                     {{"try", "Worker web(\"http://0.0.0.0:8080\");"}});
  override(all, command);
  std::vector<Worker*> workers = all;
  if (!command.onlyWorker.empty()) workers = {&meant(all, "--worker", command.onlyWorker, command.program)};

  Plan plan;
  plan.program = command.program;
  plan.quiet = command.quiet;
  plan.cluster = can.workerProcesses;
  // What a service manager started, it wants to keep: in the background it would have lost it.
  plan.background = (command.daemon || (Worker::daemonize && !platform::hasServiceManager())) && can.daemonize;
  const auto noEffect = [&](bool set, const std::string& what) {
    if (set) plan.warnings.push_back(what + " has no effect. " + std::string(can.whyLimited));
  };
  noEffect(!can.controlCommands && !Worker::pidFile.empty(), "Worker::pidFile");
  noEffect(!can.controlCommands && !Worker::stdoutFile.empty(), "Worker::stdoutFile");
  noEffect(!can.daemonize && Worker::daemonize, "Worker::daemonize");
  if (!can.manyListeners && workers.size() > 1) {
    throw SetupError(
        Exit::notOnThisSystem,
        std::string(can.platform == "windows" ? "Windows" : can.platform) +
            " runs one Worker per process, but this program has " + std::to_string(workers.size()) + ": " +
            names(workers),
        {{"why", std::string(can.whyLimited)},
         {"try", command.program + " start --worker " + workers.front()->name + "      (one window for each)"}});
  }
  for (Worker* worker : workers) {
    if (worker->count == Worker::autoCount)
      worker->count = worker->onlyOneProcess.empty() && can.workerProcesses ? platform::usableCpus() : 1;
    int count = std::max(worker->count, 1);
    if (count > 1 && !worker->onlyOneProcess.empty())
      throw SetupError(Exit::configuration,
                       worker->core().label() + " runs as one process only, not " + std::to_string(count) + ": " +
                           worker->onlyOneProcess,
                       {{"try", "--count 1"}});
    if (count > 1 && !can.workerProcesses) {
      plan.warnings.push_back(worker->core().label() + ": count = " + std::to_string(count) + " becomes 1. " +
                              std::string(can.whyLimited));
      count = 1;
    }
    noEffect(worker->reusePort && !can.reusePort, worker->core().label() + ": reusePort");
    worker->core().resolve();
    for (const std::string& warning : worker->core().tlsFiles.warnings) plan.warnings.push_back(warning);
    std::optional<platform::UserIds> user;
    if (can.dropPrivileges) user = userOf(*worker);
    noEffect(!can.dropPrivileges && !worker->user.empty(), worker->core().label() + ": user");
    noEffect(!can.dropPrivileges && !worker->group.empty(), worker->core().label() + ": group");
    noEffect(!can.workerProcesses && !worker->reloadable, worker->core().label() + ": reloadable");
    noEffect(!can.workerProcesses && worker->onWorkerReload, worker->core().label() + ": onWorkerReload");
    noEffect(!can.workerProcesses && worker->maxRequests != 0, worker->core().label() + ": maxRequests");
    for (const PlannedWorker& other : plan.workers) {
      if (sameAddress(worker->core().address, other.worker->core().address))
        throw SetupError(
            Exit::configuration,
            other.worker->core().label() + " and " + worker->core().label() + " listen on the same address",
            {{"try", "another port for one of them"}});
    }
    plan.workers.push_back({worker, count, std::move(user), listenerOf(*worker, plan.workers)});
  }
  return plan;
}

}  // namespace artel
