#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <set>

#include "src/master/human.hpp"
#include "src/master/status_report.hpp"
#include "src/master/text_table.hpp"

namespace artel {

namespace {

using Process = StatusReport::Process;
using StatusGroup = StatusReport::Group;

/// Sums over the processes whose numbers are known.
struct Sums {
  std::size_t processes = 0, memory = 0, busy = 0, stopped = 0;
  std::uint64_t connections = 0, timers = 0, requests = 0, sendFails = 0, exits = 0;
  double requestRate = 0, inRate = 0, outRate = 0;

  void add(const StatusGroup& group) {
    for (const auto& ended : group.ended) exits += ended.count;
    for (const Process& process : group.processes) {
      ++processes;
      memory += process.memory;
      stopped += process.stopped ? 1 : 0;
      if (!process.numbers) continue;
      const WorkerNumbers& n = *process.numbers;
      busy += n.busy() && !process.stopped ? 1 : 0;
      connections += n.connections;
      timers += n.timers;
      requests += n.requests;
      sendFails += n.sendFails;
      requestRate += n.requestRate;
      inRate += n.inRate;
      outRate += n.outRate;
    }
  }
};

/// What a block says is not believed: beyond this the conversion would be undefined.
std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::clamp(value, 0.0, 1e18)); }

std::string rate(double perSecond) { return human::count(whole(perSecond + 0.5)); }

std::string time(const std::optional<std::chrono::nanoseconds>& value) { return value ? human::duration(*value) : "-"; }

TableCell stateOf(const Process& process) {
  if (process.stopped) return {"stopped", Paint::yellow};
  if (process.state == StatusReport::State::starting) return {"starting", Paint::yellow};
  if (process.numbers && process.numbers->busy())
    return {"BUSY " + human::duration(process.numbers->inTurn), Paint::yellow};
  if (process.state == StatusReport::State::stopping) return {"stopping", Paint::yellow};
  if (!process.numbers) return {"other build", Paint::yellow};
  return {"idle", Paint::green};
}

std::string load(const StatusReport& report) {
  std::string text = "load";
  for (const auto& value : report.load) {
    char number[32] = "-";
    if (value) std::snprintf(number, sizeof number, "%.2f", std::clamp(*value, 0.0, 1e9));
    text += std::string(" ") + number;
  }
  return text;
}

std::string header(const StatusReport& report, const Sums& all, int width) {
  std::string text =
      wrapped({report.app, "up " + human::uptime(report.uptime), "since " + report.startedAt,
               "master " + std::to_string(report.master), report.background ? "background" : "foreground",
               "artel " + report.version, report.loop, load(report)},
              width);
  return text +
         wrapped({human::counted(report.workers.size(), "worker", "workers"),
                  human::counted(all.processes, "process", "processes"), "conns " + human::count(all.connections),
                  "in " + human::bytesPerSecond(all.inRate), "out " + human::bytesPerSecond(all.outRate),
                  "mem " + human::bytes(all.memory), "reloads " + human::count(report.reloads)},
                 width);
}

/// Every column of the manual, and more; `below` is ecosystem's order for narrow terminals.
const std::vector<TableColumn> statusColumns{
    {"WORKER", false, 0, 2}, {"LISTEN", false, 90, 1}, {"PID", true, 0},       {"UP", true, 110},  {"MEM", true, 0},
    {"CONN", true, 0},       {"TIMER", true, 110},     {"REQUESTS", true, 90}, {"QPS", true, 0},   {"IN/S", true, 120},
    {"OUT/S", true, 120},    {"P50", true, 120},       {"P99", true, 0},       {"LAG", true, 120}, {"FAIL", true, 0},
    {"EXIT", true, 110},     {"STATE", false, 0}};

TableRow rowOf(const StatusGroup& group, const Process& process, bool first) {
  std::uint64_t exits = 0;
  for (const auto& ended : group.ended) exits += ended.count;
  TableRow row{{group.name},
               {group.listen},
               {std::to_string(process.pid)},
               {human::age(process.uptime)},
               {process.memory > 0 ? human::bytes(process.memory) : "-"}};
  const auto add = [&](const std::function<std::string(const WorkerNumbers&)>& cell) {
    row.push_back({process.numbers ? cell(*process.numbers) : "N/A"});
  };
  add([](const WorkerNumbers& n) { return human::count(n.connections); });
  add([](const WorkerNumbers& n) { return human::count(n.timers); });
  add([](const WorkerNumbers& n) { return human::count(n.requests); });
  add([](const WorkerNumbers& n) { return rate(n.requestRate); });
  add([](const WorkerNumbers& n) { return human::bytes(whole(n.inRate)); });
  add([](const WorkerNumbers& n) { return human::bytes(whole(n.outRate)); });
  add([](const WorkerNumbers& n) { return time(n.callback50); });
  add([](const WorkerNumbers& n) { return time(n.callback99); });
  add([](const WorkerNumbers& n) { return time(n.turn99); });
  add([](const WorkerNumbers& n) { return human::count(n.sendFails); });
  row.push_back({first ? human::count(exits) : ""});  // of the Worker, not of a process: shown once
  row.push_back(stateOf(process));
  return row;
}

TableRow sumRow(const Sums& all) {
  return {{"total"},
          {""},
          {human::count(all.processes)},
          {""},
          {human::bytes(all.memory)},
          {human::count(all.connections)},
          {human::count(all.timers)},
          {human::count(all.requests)},
          {rate(all.requestRate)},
          {human::bytes(whole(all.inRate))},
          {human::bytes(whole(all.outRate))},
          {""},
          {""},
          {""},
          {human::count(all.sendFails)},
          {human::count(all.exits)},
          {""}};
}

constexpr std::array<StatusSort, 5> sortedColumns{
    {{"mem", "MEM"}, {"conn", "CONN"}, {"qps", "QPS"}, {"p99", "P99"}, {"fail", "FAIL"}}};

/// Below zero where it is not known.
double valueOf(const Process& process, std::string_view sort) {
  if (sort == "mem") return static_cast<double>(process.memory);
  if (!process.numbers) return -1;
  const WorkerNumbers& n = *process.numbers;
  if (sort == "conn") return static_cast<double>(n.connections);
  if (sort == "qps") return n.requestRate;
  if (sort == "fail") return static_cast<double>(n.sendFails);
  if (sort == "p99") return n.callback99 ? static_cast<double>(n.callback99->count()) : 0;
  return 0;
}

struct Shown {
  const StatusGroup* group;
  const Process* process;
};

std::vector<Shown> inOrder(const StatusReport& report, std::string_view sort) {
  std::vector<Shown> all;
  for (const StatusGroup& group : report.workers) {
    for (const Process& process : group.processes) all.push_back({&group, &process});
  }
  if (std::none_of(sortedColumns.begin(), sortedColumns.end(), [&](const StatusSort& one) { return one.name == sort; }))
    return all;
  std::stable_sort(all.begin(), all.end(), [&](const Shown& a, const Shown& b) {
    return valueOf(*a.process, sort) > valueOf(*b.process, sort);
  });
  return all;
}

/// Below 60 columns: a line for each Worker.
std::string short_(const StatusGroup& group, int width) {
  Sums sums;
  sums.add(group);
  return wrapped(
      {group.name, human::counted(sums.processes, "process", "processes"), human::count(sums.connections) + " conns",
       rate(sums.requestRate) + "/s", sums.busy > 0 ? human::count(sums.busy) + " BUSY" : "",
       sums.stopped > 0 ? human::count(sums.stopped) + " stopped" : ""},
      width);
}

std::string busyLine(const StatusGroup& group, const Process& process, int width) {
  const WorkerNumbers& n = *process.numbers;
  return wrapped({"! " + group.name + "/" + std::to_string(process.pid), "busy for " + human::duration(n.inTurn),
                  "in " + n.callback()},
                 width);
}

std::string stoppedLine(const StatusGroup& group, const Process& process, int width) {
  const std::string pid = std::to_string(process.pid);
  return wrapped(
      {"! " + group.name + "/" + pid, "stopped by a signal or a debugger", "kill -CONT " + pid + " lets it go on"},
      width);
}

std::string exitsLine(const StatusReport& report, int width) {
  std::vector<std::string> items{"exits:"};
  for (const StatusGroup& group : report.workers) {
    for (const auto& ended : group.ended)
      items.push_back(group.name + " " + human::count(ended.count) + "x " + ended.reason + " (last " +
                      human::age(ended.ago) + " ago)");
  }
  return items.size() > 1 ? wrapped(items, width) : "";
}

}  // namespace

std::span<const StatusSort> statusSorts() noexcept { return sortedColumns; }

std::string statusScreen(const StatusReport& report, const platform::Terminal& terminal, const StatusStyle& style) {
  const int width = terminal.isTerminal ? std::max(terminal.width, 20) : 0;
  Sums all;
  for (const StatusGroup& group : report.workers) all.add(group);
  std::string text = style.header ? header(report, all, width) + "\n" : "";
  if (width > 0 && width < 60) {
    for (const StatusGroup& group : report.workers) text += short_(group, width);
  } else {
    std::vector<TableRow> rows;
    std::set<const StatusGroup*> begun;
    for (const auto& [group, process] : inOrder(report, style.sort))
      rows.push_back(rowOf(*group, *process, begun.insert(group).second));
    rows.push_back(sumRow(all));
    text += textTable(statusColumns, rows, width, terminal.colour);
  }
  std::string notes;
  if (report.stopping) notes += "! the service is stopping\n";
  for (const StatusGroup& group : report.workers) {
    for (const Process& process : group.processes) {
      if (process.stopped)
        notes += stoppedLine(group, process, width);
      else if (process.numbers && process.numbers->busy())
        notes += busyLine(group, process, width);
    }
    const auto alive = static_cast<std::size_t>(
        std::count_if(group.processes.begin(), group.processes.end(),
                      [](const Process& process) { return process.state != StatusReport::State::stopping; }));
    const auto wanted = static_cast<std::size_t>(std::max(group.count, 0));
    if (alive < wanted && !report.stopping)
      notes += broken("! " + group.name + ": " + human::counted(wanted - alive, "process waits", "processes wait") +
                          " to be started again",
                      width);
  }
  if (const auto& failed = report.failedReload)
    notes += broken("! the last reload failed " + human::age(failed->ago) + " ago: " + failed->why, width);
  notes += exitsLine(report, width);
  return notes.empty() ? text : text + "\n" + notes;
}

}  // namespace artel
