// Copying and comparing without a call what is short, as nearly all parts of a header block are: two words that may
// overlap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace artel {

/// The bytes at `at`, as they lie there.
template <class Word>
Word wordAt(const void* at) noexcept {
  Word word{};
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Returns where the copy ends.
inline char* copyShort(char* to, std::string_view text) noexcept {
  const std::size_t size = text.size();
  const auto both = [&]<class Word>(Word first) {
    Word last{};
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + size - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + size - sizeof last, &last, sizeof last);
  };
  if (size > 64)
    std::memcpy(to, text.data(), size);
  else if (size >= 32)
    both(std::array<std::uint64_t, 4>{});
  else if (size >= 16)
    both(std::array<std::uint64_t, 2>{});
  else if (size >= 8)
    both(std::uint64_t{});
  else if (size >= 4)
    both(std::uint32_t{});
  else
    for (std::size_t i = 0; i < size; ++i) to[i] = text[i];
  return to + size;
}

/// Whether as many bytes at `other` are the same.
inline bool sameShort(std::string_view text, const char* other) noexcept {
  const std::size_t size = text.size();
  const auto both = [&]<class Word>(Word) {
    const std::size_t last = size - sizeof(Word);
    return ((wordAt<Word>(text.data()) ^ wordAt<Word>(other)) |
            (wordAt<Word>(text.data() + last) ^ wordAt<Word>(other + last))) == 0;
  };
  if (size > 16) return std::memcmp(text.data(), other, size) == 0;
  if (size >= 8) return both(std::uint64_t{});
  if (size >= 4) return both(std::uint32_t{});
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] != other[i]) return false;
  }
  return true;
}

}  // namespace artel
