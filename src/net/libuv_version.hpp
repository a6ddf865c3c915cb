// For layers that do without libuv but show its version.
#pragma once

namespace artel::net {

const char* libuvVersion() noexcept;

}  // namespace artel::net
