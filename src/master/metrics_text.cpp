#include "src/master/metrics_text.hpp"

#include <charconv>
#include <functional>

namespace artel {

namespace {

using MetricsGroup = MetricsReport::Group;

/// The locale has no say in it.
std::string shortest(double value) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      out.append("\\").append(1, c);
    else
      out += c;
  }
  return out;
}

std::string label(std::string_view name, const std::string& value) {
  return std::string(name) + "=\"" + escaped(value) + "\"";
}

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "artel_" + std::string(name);
    out_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void sample(const std::string& labels, const std::string& value, std::string_view suffix = "") {
    out_ += name_ + std::string(suffix) + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  void sample(const std::string& labels, std::uint64_t value) { sample(labels, std::to_string(value)); }
  std::string take() { return std::move(out_); }

 private:
  std::string name_, out_;
};

void histogram(Text& text, const MetricsGroup& group, const Totals::Counts& counts) {
  constexpr unsigned first = 10, last = 34, step = 2;  // 1 us ... 17 s, four times as much each
  const std::string worker = label("worker", group.worker);
  std::uint64_t below = 0;
  double sum = 0;
  std::size_t bucket = 0;
  const auto take = [&] {
    const auto from = bucket == 0 ? 0.0 : static_cast<double>(net::Histogram::edgeOf(bucket - 1));
    const auto to = static_cast<double>(net::Histogram::edgeOf(bucket));
    sum += static_cast<double>(counts[bucket]) * (from + to) / 2;
    below += counts[bucket++];
  };
  for (unsigned power = first; power <= last; power += step) {
    const std::uint64_t edge = std::uint64_t{1} << power;
    while (bucket < counts.size() && net::Histogram::edgeOf(bucket) <= edge) take();
    text.sample(worker + "," + label("le", shortest(static_cast<double>(edge) / 1e9)), std::to_string(below),
                "_bucket");
  }
  while (bucket < counts.size()) take();
  text.sample(worker + ",le=\"+Inf\"", std::to_string(below), "_bucket");
  text.sample(worker, shortest(sum / 1e9), "_sum");
  text.sample(worker, std::to_string(below), "_count");
}

/// Two series of one name would be refused.
std::vector<MetricsGroup> byName(const std::vector<MetricsGroup>& groups) {
  std::vector<MetricsGroup> all;
  for (const MetricsGroup& group : groups) {
    MetricsGroup* same = nullptr;
    for (MetricsGroup& one : all) {
      if (one.worker == group.worker) same = &one;
    }
    if (same == nullptr) {
      all.push_back(group);
      continue;
    }
    same->wanted += group.wanted;
    same->processes += group.processes;
    same->busy += group.busy;
    same->connections += group.connections;
    same->timers += group.timers;
    same->memory += group.memory;
    same->sendQueue += group.sendQueue;
    same->totals += group.totals;
    for (const auto& ended : group.ended) {
      MetricsReport::Ended* known = nullptr;
      for (auto& one : same->ended) {
        if (one.reason == ended.reason) known = &one;
      }
      known != nullptr ? void(known->count += ended.count) : same->ended.push_back(ended);
    }
  }
  return all;
}

}  // namespace

void addProcess(MetricsReport::Group& group, std::span<const std::byte> memory, std::uint64_t now,
                std::size_t residentMemory) {
  ++group.processes;
  group.memory += residentMemory;
  if (const auto totals = readTotals(memory)) group.totals += *totals;
  const auto numbers = readStatistics(memory, now);
  if (!numbers) return;
  group.connections += numbers->connections;
  group.timers += numbers->timers;
  group.sendQueue += numbers->sendQueue.value_or(0);
  if (numbers->busy()) ++group.busy;
}

std::string metricsText(const MetricsReport& report) {
  Text text;
  const auto groups = byName(report.groups);
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        const std::function<std::uint64_t(const MetricsGroup&)>& value) {
    text.family(name, type, help);
    for (const MetricsGroup& group : groups) text.sample(label("worker", group.worker), value(group));
  };
  text.family("build_info", "gauge", "What the program was built from; always 1.");
  text.sample(label("version", report.version) + "," + label("build", report.build), 1);
  text.family("start_time_seconds", "gauge", "When the service was started, since 1970.");
  text.sample("", report.startedAt);
  text.family("reloads_total", "counter", "Reloads since the start.");
  text.sample("", report.reloads);
  each("processes", "gauge", "Processes that are there.", [](const MetricsGroup& g) { return g.processes; });
  each("processes_wanted", "gauge", "Processes that should be there.", [](const MetricsGroup& g) { return g.wanted; });
  each("processes_busy", "gauge", "Processes with a callback that has not returned for half a second.",
       [](const MetricsGroup& g) { return g.busy; });
  each("connections", "gauge", "Open connections.", [](const MetricsGroup& g) { return g.connections; });
  each("timers", "gauge", "Timers.", [](const MetricsGroup& g) { return g.timers; });
  each("resident_memory_bytes", "gauge", "Resident memory; pages that processes share count for each.",
       [](const MetricsGroup& g) { return g.memory; });
  each("send_queue_bytes", "gauge", "Bytes to be sent that the kernel has not taken yet.",
       [](const MetricsGroup& g) { return g.sendQueue; });
  each("requests_total", "counter", "Messages handed to onMessage.",
       [](const MetricsGroup& g) { return g.totals.requests; });
  each("send_fail_total", "counter", "Messages that were not sent.",
       [](const MetricsGroup& g) { return g.totals.sendFails; });
  text.family("bytes_total", "counter", "Bytes received (in) and sent (out).");
  for (const MetricsGroup& group : groups) {
    text.sample(label("worker", group.worker) + ",direction=\"in\"", group.totals.bytesIn);
    text.sample(label("worker", group.worker) + ",direction=\"out\"", group.totals.bytesOut);
  }
  text.family("process_exits_total", "counter", "Processes that have ended, by how.");
  for (const MetricsGroup& group : groups) {
    for (const auto& [reason, count] : group.ended)
      text.sample(label("worker", group.worker) + "," + label("reason", reason), count);
  }
  text.family("callback_seconds", "histogram",
              "What one arrival of bytes takes, callbacks included; one of 64 is timed.");
  for (const MetricsGroup& group : groups) histogram(text, group, group.totals.callbacks);
  text.family("loop_turn_seconds", "histogram",
              "What a turn of the loop takes; one of 16 is timed, and long ones all.");
  for (const MetricsGroup& group : groups) histogram(text, group, group.totals.turnTimes);
  return text.take();
}

}  // namespace artel
