// status: the master draws the screen for the terminal that the command has.
#include <cstdio>
#include <optional>
#include <utility>

#include "src/master/control.hpp"
#include "src/master/live_view.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

namespace {

using namespace std::chrono_literals;
constexpr auto statusPatience = 5s;
constexpr auto endTime = 1s;  ///< of a master that has closed its socket and is about to end

struct Answer {
  std::string out, err;
  int code = 0;
};

/// Nothing when there is no master any more, or it says nothing.
Result<std::optional<Answer>> ask(const Command& command, const ServiceFiles& files,
                                  const platform::Terminal& terminal) {
  ControlRequest request{"status", {}};
  if (command.json) request.values["json"];
  if (terminal.isTerminal) request.values["width"] = std::to_string(terminal.width);
  if (terminal.colour) request.values["colour"];
  if (!command.onlyWorker.empty()) request.values["worker"] = command.onlyWorker;
  Answer answer;
  const auto code = askMaster(
      files.control, request,
      [&](std::string_view kind, std::string_view text) {
        (kind == "err" ? answer.err : answer.out).append(text) += '\n';
      },
      statusPatience);
  if (!code) return code.error();
  if (!*code) return std::optional<Answer>();
  answer.code = **code;
  return std::optional<Answer>(std::move(answer));
}

}  // namespace

int runStatus(const Command& command, const ServiceFiles& files) {
  if (!isRunning(files)) throw notRunning(files, command.program);
  std::optional<Answer> last;
  std::optional<Error> failed;
  const auto next = [&](const platform::Terminal& terminal) -> std::optional<std::string> {
    auto answered = ask(command, files, terminal);
    failed = answered ? std::nullopt : std::optional(answered.error());
    last = answered ? std::move(*answered) : std::nullopt;
    if (!last || last->code != 0) return std::nullopt;
    return last->out;
  };
  if (!command.daemon) {
    if (const auto screen = next(platform::standardOutput())) {
      std::fwrite(screen->data(), 1, screen->size(), stdout);
      return 0;
    }
  } else if (runLive(next)) {
    return 0;
  }
  if (last) {
    std::fwrite(last->err.data(), 1, last->err.size(), stderr);
    return last->code;
  }
  if (awaitEnd(files, endTime)) throw notRunning(files, command.program);
  throw notAnswering(files, command.program, failed ? &*failed : nullptr);
}

}  // namespace artel
