// What `status` and `connections` get from a running master. Nothing here waits for a worker: numbers come from shared
// memory, rows when they come.
#include <algorithm>
#include <ctime>

#include "artel/version.hpp"
#include "src/master/cluster.hpp"
#include "src/master/live_numbers.hpp"
#include "src/master/status_report.hpp"
#include "src/net/libuv_version.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

std::string localTime(std::time_t time) {
  char text[32] = "-";
  if (const std::tm* parts = std::localtime(&time)) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", parts);
  return text;
}

/// Its numbers would say that it sleeps: whoever stops a process does so in the middle of its sleep, as a rule.
bool isStopped(platform::Pid pid) {
  const char state = platform::processState(pid);
  return state == 'T' || state == 't';
}

}  // namespace

std::optional<WorkerNumbers> Cluster::numbersOf(const Process& process) {
  return readStatistics(blockOf(process), monotonicMilliseconds());
}

StatusReport Cluster::report() {
  using State = StatusReport::State;
  const auto now = Clock::now();
  const auto since = [now](Clock::time_point then) { return std::chrono::duration_cast<Milliseconds>(now - then); };
  StatusReport report;
  report.app = files_.name;
  report.version = version();
  report.build = buildId();
  report.program = programId();
  report.loop = std::string("libuv ") + net::libuvVersion();
  report.system = platform::systemName();
  report.startedAt = localTime(startedAt_);
  report.master = platform::currentPid();
  report.background = plan_.background;
  report.stopping = phase_ == Phase::stopping;
  report.uptime = since(began_);
  report.load = platform::loadAverage();
  report.reloads = generation_;
  if (failedReload_) report.failedReload = {failedReload_->why, since(failedReload_->when)};
  for (const PlannedWorker& planned : plan_.workers) {
    const ListenAddress& address = planned.worker->core().address;
    StatusReport::Group group{planned.worker->name,
                              address.none() ? "none" : address.text(),
                              planned.worker->transport,
                              planned.count,
                              {},
                              {}};
    for (const auto& ended : exits_[&planned].all())
      group.ended.push_back({ended.reason, ended.count, since(ended.last)});
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned != &planned || !process.alive()) return;
      const State state = process.told ? State::stopping : process.ready ? State::serving : State::starting;
      group.processes.push_back({process.pid, slot.id, state, since(process.started),
                                 platform::residentMemory(process.pid), numbersOf(process), isStopped(process.pid)});
    });
    std::sort(group.processes.begin(), group.processes.end(),
              [](const auto& a, const auto& b) { return a.pid < b.pid; });
    report.workers.push_back(std::move(group));
  }
  for (const Slot& slot : gone_) {
    const Process& process = slot.predecessor;
    if (!process.alive() || slot.planned != nullptr) continue;
    StatusReport::Group group{slot.label, "none", "-", 0, {}, {}};
    group.processes.push_back({process.pid, slot.id, State::stopping, since(process.started),
                               platform::residentMemory(process.pid), numbersOf(process), isStopped(process.pid)});
    report.workers.push_back(std::move(group));
  }
  return report;
}

void Cluster::statusAsked(const Client& client, const ControlRequest& request) {
  StatusReport all = report();
  const auto names = workerNames(all);
  if (const auto only = request.values.find("worker"); only != request.values.end()) {
    std::string known;
    for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
    std::erase_if(all.workers, [&](const auto& group) { return group.name != only->second; });
    if (all.workers.empty())
      return client->refuse(
          SetupError(Exit::usage, files_.name + " has no worker \"" + only->second + "\"", {{"known", known}}));
  }
  platform::Terminal terminal;
  if (const auto width = request.number("width")) {
    terminal.isTerminal = true;
    terminal.width = static_cast<int>(std::clamp<std::int64_t>(*width, 20, 10'000));
  }
  terminal.colour = request.has("colour");
  StatusStyle style;
  if (const auto sort = request.values.find("sort"); sort != request.values.end()) style.sort = sort->second;
  if (request.has("live")) {  // the command has a header of its own
    style.header = false;
    LiveNumbers numbers = liveNumbers(all);
    numbers.workers = names;
    client->out(lineOf(numbers));
  }
  client->outLines(request.has("json") ? statusJson(all) : statusScreen(all, terminal, style));
  client->end(static_cast<int>(Exit::ok));
}

void Cluster::connectionsAsked(const Client& client, const ControlRequest& request) {
  const auto word = [&](const char* key) {
    const auto at = request.values.find(key);
    return at == request.values.end() ? std::string() : at->second;
  };
  PageRequest filter;
  filter.query = ++lastQuery_;
  filter.status = word("status");
  filter.peer = word("remote");
  filter.workerName = word("worker");
  const auto pid = request.number("pid");
  std::vector<ConnectionsQuery::Source> sources;
  std::uint64_t connections = 0;
  forEach([&](Slot& slot, Process& process) {
    if (!process.alive() || !process.channel) return;
    if (const auto numbers = numbersOf(process)) connections += numbers->connections;
    if (pid && *pid != process.pid) return;
    // A process may also serve Workers that were made at run time, whose names only it knows.
    sources.push_back({process.pid, workerOf(slot)});
  });
  client->out("all\t" + std::to_string(connections));
  ConnectionsQuery::Hooks hooks;
  hooks.ask = [this](platform::Pid to, const std::string& page) {
    bool asked = false;
    forEach([&](Slot&, Process& process) {
      if (process.pid == to && process.channel)
        asked = static_cast<bool>(process.channel.put(WorkerProcess::pageMessage, page));
    });
    return asked;
  };
  const std::weak_ptr<ControlClient> listener = client;
  hooks.say = [listener](std::string_view line) {
    if (const auto to = listener.lock()) to->out(line);
  };
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(request.number("limit").value_or(0), 0));
  queries_.push_back({client, ConnectionsQuery(filter, limit, sources, std::move(hooks))});
  client->more = [this, id = filter.query](ControlClient&) {
    for (Query& one : queries_) {
      if (one.query.id() == id) one.query.taken(Clock::now());
    }
  };
  queries_.back().query.begin(Clock::now());
  dropQueries();
}

void Cluster::pageHeard(platform::Pid pid, const std::string& body) {
  const auto page = Page::parse(body);
  if (!page) return;
  for (Query& one : queries_) one.query.heard(pid, *page, Clock::now());
  dropQueries();
}

void Cluster::advanceQueries() {
  for (Query& one : queries_) one.query.timePasses(Clock::now());
  dropQueries();
}

void Cluster::dropQueries() {
  std::erase_if(queries_, [](const Query& one) {
    const Client client = one.client.lock();
    if (!client || client->ended()) return true;  // the command has gone
    if (one.query.done()) client->end(static_cast<int>(Exit::ok));
    return one.query.done();
  });
}

}  // namespace artel
