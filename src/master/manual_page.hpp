// A manual page for `man`, from the command table. Pure.
#pragma once

#include <string>

namespace artel {

/// In roff, with the macros of man(7). `program`: its name without a directory.
std::string manualPage(const std::string& program);

}  // namespace artel
