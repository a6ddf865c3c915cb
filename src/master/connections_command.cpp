#include "artel/error.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

int runConnections(const Command& command, const ServiceFiles&) {
  throw SetupError(Exit::failed, "connections is not supported by this version", {{"try", command.program + " help"}});
}

}  // namespace artel
