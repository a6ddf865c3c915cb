// What `check` finds out beside the plan: files, limits of the system and libraries, each with a verdict. One value,
// and two forms of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "artel/error.hpp"
#include "platform/platform.hpp"
#include "src/master/libraries.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_files.hpp"

namespace artel {

struct CheckReport {
  struct File {
    std::string what, path;  ///< "logFile"; absolute
  };
  struct Limit {
    std::string name, value;
    std::string advice;  ///< what to do, when it is too low; "" when it is fine
  };
  std::string app, programFile;
  std::vector<File> files;  ///< that a start would write; each can be written
  std::vector<Limit> limits;
  std::vector<LibraryVersion> libraries;
  bool mayBecomeOthers = false;         ///< workers may run as another user
  std::vector<std::string> versions{};  ///< as Surroundings has them
};

/// Looks, and touches nothing. Throws SetupError (E06) when a file cannot be written.
CheckReport inspect(const Plan& plan, const ServiceFiles& files);

/// Whether a limit is enough for a server. `limits`: as platform::systemLimits() has them.
std::vector<CheckReport::Limit> judged(std::uint64_t openFiles,
                                       const std::vector<std::pair<std::string, std::string>>& limits,
                                       const Plan& plan);

/// For people: one line for each, or two where the terminal is narrow.
std::string checkText(const Plan& plan, const CheckReport& report, const platform::Terminal& terminal);
/// The plan as one object on one line: docs/operations.md has the keys (schema 1, keys are only added). Ends with a
/// newline.
std::string planJson(const Plan& plan, const CheckReport& report);

}  // namespace artel
