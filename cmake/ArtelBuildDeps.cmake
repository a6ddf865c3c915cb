# What building artel needs and its users do not: CLI11 and llhttp inside the library, GoogleTest for the tests.
# llhttp's objects become part of libartel.a, so nobody else has to find it.
add_library(artel_build_deps INTERFACE)

find_package(CLI11 CONFIG QUIET)
if(CLI11_FOUND)
  target_link_libraries(artel_build_deps INTERFACE CLI11::CLI11)
else()
  artel_missing("CLI11" "libcli11-dev" "cli11")
endif()

find_package(llhttp CONFIG QUIET) # vcpkg
if(TARGET llhttp::llhttp_static)
  add_library(artel_llhttp OBJECT "${CMAKE_CURRENT_LIST_DIR}/empty.c")
  target_link_libraries(artel_build_deps INTERFACE llhttp::llhttp_static)
else()
  # Debian's node-llhttp ships the C sources; the mingw prefix holds a copy of them.
  find_path(ARTEL_LLHTTP_SOURCE NAMES llhttp.c HINTS "${ARTEL_MINGW_PREFIX}" PATH_SUFFIXES share/llhttp)
  find_path(ARTEL_LLHTTP_INCLUDE NAMES llhttp.h HINTS "${ARTEL_MINGW_PREFIX}"
    PATH_SUFFIXES include/llhttp share/include/llhttp include)
  if(ARTEL_LLHTTP_SOURCE AND ARTEL_LLHTTP_INCLUDE)
    add_library(artel_llhttp OBJECT
      "${ARTEL_LLHTTP_SOURCE}/api.c" "${ARTEL_LLHTTP_SOURCE}/http.c" "${ARTEL_LLHTTP_SOURCE}/llhttp.c")
    target_include_directories(artel_llhttp SYSTEM PUBLIC "${ARTEL_LLHTTP_INCLUDE}")
    target_include_directories(artel_build_deps SYSTEM INTERFACE "${ARTEL_LLHTTP_INCLUDE}")
  else()
    artel_missing("llhttp" "node-llhttp" "llhttp")
  endif()
endif()

if(ARTEL_TESTS)
  find_package(GTest CONFIG QUIET)
  if(NOT TARGET GTest::gmock_main)
    artel_missing("GoogleTest (or set ARTEL_TESTS=OFF)" "libgtest-dev and libgmock-dev" "gtest")
  endif()
endif()
if(ARTEL_BENCH)
  find_package(benchmark CONFIG QUIET)
  if(NOT benchmark_FOUND)
    artel_missing("Google Benchmark (or set ARTEL_BENCH=OFF)" "libbenchmark-dev" "benchmark")
  endif()
endif()

if(ARTEL_MISSING)
  list(JOIN ARTEL_MISSING "\n  " lines)
  message(FATAL_ERROR "artel cannot be built yet:\n  ${lines}\n")
endif()
