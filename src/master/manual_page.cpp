#include "src/master/manual_page.hpp"

#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "artel/version.hpp"
#include "src/master/commands.hpp"

namespace artel {

namespace {

using Described = std::pair<std::string_view, std::string_view>;

constexpr std::array<Described, 10> exits{
    {{"0", "done"},
     {"1", "the start failed, or the service failed while it ran"},
     {"2", "the command line cannot be understood"},
     {"3", "not running"},
     {"4", "already running"},
     {"5", "cannot listen on an address"},
     {"6", "the configuration is wrong"},
     {"7", "not available on this system"},
     {"8", "the time for a stop was over: workers were killed, or connections cut"},
     {"70", "a bug of the framework"}}};
constexpr std::array<Described, 5> signals{
    {{"INT, TERM, TSTP", "stop; a second INT or TERM kills at once"},
     {"QUIT", "stop -g"},
     {"USR1", "reload"},
     {"USR2", "reload -g"},
     {"HUP", "without a terminal the log files are opened anew; with one it stops"}}};
constexpr std::array<Described, 4> files{{{".pid", "the number of the master process"},
                                          {".pid.lock", "held by the master as long as it lives"},
                                          {".pid.ctl", "the socket through which the commands talk to the master"},
                                          {".log", "the log of a service in the background"}}};

/// A line of text: no character of it is an instruction.
std::string escaped(std::string_view text) {
  std::string out = !text.empty() && (text.front() == '.' || text.front() == '\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\')
      out += "\\(rs";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string item(const std::string& head, std::string_view text) {
  return ".TP\n" + head + "\n" + escaped(text) + "\n";
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }

template <class Rows>
std::string list(std::string_view title, const Rows& rows, const std::string& before = "") {
  std::string text = ".SH " + std::string(title) + "\n";
  for (const auto& [name, what] : rows) text += item(bold(before + std::string(name)), what);
  return text;
}

std::string takers(const OptionRow& option) {
  std::string names;
  for (const CommandRow& row : commandTable()) {
    if (option.takenBy(row.verb)) names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

}  // namespace

std::string manualPage(const std::string& program) {
  std::string title = program;
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string text =
      ".\\\" " + program + " man > " + program + ".1\n.TH \"" + escaped(title) + "\" 1 \"\" \"artel " +
      escaped(version()) + "\" \"User Commands\"\n.SH NAME\n" + escaped(program) +
      " \\- a service built with artel\n.SH SYNOPSIS\n" + bold(program) +
      " \\fIcommand\\fR [\\fIoptions\\fR] [\\fB\\-\\-\\fR \\fIwords for the application\\fR]\n.SH COMMANDS\n";
  for (const CommandRow& row : commandTable())
    text += item(bold(row.name) + (row.usage.empty() ? "" : " " + escaped(row.usage)), row.help);
  text += ".SH OPTIONS\n";
  for (const OptionRow& option : optionTable()) {
    std::string head = option.shortName().empty() ? "" : bold(option.shortName()) + ", ";
    head += bold(option.longName());
    if (!option.isFlag()) head += " \\fI" + escaped(option.value) + "\\fR";
    text += item(head, option.help) + ".br\nTaken by " + takers(option) + ".\n";
  }
  text += list("EXIT STATUS", exits) + list("SIGNALS", signals) + list("FILES", files, program);
  return text + ".SH SEE ALSO\n" + bold(program + " help") + ", " + bold(program + " help") + " \\fIcommand\\fR\n";
}

}  // namespace artel
