#include "src/master/sparkline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace artel {

namespace {
// Bars of one to eight eighths; what is not ASCII is spelled out, since not every compiler takes sources for UTF-8.
constexpr std::array<std::string_view, 8> bars{"\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
                                               "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
constexpr std::string_view marks = ".:-=+*#%";
}  // namespace

std::string sparkline(std::span<const std::uint64_t> numbers, bool utf8) {
  std::uint64_t largest = 1;
  for (const std::uint64_t number : numbers) largest = std::max(largest, number);
  std::string text;
  for (const std::uint64_t number : numbers) {
    const double part = static_cast<double>(number) / static_cast<double>(largest);
    const auto level = static_cast<std::size_t>(std::lround(part * (bars.size() - 1)));
    text += utf8 ? bars[level] : marks.substr(level, 1);
  }
  return text;
}

}  // namespace artel
