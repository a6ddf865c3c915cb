// Memory of a message that is not whole yet: it grows with what has come, and never beyond what may come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace artel {

/// Appends; when `to` must grow it doubles, but not beyond `limit`. What exceeds that all the same, such as the lines
/// around a body, makes it grow by an eighth: no large step, and small pieces stay cheap.
inline void appendBounded(std::string& to, std::string_view piece, std::size_t limit) {
  const std::size_t needed = to.size() + piece.size();
  if (needed > to.capacity()) {
    const std::size_t most = needed <= limit ? limit : to.capacity() + to.capacity() / 8;
    std::string grown;  // reserve() of a string that holds something may double once more
    grown.reserve(std::max(needed, std::min(2 * to.capacity(), most)));
    grown.append(to);
    to.swap(grown);
  }
  to.append(piece);
}

}  // namespace artel
