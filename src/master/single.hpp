// The one process of a system without worker processes: it is the worker.
#pragma once

#include "artel/error.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_files.hpp"

namespace artel {

/// The whole life of the service; the exit code. Throws SetupError (E04) when the same Worker of this program, with the
/// same pid file, runs already in a process of its own.
int runSingle(const Plan& plan, const ServiceFiles& files);

/// E04. `owner`: the process that runs, 0 when it is not known.
SetupError runsAlready(const Plan& plan, platform::Pid owner);

}  // namespace artel
