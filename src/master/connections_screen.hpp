// What `connections` shows. Pure: the command fills it from the master's lines.
#pragma once

#include <cstdint>
#include <span>
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
  /// By worker, pid and id; or by one of connectionsSorts(), largest first.
  void sort(std::string_view column);
};
/// Columns to sort by: as they are on the command line, and in the table.
struct ConnectionsSort {
  std::string_view name, title;
};
std::span<const ConnectionsSort> connectionsSorts() noexcept;
bool sortsBy(std::string_view column) noexcept;

/// `hints`: with the options that show others.
std::string connectionsScreen(const ConnectionsReport& report, const platform::Terminal& terminal, bool hints = true);
/// One object on one line, numbers in base units.
std::string connectionsJson(const ConnectionsReport& report, std::string_view app);

}  // namespace artel
