#include "artel/version.hpp"

#include <string>

#include "platform/platform.hpp"

namespace artel {

std::string_view version() noexcept { return ARTEL_VERSION; }
std::string_view buildId() noexcept { return ARTEL_BUILD_ID; }

std::string_view programId() {
  static const std::string id = platform::programId(platform::currentPid());
  return id;
}

}  // namespace artel
