// The one process of a system without worker processes: it is the worker.
#pragma once

#include "src/master/plan.hpp"

namespace artel {

/// The whole life of the service; the exit code.
int runSingle(const Plan& plan);

}  // namespace artel
