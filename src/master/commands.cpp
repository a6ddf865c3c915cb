#include "src/master/commands.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "artel/version.hpp"

namespace artel {

namespace {

constexpr std::array<CommandRow, 13> commands{{
    {Verb::start, "start", "[-d] [-q]", "serve until Ctrl+C; -d in the background", false, true},
    {Verb::stop, "stop", "[-g] [-t S]", "stop; -g lets connections finish first", true, false},
    {Verb::restart, "restart", "[-d] [-g] [-t S]", "stop if it runs, then start", false, false},
    {Verb::reload, "reload", "[-g] [-t S] [--no-wait]", "new workers in place of the old, no gap", true, false},
    {Verb::status, "status", "[-d] [--json]", "the processes; -d live", true, false, "",
     "keys of -d on a terminal\n"
     "  q  quit                        s  sort by the next column\n"
     "  w  the next worker only        c  connections, and back\n"
     "  p  pause, and go on            r  reload; asks before\n"
     "  ?  says the same\n"},
    {Verb::connections, "connections", "[--json]", "who is connected", true, false},
    {Verb::trace, "trace", "PID", "what a busy worker is doing: its stack", true, false},
    {Verb::check, "check", "[--json]", "whether it could start; starts nothing", false, true},
    {Verb::unit, "unit", "", "print a systemd unit for this program", false, false},
    {Verb::completion, "completion", "SHELL", "words for the tab key of bash, zsh or fish", false, true,
     "bash zsh fish"},
    {Verb::man, "man", "", "print a manual page", false, true},
    {Verb::version, "version", "", "what this program was built from", false, true},
    {Verb::help, "help", "[command]", "this text, or all about one command", false, true,
     "start stop restart reload status connections trace check unit completion man version"},
}};

template <class... Verbs>
constexpr std::uint32_t of(Verbs... verbs) {
  return ((1U << static_cast<unsigned>(verbs)) | ...);
}
constexpr std::uint32_t starts = of(Verb::start, Verb::restart);
constexpr std::uint32_t plans = starts | of(Verb::check);
constexpr std::uint32_t ends = of(Verb::stop, Verb::restart, Verb::reload);
constexpr std::uint32_t looks = of(Verb::status, Verb::connections);

constexpr std::array<OptionRow, 17> options{{
    {"-d,--daemon", "", "start, restart: in the background; status: live", starts | of(Verb::status)},
    {"-q,--quiet", "", "print nothing but errors", starts},
    {"-g,--graceful", "", "let connections finish, gracefulTimeout at most", ends},
    {"-t,--timeout", "SECONDS", "instead of stopTimeout; with -g of gracefulTimeout", ends},
    {"--no-wait", "", "do not wait until it is done", of(Verb::reload)},
    {"--exec", "", "execute the program file though it has not changed", of(Verb::reload)},
    {"--listen", "[NAME=]ADDRESS", "listen there instead; NAME is the worker's", plans},
    {"--count", "[NAME=]N", "so many processes; auto: one for each processor", plans, "auto"},
    {"--worker", "NAME", "this worker only", plans | looks},
    {"--log-level", "LEVEL", "trace, debug, info, warn, error or off", starts, "trace debug info warn error off"},
    {"--pid-file", "FILE", "another pid file: a second instance beside it",
     plans | ends | looks | of(Verb::trace, Verb::unit)},
    {"--json", "", "for programs: one object on one line",
     looks | of(Verb::stop, Verb::reload, Verb::check, Verb::version)},
    {"--pid", "N", "this process only", of(Verb::connections)},
    {"--remote", "CIDR", "clients of this network only", of(Verb::connections)},
    {"--status", "S", "established, closing or ending ones only", of(Verb::connections), "established closing ending"},
    {"--sort", "COLUMN", "largest first: sendq, recvq, in, out, idle, age", of(Verb::connections),
     "sendq recvq in out idle age"},
    {"--limit", "N", "so many lines, or \"all\"", of(Verb::connections), "all"},
}};

/// Letters to change, add, remove, or neighbours to exchange, to get from a to b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> earlier, before(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    earlier = std::exchange(before, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], earlier[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view typed, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t least = 3;  // further away is no near miss
  for (const std::string_view word : known) {
    if (const std::size_t d = distance(typed, word); d < least) {
      least = d;
      best = word;
    }
  }
  return best.empty() ? "" : ". Did you mean \"" + std::string(best) + "\"?";
}

std::string line(std::string text, std::string_view help, std::size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text.append(help) + "\n";
}

std::string described(const OptionRow& option, std::size_t width) {
  std::string names(option.names);
  if (const auto comma = names.find(','); comma != std::string::npos) names.replace(comma, 1, ", ");
  if (!option.value.empty()) names.append(" ").append(option.value);
  return line("  " + names, option.help, width);
}

}  // namespace

std::span<const CommandRow> commandTable() noexcept { return commands; }
std::span<const OptionRow> optionTable() noexcept { return options; }

const CommandRow& rowOf(Verb verb) noexcept {
  return *std::find_if(commands.begin(), commands.end(), [&](const CommandRow& row) { return row.verb == verb; });
}

std::string_view OptionRow::longName() const noexcept { return names.substr(names.find("--")); }

std::string_view OptionRow::shortName() const noexcept {
  return names.size() > 2 && names[1] != '-' ? names.substr(0, 2) : std::string_view();
}

std::string nearestCommand(std::string_view typed) {
  std::vector<std::string_view> known(commands.size());
  std::transform(commands.begin(), commands.end(), known.begin(), [](const CommandRow& row) { return row.name; });
  return nearest(typed, known);
}

std::string nearestOption(std::string_view typed) {
  std::vector<std::string_view> known{"--help", "--version"};
  for (const OptionRow& row : options) known.push_back(row.longName());
  return nearest(typed, known);
}

std::string helpText(const std::string& program) {
  std::string text = "artel " + std::string(version()) + "\nusage: " + program +
                     " <command> [options] [-- words for the application]\n\n";
  for (const CommandRow& row : commands)
    text += line("  " + std::string(row.name) + " " + std::string(row.usage), row.help, 36);
  text +=
      "\n"
      "  --listen [NAME=]ADDRESS           start: listen there; NAME is the worker's\n"
      "  --count [NAME=]N                  start: so many processes\n"
      "  --pid-file FILE                   all: a second instance beside the first\n\n"
      "examples\n  ";
  return text + program + " start -d --listen http://0.0.0.0:8080 --count 4\n  " + program +
         " help start                      all options of start\n";
}

std::string helpText(const std::string& program, const CommandRow& command) {
  std::string text = "usage: " + program + " " + std::string(command.name) + " " + std::string(command.usage) + "\n" +
                     std::string(command.help) + "\n";
  bool first = true;
  for (const OptionRow& option : options) {
    if (!option.takenBy(command.verb)) continue;
    if (std::exchange(first, false)) text += "\noptions\n";
    text += described(option, 30);
  }
  if (!command.more.empty()) text += "\n" + std::string(command.more);
  return text;
}

}  // namespace artel
