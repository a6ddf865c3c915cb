// Which artel this is.
#pragma once

#include <string_view>

namespace artel {

/// "0.1.0".
std::string_view version() noexcept;
/// A short hash of the sources this library was built from: two programs with the same id run the same artel.
std::string_view buildId() noexcept;
/// A short hash of the file that this process runs, your code and ours: another program has another one. The first call
/// reads the file (40 MB take 10 ms), so make it in onWorkerStart. "?" when this process may not read it.
std::string_view programId();

}  // namespace artel
