#include "src/run/lines.hpp"

namespace artel::run {

Lines::Lines(const std::string& name, std::size_t width, int colour) {
  prefix_ = name;
  if (prefix_.size() < width) prefix_.resize(width, ' ');
  prefix_ += " | ";
  if (colour != 0) prefix_ = "\x1b[" + std::to_string(colour) + "m" + prefix_ + "\x1b[0m";
}

std::string Lines::add(std::string_view bytes) {
  std::string lines;
  open_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = open_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view line(open_.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);  // text of a Windows program
    lines.append(prefix_).append(line) += '\n';
  }
  open_.erase(0, begin);
  if (open_.size() >= longest) lines += rest();
  return lines;
}

std::string Lines::rest() {
  if (open_.empty()) return "";
  std::string line = prefix_ + open_ + "\n";
  open_.clear();
  return line;
}

}  // namespace artel::run
