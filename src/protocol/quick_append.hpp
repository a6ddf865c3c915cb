// Appending what nearly always fits: the growth of the string is out of the way, so the rest is a few instructions.
#pragma once

#include <string>
#include <string_view>

namespace artel {

/// to.append(text), for when `to` must grow.
void growAndAppend(std::string& to, std::string_view text);

inline void quickAppend(std::string& to, std::string_view text) {
  if (to.size() + text.size() <= to.capacity()) [[likely]]
    to.append(text);
  else
    growAndAppend(to, text);
}

inline void quickAppend(std::string& to, char c) {
  if (to.size() + 1 <= to.capacity()) [[likely]]
    to.push_back(c);
  else
    growAndAppend(to, {&c, 1});
}

}  // namespace artel
