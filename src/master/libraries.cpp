#include "src/master/libraries.hpp"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <zlib.h>

#include <array>
#include <cstdlib>

#include "src/log.hpp"
#include "src/net/libuv_version.hpp"

namespace artel {

namespace {

/// {1, 44, 2} of "1.44.2"; what is no number ends it.
std::array<int, 3> numbersOf(const std::string& version) {
  std::array<int, 3> numbers{};
  const char* at = version.c_str();
  for (int& number : numbers) {
    char* end = nullptr;
    number = static_cast<int>(std::strtol(at, &end, 10));
    if (*end != '.') break;
    at = end + 1;
  }
  return numbers;
}

}  // namespace

std::vector<LibraryVersion> libraryVersions() {
  return {{"libuv", net::libuvCompiledVersion(), net::libuvVersion()},
          {"OpenSSL", OPENSSL_VERSION_STR, OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"zlib", ZLIB_VERSION, zlibVersion()},
          {"spdlog", log::spdlogVersion(), ""}};
}

std::string misfit(const LibraryVersion& library) {
  if (library.found.empty()) return "";
  const auto compiled = numbersOf(library.compiled), found = numbersOf(library.found);
  if (found[0] != compiled[0]) return "another major version: build the program anew";
  if (found < compiled) return "older than what the program was compiled against: update the library";
  return "";
}

}  // namespace artel
