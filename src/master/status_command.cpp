// status: the master draws the screen for the terminal that the command has.
#include <cstdio>
#include <string>

#include "src/master/control.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

namespace {

using namespace std::chrono_literals;
constexpr auto statusPatience = 5s;
constexpr auto endTime = 1s;  ///< of a master that has closed its socket and is about to end

}  // namespace

ControlRequest statusRequest(const Command& command, const std::string& worker, const platform::Terminal& terminal) {
  ControlRequest request{"status", {}};
  if (command.json) request.values["json"];
  if (terminal.isTerminal) request.values["width"] = std::to_string(terminal.width);
  if (terminal.colour) request.values["colour"];
  if (!worker.empty()) request.values["worker"] = worker;
  return request;
}

int runStatus(const Command& command, const ServiceFiles& files) {
  if (!isRunning(files)) throw notRunning(files, command.program);
  if (command.daemon) return runLiveStatus(command, files);
  std::string out, err;
  const auto code = askMaster(
      files.control, statusRequest(command, command.onlyWorker, platform::standardOutput()),
      [&](std::string_view kind, std::string_view text) { (kind == "err" ? err : out).append(text) += '\n'; },
      statusPatience);
  if (!code || !*code) {
    if (awaitEnd(files, endTime)) throw notRunning(files, command.program);
    throw notAnswering(files, command.program, code ? nullptr : &code.error());
  }
  if (**code == 0) std::fwrite(out.data(), 1, out.size(), stdout);
  std::fwrite(err.data(), 1, err.size(), stderr);
  return **code;
}

}  // namespace artel
