// What `connections` shows. Pure: the command fills it from the master's lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/worker/connection_rows.hpp"

namespace artel {

struct ConnectionsReport {
  struct Row {
    platform::Pid pid = 0;
    ConnectionRow row;
  };
  struct Missing {
    platform::Pid pid = 0;
    std::string worker, why;
  };
  std::vector<Row> rows;
  std::vector<Missing> missing;
  std::uint64_t all = 0;  ///< connections of the service, shown or not

  /// A line of ConnectionsQuery, or "all <tab> N"; what is none is left out.
  void take(std::string_view line);
  /// By worker, pid and id; or by one of sortColumns(), largest first.
  void sort(std::string_view column);
};
/// "sendq", "recvq", "in", "out", "idle".
bool sortsBy(std::string_view column) noexcept;

std::string connectionsScreen(const ConnectionsReport& report, const platform::Terminal& terminal);
/// One object on one line, numbers in base units.
std::string connectionsJson(const ConnectionsReport& report, std::string_view app);

}  // namespace artel
