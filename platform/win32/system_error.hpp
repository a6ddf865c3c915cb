// Windows' error numbers as artel's errors and words.
#pragma once

#include <string>
#include <string_view>

#include "artel/error.hpp"

namespace artel::platform {

/// "address already in use (10048 WSAEADDRINUSE)" for the numbers that a server meets, Windows' own words for others.
std::string systemText(int number);
/// An Error with the matching code and systemText().
Error systemError(int number);
/// What this system cannot do, with the sentence of Capabilities.
Error unsupported();

std::string toUtf8(std::wstring_view text);
std::wstring toWide(std::string_view utf8);

}  // namespace artel::platform
