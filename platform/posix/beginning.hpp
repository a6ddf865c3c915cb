// How this process began, kept before main can change it.
#pragma once

#include <string>

namespace artel::platform {

/// The directory it was started in, by the name under which the user came there: a deploy may turn a link in it
/// elsewhere.
const std::string& startDirectory() noexcept;

}  // namespace artel::platform
