// What makes the tab key know a program's commands and options: a script for the shell, from the command table. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace artel {

/// `shell`: bash, zsh or fish; throws SetupError (E02) for another. `program`: its name without a directory. `workers`:
/// names of its Workers, of which those that need no quoting are offered.
std::string completionScript(std::string_view shell, const std::string& program,
                             const std::vector<std::string>& workers);

}  // namespace artel
