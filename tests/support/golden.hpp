// Screens letter by letter, in files: tests/golden/<name>.txt. After a change that is meant, ARTEL_WRITE_GOLDEN=1
// before the test program writes them anew; `git diff` shows what has changed.
#pragma once

#include <functional>
#include <string>

#include "platform/platform.hpp"

namespace artel::testing {

/// An escape character is "^[" in the file.
void expectGolden(const std::string& name, const std::string& text);

/// A screen on terminals of 60, 80 and 120 columns (<name>.60 ...), in colour (<name>.80.colour) and piped
/// (<name>.piped). No line is wider than its terminal, colours change nothing else, and without colour (NO_COLOR) there
/// is no escape character.
void expectScreens(const std::string& name, const std::function<std::string(const platform::Terminal&)>& draw);

}  // namespace artel::testing
