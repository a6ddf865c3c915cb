#include "artel/error.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

int runStatus(const Command& command, const ServiceFiles&) {
  throw SetupError(Exit::failed, "status is not supported by this version", {{"try", command.program + " help"}});
}

}  // namespace artel
