#include "src/net/libuv_version.hpp"

#include <uv.h>

namespace artel::net {

const char* libuvVersion() noexcept { return uv_version_string(); }

}  // namespace artel::net
