// Loops over every byte of a message. Their file is compiled with the vectorizer on (CMakeLists.txt).
#pragma once

#include <cstddef>
#include <string_view>

namespace artel {

/// Masks or unmasks (the same operation, RFC 6455 section 5.3), beginning with the key's byte number `offset` modulo 4.
/// True: what came out is ASCII.
bool applyMask(char* bytes, std::size_t size, const unsigned char (&key)[4], std::size_t offset = 0) noexcept;

/// How many bytes at the front are ASCII: of most text, all.
std::size_t asciiPrefix(std::string_view text) noexcept;

}  // namespace artel
