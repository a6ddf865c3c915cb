#include "src/protocol/utf8.hpp"

#include <cstddef>

#include "src/protocol/byte_loops.hpp"

namespace artel::utf8 {

// The table of RFC 3629 section 4: only the first continuation byte has a range of its own.
bool Validator::start(unsigned char c) noexcept {
  lowest_ = 0x80;
  highest_ = 0xbf;
  if (c >= 0xc2 && c <= 0xdf) {
    left_ = 1;
  } else if (c >= 0xe0 && c <= 0xef) {
    left_ = 2;
    if (c == 0xe0) lowest_ = 0xa0;   // overlong
    if (c == 0xed) highest_ = 0x9f;  // surrogates
  } else if (c >= 0xf0 && c <= 0xf4) {
    left_ = 3;
    if (c == 0xf0) lowest_ = 0x90;   // overlong
    if (c == 0xf4) highest_ = 0x8f;  // above U+10FFFF
  } else {
    left_ = broken;
  }
  return left_ != broken;
}

bool Validator::feed(std::string_view bytes) noexcept {
  if (left_ == broken) return false;
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (left_ == 0) {
      i += asciiPrefix(bytes.substr(i));
      if (i == bytes.size()) break;
      if (!start(static_cast<unsigned char>(bytes[i++]))) return false;
      continue;
    }
    const auto c = static_cast<unsigned char>(bytes[i++]);
    if (c < lowest_ || c > highest_) {
      left_ = broken;
      return false;
    }
    --left_;
    lowest_ = 0x80;
    highest_ = 0xbf;
  }
  return true;
}

bool valid(std::string_view text) noexcept {
  Validator validator;
  return validator.feed(text) && validator.finished();
}

}  // namespace artel::utf8
