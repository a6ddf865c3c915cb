// Lines of fields with tabs between them: what processes of one service tell each other.
#pragma once

#include <string_view>

namespace artel {

/// The first field; `rest` begins behind its tab.
inline std::string_view takeField(std::string_view& rest) noexcept {
  const auto tab = rest.find('\t');
  const std::string_view field = rest.substr(0, tab);
  rest.remove_prefix(tab == std::string_view::npos ? rest.size() : tab + 1);
  return field;
}

}  // namespace artel
