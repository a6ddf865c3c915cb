// The commands that talk to a running master. Each prints what it has to say and answers the exit code.
#pragma once

#include "src/master/command_line.hpp"
#include "src/master/service_files.hpp"

namespace artel {

int runStatus(const Command& command, const ServiceFiles& files);
int runConnections(const Command& command, const ServiceFiles& files);

}  // namespace artel
