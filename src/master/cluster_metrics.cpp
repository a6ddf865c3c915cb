// The numbers of the whole service, for a worker that serves them (http::serveMetrics).
#include "artel/version.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"
#include "src/worker/service_numbers.hpp"

namespace artel {

MetricsReport Cluster::metrics() {
  MetricsReport report;
  report.version = version();
  report.build = buildId();
  report.startedAt = static_cast<std::uint64_t>(startedAt_);
  report.reloads = generation_;
  const auto now = monotonicMilliseconds();
  for (const PlannedWorker& planned : plan_.workers) {
    MetricsReport::Group group;
    group.worker = planned.worker->core().metricsName();
    group.wanted = static_cast<std::uint64_t>(planned.count);
    group.totals = past_[&planned];
    for (const auto& ended : exits_[&planned].all()) group.ended.push_back({ended.reason, ended.count});
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned != &planned || !process.alive()) return;
      addProcess(group, blockOf(process), now, platform::residentMemory(process.pid));
    });
    report.groups.push_back(std::move(group));
  }
  return report;
}

/// What does not fit into the channel now is not sent: the worker gives up after a while.
void Cluster::metricsAsked(const Process& process, std::string_view question) {
  for (const std::string& piece : ServiceNumbers::piecesOf(question, metricsText(metrics()))) {
    if (!process.channel.put(WorkerProcess::metricsMessage, piece)) return;
  }
}

}  // namespace artel
