// Hexadecimal text and bytes (manual 1.16.40).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace artel {

/// "\x01\xff" becomes "01ff".
std::string toHex(std::string_view bytes);
/// "01FF" becomes "\x01\xff"; nothing for an odd length or a character that is no hexadecimal digit.
std::optional<std::string> fromHex(std::string_view text);

}  // namespace artel
