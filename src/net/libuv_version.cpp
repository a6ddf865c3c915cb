#include "src/net/libuv_version.hpp"

#include <uv.h>

#include <string>

namespace artel::net {

const char* libuvVersion() noexcept { return uv_version_string(); }

const char* libuvCompiledVersion() noexcept {
  static const std::string version = std::to_string(UV_VERSION_MAJOR) + "." + std::to_string(UV_VERSION_MINOR) + "." +
                                     std::to_string(UV_VERSION_PATCH);
  return version.c_str();
}

}  // namespace artel::net
