// A row of numbers as a row of letters, each as high as its number. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace artel {

/// A letter for each number: from nothing (the lowest) to the largest of them (the highest of eight).
std::string sparkline(std::span<const std::uint64_t> numbers, bool utf8);

}  // namespace artel
