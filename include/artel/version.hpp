// Which artel this is.
#pragma once

#include <string_view>

namespace artel {

/// "0.1.0".
std::string_view version() noexcept;
/// A short hash of the sources this library was built from: two programs with the same id run the same artel.
std::string_view buildId() noexcept;

}  // namespace artel
