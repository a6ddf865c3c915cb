// What programs print, made into lines that say whose they are. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace artel::run {

class Lines {
 public:
  static constexpr std::size_t longest = 64 * 1024;  ///< what has no end by then is shown as a line
  /// `name` is widened to `width`; `colour` is the number of an ANSI colour, 0 for none.
  Lines(const std::string& name, std::size_t width, int colour);
  /// The lines that are complete by now, each with its prefix, however the bytes were cut.
  std::string add(std::string_view bytes);
  /// What has no end of line, when nothing more comes.
  std::string rest();

 private:
  std::string prefix_, open_;
};

}  // namespace artel::run
