// UTF-8 as it comes in pieces (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <string_view>

namespace artel::utf8 {

class Validator {
 public:
  /// False at the first byte that cannot continue valid text; then for ever.
  bool feed(std::string_view bytes) noexcept;
  /// True: no character is unfinished.
  bool finished() const noexcept { return left_ == 0; }
  void reset() noexcept { *this = {}; }

 private:
  static constexpr std::uint8_t broken = 0xff;
  bool start(unsigned char c) noexcept;

  std::uint8_t left_ = 0;                        // continuation bytes still due, or broken
  std::uint8_t lowest_ = 0x80, highest_ = 0xbf;  // what the next one may be
};

bool valid(std::string_view text) noexcept;

}  // namespace artel::utf8
