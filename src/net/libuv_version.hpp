// For layers that do without libuv but show its version.
#pragma once

namespace artel::net {

/// As found when the program started.
const char* libuvVersion() noexcept;
/// As the program was compiled against.
const char* libuvCompiledVersion() noexcept;

}  // namespace artel::net
