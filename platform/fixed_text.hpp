// Text made where nothing may be allocated: in a signal handler. What does not fit is cut.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace artel::platform {

template <std::size_t Size>
class FixedText {
 public:
  FixedText& add(std::string_view text) noexcept {
    const std::size_t room = Size - size_;
    const std::size_t taken = text.size() < room ? text.size() : room;
    std::memcpy(bytes_.data() + size_, text.data(), taken);
    size_ += taken;
    return *this;
  }
  /// In decimal, with zeros in front up to `digits`.
  FixedText& add(std::uint64_t number, std::size_t digits = 1) noexcept { return addNumber(number, 10, digits); }
  /// "0x1f".
  FixedText& addHex(std::uint64_t number) noexcept { return add("0x").addNumber(number, 16, 1); }
  void clear() noexcept { size_ = 0; }
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  FixedText& addNumber(std::uint64_t number, unsigned base, std::size_t digits) noexcept {
    // 2^64 in decimal. Begun with zeros: clang 14 takes the digits written below for ones that nobody reads.
    std::array<char, 20> text{};
    std::size_t at = text.size();
    for (; number != 0 || text.size() - at < digits; number /= base) text[--at] = "0123456789abcdef"[number % base];
    return add({text.data() + at, text.size() - at});
  }

  std::array<char, Size> bytes_;
  std::size_t size_ = 0;
};

}  // namespace artel::platform
