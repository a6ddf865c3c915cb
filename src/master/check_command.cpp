// check: all that a start decides, and nothing that it does.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_commands.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

constexpr std::uint64_t enoughOpenFiles = 10'000;
constexpr int enoughQueue = 1024;

std::string row(std::string name, const std::string& value, const std::string& verdict) {
  name.resize(std::max<std::size_t>(name.size() + 2, 30), ' ');
  return name + value + (verdict.empty() ? "" : "   " + verdict) + "\n";
}

std::string writable(const std::string& what, const std::string& path) {
  if (const auto may = platform::mayWrite(path); !may)
    throw SetupError(Exit::configuration, what + " cannot be written: " + path + ": " + may.error().message,
                     {{"try", "another path, where this user may write"}});
  return row(what, path, "writable");
}

}  // namespace

int runCheck(const Command& command, const ServiceFiles& files) {
  const Plan plan = resolve(Worker::all(), command, capabilities());
  if (plan.cluster) refuseSharedPaths(plan, files);
  std::string text = versionLine() + "\n";
  for (const PlannedWorker& one : plan.workers)
    text += row("worker " + one.worker->name, one.worker->listenAddress(),
                std::to_string(one.count) + (one.count == 1 ? " process" : " processes") +
                    (one.worker->user.empty() ? "" : " as " + one.worker->user));
  if (capabilities().controlCommands) {
    const auto folder = std::filesystem::path(std::u8string(files.pid.begin(), files.pid.end())).parent_path();
    std::error_code failed;
    if (!std::filesystem::is_directory(folder, failed))  // a start makes folders for logs, not this one
      throw SetupError(Exit::configuration, "pidFile cannot be written: " + files.pid + ": there is no such folder",
                       {{"try", "another path, where this user may write"}});
    text += writable("pidFile", files.pid);
  }
  if (!Worker::logFile.empty() || plan.background) text += writable("logFile", files.log);
  if (!files.output.empty() && capabilities().daemonize) text += writable("stdoutFile", files.output);
  const auto open = platform::raiseOpenFiles(1'048'576);
  text += row("open files", std::to_string(open),
              open < enoughOpenFiles ? "few: raise it (ulimit -n, LimitNOFILE= in the unit)" : "fine");
  for (const auto& [name, value] : platform::systemLimits()) {
    const bool tooShort = name == "net.core.somaxconn" && std::atoi(value.c_str()) < enoughQueue;
    text += row(name, value, tooShort ? "short: sysctl -w net.core.somaxconn=4096" : "");
  }
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  std::fputs((text + files.name + ": this could start\n").c_str(), stdout);
  return static_cast<int>(Exit::ok);
}

}  // namespace artel
