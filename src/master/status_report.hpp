// What `status` shows, as a value, and its forms: a screen, and JSON. Pure: the cluster fills the report.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/statistics_reader.hpp"

namespace artel {

struct StatusReport {
  enum class State { starting, serving, stopping };
  struct Process {
    platform::Pid pid = 0;
    int id = 0;
    State state = State::serving;
    std::chrono::milliseconds uptime{0};
    std::size_t memory = 0;                ///< resident; 0: unknown
    std::optional<WorkerNumbers> numbers;  ///< nothing: it runs a build whose block this one cannot read
    bool stopped = false;                  ///< by a signal or a debugger: it does nothing until it is continued
  };
  /// Processes of one Worker that ended alike: "code 250", "signal SEGV".
  struct Ended {
    std::string reason;
    std::uint64_t count = 0;
    std::chrono::milliseconds ago{0};  ///< the last one
  };
  struct Group {
    std::string name, listen, transport;
    int count = 1;  ///< as wanted; fewer processes may be alive
    std::vector<Process> processes;
    std::vector<Ended> ended;
  };

  std::string app, version, build, program, loop, system,
      startedAt;  ///< loop: "libuv 1.44.2"; startedAt: "2026-11-22 09:14:07"
  platform::Pid master = 0;
  bool background = false;
  bool stopping = false;  ///< no process that ends is started again
  std::chrono::milliseconds uptime{0};
  std::array<std::optional<double>, 3> load;  ///< of 1, 5 and 15 minutes
  std::uint64_t reloads = 0;
  struct FailedReload {
    std::string why;
    std::chrono::milliseconds ago{0};
  };
  std::optional<FailedReload> failedReload;  ///< the last one, when it failed
  std::vector<Group> workers;
};

struct StatusStyle {
  bool header = true;
  std::string_view sort{};  ///< one of statusSorts(); else as the report has them
};
/// Narrower than 120 columns leaves columns out; no terminal has all of them. Ends with a newline.
std::string statusScreen(const StatusReport& report, const platform::Terminal& terminal, const StatusStyle& style = {});
/// Columns that processes can be sorted by, largest first: as they are in a request, and in the table.
struct StatusSort {
  std::string_view name, title;
};
std::span<const StatusSort> statusSorts() noexcept;
/// One object on one line, numbers in base units (ecosystem's schema 1). Ends with a newline.
std::string statusJson(const StatusReport& report);

}  // namespace artel
