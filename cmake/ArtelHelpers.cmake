# Small functions used by the CMakeLists.txt files of this repository. Not installed.

# Warnings, dialect, sanitizers and system definitions of everything that is built here.
function(artel_compile_options target)
  set_target_properties(${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /permissive- /utf-8 /Zc:__cplusplus /Zc:preprocessor /bigobj
      $<$<BOOL:${ARTEL_WERROR}>:/WX>)
  else()
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic>" $<$<BOOL:${ARTEL_WERROR}>:-Werror>)
    # GCC 12 sees overlapping copies in "text" + std::string where there are none (its bug 105651).
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
      target_compile_options(${target} PRIVATE -fno-plt) # a call into a shared library is one jump, not two
    endif()
  endif()
  if(WIN32)
    target_compile_definitions(${target} PRIVATE _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN NOMINMAX
      _CRT_SECURE_NO_WARNINGS)
  endif()
  if(ARTEL_SANITIZE)
    list(JOIN ARTEL_SANITIZE "," kinds)
    target_compile_options(${target} PRIVATE -fsanitize=${kinds} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${kinds})
  endif()
endfunction()

# One program in bin/. On Windows its narrow strings are UTF-8: the manifest says so.
function(artel_program name)
  add_executable(${name} ${ARGN})
  artel_compile_options(${name})
  target_link_libraries(${name} PRIVATE artel::artel)
  if(MSVC)
    target_sources(${name} PRIVATE "${artel_SOURCE_DIR}/packaging/win32/utf8.manifest")
  elseif(WIN32)
    target_sources(${name} PRIVATE "${artel_SOURCE_DIR}/packaging/win32/utf8.rc")
    set_source_files_properties("${artel_SOURCE_DIR}/packaging/win32/utf8.rc" TARGET_DIRECTORY ${name}
      PROPERTIES OBJECT_DEPENDS "${artel_SOURCE_DIR}/packaging/win32/utf8.manifest")
  endif()
endfunction()

# page.html -> <build>/generated/<name>_page.hpp with `inline constexpr char page[]`, visible to that program only.
function(artel_embed_page target html)
  set(header "${artel_BINARY_DIR}/generated/${target}/${target}_page.hpp")
  add_custom_command(OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" "-DIN=${html}" "-DOUT=${header}" -P "${artel_SOURCE_DIR}/cmake/EmbedPage.cmake"
    DEPENDS "${html}" "${artel_SOURCE_DIR}/cmake/EmbedPage.cmake"
    COMMENT "Embedding the page of ${target}" VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PRIVATE "${artel_BINARY_DIR}/generated/${target}")
endfunction()

# ARTEL_VERSION and ARTEL_BUILD_ID (hash of the library's sources, made at build time) for one source file.
function(artel_build_id target source)
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    return()
  endif()
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS include/*.hpp src/*.?pp platform/*.?pp)
  set(header "${artel_BINARY_DIR}/generated/build_id.hpp")
  add_custom_command(OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" "-DROOT=${CMAKE_CURRENT_SOURCE_DIR}" "-DOUT=${header}"
      -P "${CMAKE_CURRENT_SOURCE_DIR}/cmake/BuildId.cmake"
    DEPENDS ${inputs} cmake/BuildId.cmake COMMENT "Hashing the sources" VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  set(include -include "${header}")
  if(MSVC)
    set(include "/FI${header}")
  endif()
  set_source_files_properties(${source} PROPERTIES
    OBJECT_DEPENDS "${header}"
    COMPILE_OPTIONS "${include}"
    COMPILE_DEFINITIONS "ARTEL_VERSION=\"${artel_VERSION}\"")
endfunction()
