// The event by which one process asks another to stop. Its name has the number of the one that is asked.
#pragma once

#include <windows.h>

#include <string>

#include "platform/platform.hpp"

namespace artel::platform {

std::wstring stopEventName(Pid pid);
/// Makes it, or opens the one that there is; null when neither can be.
HANDLE stopEventOf(Pid pid);

}  // namespace artel::platform
