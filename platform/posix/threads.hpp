// Whether this process may fork: shared by what starts workers and what goes to the background.
#pragma once

#include "artel/error.hpp"

namespace artel::platform {

/// Refused with more than one thread, naming how many and which: a forked copy of a locked mutex stays locked.
Result<void> mayFork();

}  // namespace artel::platform
