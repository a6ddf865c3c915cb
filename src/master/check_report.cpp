#include "src/master/check_report.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/master/start_screen.hpp"
#include "src/master/text_table.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

constexpr std::uint64_t enoughOpenFiles = 10'000;
constexpr std::int64_t enoughQueue = 1024, enoughHandshakes = 512, enoughPorts = 10'000, enoughTracked = 65'536,
                       enoughFiles = 100'000;

void writable(CheckReport& report, const std::string& what, const std::string& path) {
  if (const auto may = platform::mayWrite(path); !may)
    throw SetupError(Exit::configuration, what + " cannot be written: " + path + ": " + may.error().message,
                     {{"try", "another path, where this user may write"}});
  report.files.push_back({what, path});
}

struct Range {
  std::int64_t first = 0, last = -1;
  bool has(std::int64_t port) const noexcept { return first <= port && port <= last; }
};

/// "32768 60999".
Range rangeOf(const std::string& text) {
  Range range;
  std::istringstream(text) >> range.first >> range.last;
  return range;
}

/// "8080,9000-9100".
bool listed(const std::string& ports, std::int64_t port) {
  std::istringstream items(ports);
  for (std::string item; std::getline(items, item, ',');) {
    const auto dash = item.find('-');
    const std::int64_t first = std::atoll(item.c_str());
    if (Range{first, dash == std::string::npos ? first : std::atoll(item.c_str() + dash + 1)}.has(port)) return true;
  }
  return false;
}

/// An outgoing connection may have taken the port when the service starts.
std::string adviceOnPorts(const Range& range, const std::string& reserved, const Plan& plan) {
  for (const PlannedWorker& one : plan.workers) {
    const ListenAddress& address = one.worker->core().address;
    if (address.none() || address.kind == platform::SocketKind::unixStream || !range.has(address.port)) continue;
    const std::string port = std::to_string(address.port);
    if (!listed(reserved, address.port))
      return "port " + port +
             " lies in it, an outgoing connection may hold it at a start: sysctl -w "
             "net.ipv4.ip_local_reserved_ports=" +
             port;
  }
  if (range.last - range.first + 1 < enoughPorts)
    return "few for a server that connects to others: sysctl -w net.ipv4.ip_local_port_range=\"15000 65000\"";
  return "";
}

std::string atLeast(const std::string& value, std::int64_t enough, const std::string& advice) {
  return std::atoll(value.c_str()) < enough ? advice : "";
}

}  // namespace

std::vector<CheckReport::Limit> judged(std::uint64_t openFiles,
                                       const std::vector<std::pair<std::string, std::string>>& limits,
                                       const Plan& plan) {
  const auto reserved = std::find_if(limits.begin(), limits.end(), [](const auto& limit) {
    return limit.first == "net.ipv4.ip_local_reserved_ports";
  });
  std::vector<CheckReport::Limit> all{
      {"open files", std::to_string(openFiles),
       openFiles < enoughOpenFiles ? "few: raise it (ulimit -n, LimitNOFILE= in the unit)" : ""}};
  for (const auto& [name, value] : limits) {
    std::string advice;
    if (name == "net.core.somaxconn")
      advice = atLeast(value, enoughQueue, "short: sysctl -w net.core.somaxconn=4096");
    else if (name == "net.ipv4.tcp_max_syn_backlog")
      advice = atLeast(value, enoughHandshakes, "short: sysctl -w net.ipv4.tcp_max_syn_backlog=4096");
    else if (name == "net.ipv4.ip_local_port_range")
      advice = adviceOnPorts(rangeOf(value), reserved == limits.end() ? "" : reserved->second, plan);
    else if (name == "net.netfilter.nf_conntrack_max")
      advice =
          atLeast(value, enoughTracked, "each connection takes one: sysctl -w net.netfilter.nf_conntrack_max=262144");
    else if (name == "fs.file-max")
      advice = atLeast(value, enoughFiles, "few for the whole machine: sysctl -w fs.file-max=1000000");
    all.push_back({name, value, std::move(advice)});
  }
  return all;
}

CheckReport inspect(const Plan& plan, const ServiceFiles& files) {
  CheckReport report;
  report.app = files.name;
  report.programFile = files.program;
  report.versions = Surroundings::here().versions;
  if (capabilities().controlCommands) {
    const auto folder = std::filesystem::path(std::u8string(files.pid.begin(), files.pid.end())).parent_path();
    std::error_code failed;
    if (!std::filesystem::is_directory(folder, failed))  // a start makes folders for logs, not this one
      throw SetupError(Exit::configuration, "pidFile cannot be written: " + files.pid + ": there is no such folder",
                       {{"try", "another path, where this user may write"}});
    writable(report, "pidFile", files.pid);
  }
  if (!Worker::logFile.empty() || plan.background) writable(report, "logFile", files.log);
  if (!files.output.empty() && capabilities().daemonize) writable(report, "stdoutFile", files.output);
  report.limits = judged(platform::raiseOpenFiles(wantedOpenFiles), platform::systemLimits(), plan);
  report.libraries = libraryVersions();
  report.mayBecomeOthers = capabilities().dropPrivileges && platform::findUser("root", "");
  return report;
}

std::string checkText(const Plan& plan, const CheckReport& report, const platform::Terminal& terminal) {
  const int width = terminal.isTerminal ? terminal.width : 0;
  std::string text = versionLine(report.versions, width);
  const auto row = [&text, width](std::string name, const std::string& value, const std::string& verdict) {
    name.resize(std::max<std::size_t>(name.size() + 2, 34), ' ');
    const std::string begin = name + value, line = begin + (verdict.empty() ? "" : "   " + verdict);
    if (width <= 0 || line.size() <= static_cast<std::size_t>(width))
      text += line + "\n";
    else
      text += begin + "\n    " + broken(verdict, width - 4, "    ");
  };
  for (const PlannedWorker& one : plan.workers)
    row("worker " + one.worker->name, one.worker->listenAddress(),
        std::to_string(one.count) + (one.count == 1 ? " process" : " processes") +
            (one.worker->user.empty() ? "" : " as " + one.worker->user));
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  for (const PlannedWorker& one : plan.workers) {
    for (const TlsFiles::Certificate& each : one.worker->core().tlsFiles.certificates) {
      const std::string problem = validityProblem(each.report, now);
      row("certificate" + (each.name.empty() ? "" : " " + each.name), each.file,
          each.report.key + ", " + (problem.empty() ? "valid until " + dateText(each.report.notAfter) : problem));
    }
  }
  for (const auto& [what, path] : report.files) row(what, path, "writable");
  if (capabilities().dropPrivileges)
    row("other users", report.mayBecomeOthers ? "yes" : "no",
        report.mayBecomeOthers ? "workers may run as another user" : "only root may run workers as another user");
  for (const auto& [name, value, advice] : report.limits) row(name, value, advice.empty() ? "fine" : advice);
  for (const LibraryVersion& library : report.libraries) {
    const std::string wrong = misfit(library);
    row(library.name, library.found.empty() ? library.compiled : library.found,
        library.found.empty() ? "compiled against it; it does not say what was found"
                              : "compiled against " + library.compiled + ": " + (wrong.empty() ? "fine" : wrong));
  }
  for (const std::string& warning : plan.warnings) text += broken("warning: " + warning, width);
  return text + report.app + ": this could start\n";
}

}  // namespace artel
