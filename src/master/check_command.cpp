// check: all that a start decides, and nothing that it does.
#include <cstdio>
#include <string>

#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/master/check_report.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

int runCheck(const Command& command, const ServiceFiles& files) {
  const Plan plan = resolve(Worker::all(), command, capabilities());
  if (plan.cluster) refuseSharedPaths(plan, files);
  const CheckReport report = inspect(plan, files);
  std::fputs((command.json ? planJson(plan, report) : checkText(plan, report, platform::standardOutput())).c_str(),
             stdout);
  return static_cast<int>(Exit::ok);
}

}  // namespace artel
