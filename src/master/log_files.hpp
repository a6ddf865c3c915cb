// The log file and the file of standard output: opened by the master only, appended to by everybody.
#pragma once

#include <utility>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/service_files.hpp"

namespace artel {

/// At the start. In the background the log leaves standard error, which becomes Worker::stdoutFile together with
/// standard output. Throws SetupError (E06).
void openLogFiles(const ServiceFiles& files, bool background);

/// Throws SetupError (E06) where openLogFiles() would; touches nothing.
void refuseUnwritable(const ServiceFiles& files, bool background);

/// Opens them anew under the same numbers, for somebody has moved them. What to tell the workers: the kind of message
/// and the descriptor to pass.
std::vector<std::pair<char, platform::NativeSocket>> openAgain(const ServiceFiles& files);

}  // namespace artel
