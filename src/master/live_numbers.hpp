// What the header of `status -d` is made of, as the master tells it beside the screen. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/master/status_report.hpp"

namespace artel {

/// Sums over what the report holds.
struct LiveNumbers {
  std::string app;
  std::chrono::milliseconds uptime{0};
  std::uint64_t processes = 0, connections = 0, requestRate = 0;
  std::optional<std::chrono::nanoseconds> callback99;  ///< of all processes together
  std::vector<std::string> workers;                    ///< the names that there are, also of those left out
};
/// Without `workers`.
LiveNumbers liveNumbers(const StatusReport& report);
/// Each once, in the order of the report.
std::vector<std::string> workerNames(const StatusReport& report);

/// "live <tab> app=chat <tab> ...".
std::string lineOf(const LiveNumbers& numbers);
/// Nothing when it is another line. A number that is missing is 0.
std::optional<LiveNumbers> parseLive(std::string_view line);

}  // namespace artel
