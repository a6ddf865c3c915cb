// A screen that is drawn again and again (`status -d`) until somebody ends it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "platform/platform.hpp"

namespace artel {

/// What draws `screen` over what was there: on a terminal from its upper left corner, cut at its height, with the way
/// out on the last line; elsewhere the text as it is. Pure.
std::string liveFrame(const std::string& screen, const platform::Terminal& terminal);

/// Asks for a screen each second and draws it. Ends on Ctrl+C (TERM, HUP), when nobody takes what is written, or when
/// there is no screen any more; the terminal is then as it was. True when it was ended from outside.
bool runLive(const std::function<std::optional<std::string>(const platform::Terminal&)>& next);

}  // namespace artel
