// A table for a terminal of any width: columns have a rank, and the ones of the highest rank go first when it is
// narrow. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace artel {

struct TableColumn {
  std::string_view title;
  bool right = false;
  int below = 0;  ///< left out on terminals narrower than this, and earlier when the rows are too wide; 0: never
  int cut = 0;    ///< may be shortened to fit (at least `shortest` stay): 1 first, 2 after that; 0: never
  static constexpr int cutLast = 2;
  static constexpr std::size_t shortest = 8;
};

enum class Paint { plain, dim, green, yellow, red };
std::string painted(std::string_view text, Paint paint, bool colour);

struct TableCell {
  std::string text;
  Paint paint = Paint::plain;
};
using TableRow = std::vector<TableCell>;

/// `width` 0: all columns, as wide as they are. Each line ends with a newline and has no blanks before it.
std::string textTable(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, int width,
                      bool colour);

/// At most so many columns of the screen, the last two of a longer text being "..".
std::string cutTo(std::string_view text, std::size_t length);

/// Items two blanks apart, on as many lines as the width needs (0: one).
std::string wrapped(const std::vector<std::string>& items, int width, std::string_view between = "  ");

/// A text on as many lines as the width needs (0: one), broken at blanks.
std::string broken(std::string_view text, int width, std::string_view indent = "  ");

}  // namespace artel
