// unit: what systemd needs to know of this program, as it is called now: in this directory, with these settings.
#include <cstdio>
#include <filesystem>
#include <string>

#include "artel/worker.hpp"
#include "src/master/service_commands.hpp"
#include "src/worker/bounded_wait.hpp"

namespace artel {

namespace {

/// A percent sign is a specifier in a unit file.
std::string path(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '%' ? 2 : 1, c);
  return escaped;
}

/// One word of a command line there: a space would end it.
std::string word(const std::string& text) {
  std::string quoted;
  bool plain = true;
  for (const char c : path(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == ' ' || c == '"' || c == '\\' || c == '\'') plain = false;
    quoted += c;
  }
  return plain ? quoted : "\"" + quoted + "\"";
}

/// One that is not the program: there a dollar sign begins a variable.
std::string argument(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '$' ? 2 : 1, c);
  return word(escaped);
}

std::string wholeSeconds(std::chrono::milliseconds time) { return std::to_string(time.count() / 1000 + 1); }

}  // namespace

int runUnit(const Command& command, const ServiceFiles& files) {
  const std::string program = word(files.program) + " ";
  const std::string options = command.pidFile.empty() ? "" : " --pid-file " + argument(files.pid);
  std::error_code failed;
  const std::string directory = std::filesystem::current_path(failed).string();
  const std::string text = "# " + command.program + " unit > /etc/systemd/system/" + files.name +
                           ".service; systemctl daemon-reload; systemctl enable --now " + files.name +
                           "\n"
                           "[Unit]\n"
                           "Description=" +
                           files.name +
                           "\n"
                           "After=network-online.target\n"
                           "Wants=network-online.target\n\n"
                           "[Service]\n"
                           "Type=notify\n"
                           "NotifyAccess=main\n"
                           "WorkingDirectory=" +
                           path(directory) + "\nExecStart=" + program + "start -q" + options +
                           "\nExecReload=" + program + "reload" + options +
                           "\n"
                           "# TERM to the master only, which stops its workers in order.\n"
                           "KillMode=mixed\n"
                           "TimeoutStopSec=" +
                           wholeSeconds(boundedWait(Worker::stopTimeout) + std::chrono::seconds(3)) +
                           "\n"
                           "Restart=on-failure\n"
                           "RestartSec=1\n"
                           "# A wrong command line or configuration does not become right by trying again.\n"
                           "RestartPreventExitStatus=2 4 6 7\n"
                           "# A stop that had to kill somebody is a stop: `stop` does not start the service again.\n"
                           "SuccessExitStatus=8\n"
                           "# The master tells that it lives, twice in this time; one that hangs is started anew.\n"
                           "WatchdogSec=30\n"
                           "LimitNOFILE=1048576\n\n"
                           "[Install]\n"
                           "WantedBy=multi-user.target\n";
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(Exit::ok);
}

}  // namespace artel
