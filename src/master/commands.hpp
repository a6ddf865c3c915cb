// The one table of commands and options. Parsing, help, near misses, the refusals of a limited system, completion and
// the manual page come from it; whoever adds a command adds a row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "artel/capabilities.hpp"

namespace artel {

enum class Verb {
  start,
  stop,
  restart,
  reload,
  status,
  connections,
  trace,
  check,
  unit,
  completion,
  man,
  version,
  help
};

struct CommandRow {
  Verb verb;
  std::string_view name;
  std::string_view usage;  ///< after the name, on one line
  std::string_view help;
  bool needsMaster = false;  ///< not running is an error (E03)
  bool everywhere = false;   ///< also where there is no master
  std::string_view words{};  ///< one of these may follow, "bash zsh fish"; empty: nothing may
  std::string_view more{};   ///< below the options of "help COMMAND"; lines
};
std::span<const CommandRow> commandTable() noexcept;
const CommandRow& rowOf(Verb verb) noexcept;

struct OptionRow {
  std::string_view names;  ///< CLI11's form: "-q,--quiet"
  std::string_view value;  ///< "SECONDS"; empty for a flag
  std::string_view help;
  std::uint32_t verbs;         ///< who takes it, a bit for each Verb
  std::string_view choices{};  ///< values for completion, "trace debug"; there may be others
  bool takenBy(Verb verb) const noexcept { return ((verbs >> static_cast<unsigned>(verb)) & 1U) != 0; }
  /// "--quiet".
  std::string_view longName() const noexcept;
  /// "-q"; empty when it has none.
  std::string_view shortName() const noexcept;
  bool isFlag() const noexcept { return value.empty(); }
  bool isFile() const noexcept { return value == "FILE"; }
  /// The value begins with the name of a Worker, or is one.
  bool namesWorker() const noexcept { return value.find("NAME") != std::string_view::npos; }
};
std::span<const OptionRow> optionTable() noexcept;

/// What "help" prints; fits 24 lines of 80 columns.
std::string helpText(const std::string& program);
/// What "help stop" prints: all of its options.
std::string helpText(const std::string& program, const CommandRow& command);

/// ". Did you mean "start"?" when a command is near what was typed, else empty.
std::string nearestCommand(std::string_view typed);
std::string nearestOption(std::string_view typed);

}  // namespace artel
