#include "src/master/text_table.hpp"

#include <algorithm>
#include <cstdint>

namespace artel {

namespace {

/// Columns on the screen: UTF-8 continuation bytes take none.
std::size_t lengthOf(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

struct Layout {
  std::vector<std::size_t> columns, widths;
  std::size_t gap = 2;
  std::size_t total() const {
    std::size_t sum = 0;
    for (const std::size_t width : widths) sum += width;
    return sum + gap * (widths.empty() ? 0 : widths.size() - 1);
  }
};

Layout layoutOf(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, int width, int rank) {
  Layout layout;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (rank > 0 && rank < columns[i].below) continue;
    std::size_t widest = lengthOf(columns[i].title);
    for (const TableRow& row : rows) widest = std::max(widest, lengthOf(row[i].text));
    layout.columns.push_back(i);
    layout.widths.push_back(widest);
  }
  if (width <= 0) return layout;
  const auto limit = static_cast<std::size_t>(width);
  if (layout.total() > limit) layout.gap = 1;
  for (int turn = 1; turn <= TableColumn::cutLast && layout.total() > limit; ++turn) {
    for (std::size_t at = 0; at < layout.columns.size() && layout.total() > limit; ++at) {
      if (columns[layout.columns[at]].cut != turn) continue;
      const std::size_t over = layout.total() - limit, least = TableColumn::shortest;
      layout.widths[at] =
          std::max(std::min(layout.widths[at], least), layout.widths[at] - std::min(over, layout.widths[at]));
    }
  }
  return layout;
}

/// What is too wide for the width that it is meant for loses columns as if the terminal were narrower.
Layout layoutOf(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, int width) {
  Layout layout = layoutOf(columns, rows, width, width);
  int rank = width;
  while (width > 0 && layout.total() > static_cast<std::size_t>(width)) {
    int highest = 0;
    for (const std::size_t i : layout.columns) highest = std::max(highest, columns[i].below);
    if (highest <= 1) break;
    rank = std::min(rank, highest) - 1;
    layout = layoutOf(columns, rows, width, rank);
  }
  return layout;
}

}  // namespace

std::string cutTo(std::string_view text, std::size_t length) {
  if (lengthOf(text) <= length) return std::string(text);
  std::size_t end = 0, shown = 0;
  while (end < text.size() && (shown + 2 < length || (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80) ++shown;
    ++end;
  }
  return std::string(text.substr(0, end)) + "..";
}

std::string painted(std::string_view text, Paint paint, bool colour) {
  if (!colour || paint == Paint::plain) return std::string(text);
  const char* code = paint == Paint::dim ? "2" : paint == Paint::green ? "32" : paint == Paint::yellow ? "33" : "31";
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string textTable(const std::vector<TableColumn>& columns, const std::vector<TableRow>& rows, int width,
                      bool colour) {
  const Layout layout = layoutOf(columns, rows, width);
  std::string text;
  const auto line = [&](auto&& cellAt) {
    std::string out;
    for (std::size_t at = 0; at < layout.columns.size(); ++at) {
      const TableCell cell = cellAt(layout.columns[at]);
      const std::string shown = cutTo(cell.text, layout.widths[at]);
      const std::string pad(layout.widths[at] - std::min(layout.widths[at], lengthOf(shown)), ' ');
      const bool last = at + 1 == layout.columns.size();
      const std::string colourful = painted(shown, cell.paint, colour);
      out += columns[layout.columns[at]].right ? pad + colourful : colourful + (last ? "" : pad);
      if (!last) out += std::string(layout.gap, ' ');
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out + "\n";
  };
  std::string titles = line([&](std::size_t i) { return TableCell{std::string(columns[i].title), Paint::plain}; });
  titles.pop_back();
  text += painted(titles, Paint::dim, colour) + "\n";
  for (const TableRow& row : rows) text += line([&](std::size_t i) { return row[i]; });
  return text;
}

std::string broken(std::string_view text, int width, std::string_view indent) {
  const std::size_t blanks = std::min(text.find_first_not_of(' '), text.size());
  std::string all(text.substr(0, blanks));
  text.remove_prefix(blanks);
  std::size_t column = blanks;
  for (bool first = true; !text.empty(); first = false) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!first && width > 0 && column + 1 + lengthOf(word) > static_cast<std::size_t>(width)) {
      all.append("\n").append(indent);
      column = lengthOf(indent);
    } else if (!first) {
      all += ' ';
      ++column;
    }
    all += word;
    column += lengthOf(word);
  }
  return all + "\n";
}

std::string wrapped(const std::vector<std::string>& items, int width, std::string_view between) {
  std::string text, line;
  for (const std::string& item : items) {
    if (item.empty()) continue;
    if (!line.empty() && width > 0 &&
        lengthOf(line) + lengthOf(between) + lengthOf(item) > static_cast<std::size_t>(width)) {
      text += line + "\n";
      line = "  " + item;
      continue;
    }
    line.append(line.empty() ? "" : between).append(item);
  }
  return text + line + "\n";
}

}  // namespace artel
