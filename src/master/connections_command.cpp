// connections: the rows come from the workers through the master; this command sorts and draws them.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "src/master/connections_screen.hpp"
#include "src/master/control.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

namespace {

using namespace std::chrono_literals;
constexpr auto connectionsPatience = 5s;
constexpr std::uint64_t usualLimit = 50;

/// 0: all.
std::uint64_t limitOf(const Command& command) {
  if (command.limit.empty()) return command.json ? 0 : usualLimit;
  if (command.limit == "all") return 0;
  std::uint64_t limit = 0;
  const char* const end = command.limit.data() + command.limit.size();
  const auto [at, failed] = std::from_chars(command.limit.data(), end, limit);
  if (failed != std::errc() || at != end || limit == 0)
    throw SetupError(Exit::usage, "--limit: \"" + command.limit + "\" is no number of lines",
                     {{"try", command.program + " connections --limit 100      (or all)"}});
  return limit;
}

/// What the manual calls a status, in any letters.
std::string statusOf(const Command& command) {
  std::string status = command.status;
  for (char& c : status) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  for (const char* known : {"", "INITIAL", "CONNECTING", "ESTABLISHED", "ENDING", "CLOSING", "CLOSED"}) {
    if (status == known) return status;
  }
  throw SetupError(Exit::usage, "--status: \"" + command.status + "\" is no status of a connection",
                   {{"try", "established, closing or ending"}});
}

ControlRequest pageRequest(const Command& command) {
  if (!PeerFilter::parse(command.remote))
    throw SetupError(Exit::usage, "--remote: \"" + command.remote + "\" is neither an address nor a network",
                     {{"try", command.program + " connections --remote 203.0.113.0/24"}});
  if (!command.sort.empty() && !sortsBy(command.sort))
    throw SetupError(Exit::usage, "--sort: \"" + command.sort + "\" is no column to sort by",
                     {{"try", "sendq, recvq, in, out, idle or age"}});
  ControlRequest request{"connections", {}};
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) request.values[key] = value;
  };
  set("worker", command.onlyWorker);
  set("remote", command.remote);
  set("status", statusOf(command));
  if (command.pid) set("pid", std::to_string(*command.pid));
  // The largest are known only when all are.
  const std::uint64_t limit = limitOf(command);
  if (limit > 0 && command.sort.empty()) set("limit", std::to_string(limit));
  return request;
}

}  // namespace

int runConnections(const Command& command, const ServiceFiles& files) {
  const ControlRequest request = pageRequest(command);
  const std::uint64_t limit = limitOf(command);
  if (!isRunning(files)) throw notRunning(files, command.program);
  ConnectionsReport report;
  const auto code = askMaster(
      files.control, request,
      [&](std::string_view kind, std::string_view text) {
        if (kind == "out") return report.take(text);
        std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
      },
      connectionsPatience);
  if (!code || !*code) {
    if (awaitEnd(files, 1s)) throw notRunning(files, command.program);
    throw notAnswering(files, command.program, code ? nullptr : &code.error());
  }
  if (**code != 0) return **code;
  report.sort(command.sort);
  if (limit > 0 && report.rows.size() > limit) report.rows.resize(limit);
  const std::string text =
      command.json ? connectionsJson(report, files.name) : connectionsScreen(report, platform::standardOutput());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace artel
