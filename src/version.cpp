#include "artel/version.hpp"

namespace artel {

std::string_view version() noexcept { return ARTEL_VERSION; }
std::string_view buildId() noexcept { return ARTEL_BUILD_ID; }

}  // namespace artel
