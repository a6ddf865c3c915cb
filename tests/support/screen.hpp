// What tests ask of a screen.
#pragma once

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>

namespace artel::testing {

inline std::size_t widest(const std::string& screen) {
  std::istringstream lines(screen);
  std::size_t width = 0;
  for (std::string line; std::getline(lines, line);) width = std::max(width, line.size());
  return width;
}

/// Without its colours.
inline std::string plain(std::string screen) {
  for (std::size_t at; (at = screen.find('\x1b')) != std::string::npos;)
    screen.erase(at, screen.find('m', at) - at + 1);
  return screen;
}

}  // namespace artel::testing
