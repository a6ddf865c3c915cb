// What http::serveMetrics answers, as a value, and its text: the exposition format 0.0.4 of Prometheus. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/master/statistics_reader.hpp"

namespace artel {

struct MetricsReport {
  struct Ended {
    std::string reason;
    std::uint64_t count = 0;
  };
  /// The processes of one Worker together.
  struct Group {
    std::string worker;
    std::uint64_t wanted = 0, processes = 0, busy = 0;
    std::uint64_t connections = 0, timers = 0, memory = 0, sendQueue = 0;
    Totals totals;  ///< those that have ended are still counted
    std::vector<Ended> ended;
  };
  std::string version, build;
  std::uint64_t startedAt = 0;  ///< seconds since 1970
  std::uint64_t reloads = 0;
  std::vector<Group> groups;  ///< of the same name: they are added up, for a name is one series
};

/// One process into its group. `memory`: its block; a build that this one cannot read adds nothing but itself.
void addProcess(MetricsReport::Group& group, std::span<const std::byte> memory, std::uint64_t now,
                std::size_t residentMemory);

std::string metricsText(const MetricsReport& report);

}  // namespace artel
