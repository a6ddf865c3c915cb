// What tests ask of a screen.
#pragma once

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>

namespace artel::testing {

/// Columns of its longest line: the bytes that continue a letter of UTF-8 take none.
inline std::size_t widest(const std::string& screen) {
  std::istringstream lines(screen);
  std::size_t width = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto columns =
        std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    width = std::max(width, static_cast<std::size_t>(columns));
  }
  return width;
}

/// Without its colours.
inline std::string plain(std::string screen) {
  for (std::size_t at; (at = screen.find('\x1b')) != std::string::npos;)
    screen.erase(at, screen.find('m', at) - at + 1);
  return screen;
}

}  // namespace artel::testing
