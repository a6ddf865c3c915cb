// The system's error numbers as artel's errors and words.
#pragma once

#include <string>

#include "artel/error.hpp"

namespace artel::platform {

/// The system's words as the middle of a sentence: "Address ..." becomes "address ...", "RFS ..." stays.
std::string lowerFirst(std::string text);
/// "address already in use (98 EADDRINUSE)"; the symbolic name only for numbers that a server meets.
std::string systemText(int number);
/// An Error with the matching code and systemText(). For EAGAIN the message stays empty: it is no trouble, and the
/// callers on hot paths must not allocate.
Error systemError(int number);
/// The same with words in front: "cannot start a process: ...".
Error systemError(const std::string& what, int number);

}  // namespace artel::platform
