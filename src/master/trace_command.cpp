// trace: the stack of one worker, which the master asks for and makes readable.
#include <cstdio>

#include "src/master/control.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {
constexpr auto tracePatience = 5s;
}

int runTrace(const Command& command, const ServiceFiles& files) {
  if (!isRunning(files)) throw notRunning(files, command.program);
  const ControlRequest request{"trace", {{"pid", std::to_string(command.pid.value_or(0))}}};
  const auto code = askMaster(
      files.control, request,
      [](std::string_view kind, std::string_view text) {
        std::fprintf(kind == "err" ? stderr : stdout, "%.*s\n", static_cast<int>(text.size()), text.data());
      },
      tracePatience);
  if (code && *code) return **code;
  if (awaitEnd(files, 1s)) throw notRunning(files, command.program);
  throw notAnswering(files, command.program, code ? nullptr : &code.error());
}

}  // namespace artel
