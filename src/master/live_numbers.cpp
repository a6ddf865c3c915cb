#include "src/master/live_numbers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "src/master/fields.hpp"

namespace artel {

namespace {

std::uint64_t numberIn(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What is kept in a signed type.
std::int64_t amountIn(std::string_view text) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(numberIn(text), INT64_MAX / 2));
}

std::string field(std::string_view key, std::string_view value) {
  std::string text(value);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return "\t" + std::string(key) + "=" + text;
}

}  // namespace

LiveNumbers liveNumbers(const StatusReport& report) {
  LiveNumbers all;
  all.app = report.app;
  all.uptime = report.uptime;
  double rate = 0;
  std::array<std::uint64_t, net::Histogram::buckets> callbacks{};
  for (const auto& group : report.workers) {
    for (const auto& process : group.processes) {
      ++all.processes;
      if (!process.numbers) continue;
      all.connections += process.numbers->connections;
      rate += process.numbers->requestRate;
      for (std::size_t i = 0; i < callbacks.size(); ++i) callbacks[i] += process.numbers->callbacks[i];
    }
  }
  all.requestRate = static_cast<std::uint64_t>(std::llround(std::clamp(rate, 0.0, 1e18)));
  all.callback99 = quantile(callbacks, 0.99);
  return all;
}

std::vector<std::string> workerNames(const StatusReport& report) {
  std::vector<std::string> names;
  for (const auto& group : report.workers) {
    if (std::find(names.begin(), names.end(), group.name) == names.end()) names.push_back(group.name);
  }
  return names;
}

std::string lineOf(const LiveNumbers& numbers) {
  std::string line = "live" + field("app", numbers.app) + field("uptime_ms", std::to_string(numbers.uptime.count())) +
                     field("processes", std::to_string(numbers.processes)) +
                     field("connections", std::to_string(numbers.connections)) +
                     field("qps", std::to_string(numbers.requestRate));
  if (numbers.callback99) line += field("p99_ns", std::to_string(numbers.callback99->count()));
  for (const std::string& name : numbers.workers) line += field("worker", name);
  return line;
}

std::optional<LiveNumbers> parseLive(std::string_view line) {
  if (takeField(line) != "live" || line.empty()) return std::nullopt;
  LiveNumbers numbers;
  while (!line.empty()) {
    const std::string_view one = takeField(line), key = one.substr(0, one.find('='));
    const std::string_view value = one.substr(std::min(key.size() + 1, one.size()));
    if (key == "app")
      numbers.app = value;
    else if (key == "uptime_ms")
      numbers.uptime = std::chrono::milliseconds(amountIn(value));
    else if (key == "processes")
      numbers.processes = numberIn(value);
    else if (key == "connections")
      numbers.connections = numberIn(value);
    else if (key == "qps")
      numbers.requestRate = numberIn(value);
    else if (key == "p99_ns")
      numbers.callback99 = std::chrono::nanoseconds(amountIn(value));
    else if (key == "worker")
      numbers.workers.emplace_back(value);
  }
  return numbers;
}

}  // namespace artel
