#include "src/worker/http_common_lines.hpp"

namespace artel {

void CommonLines::writeDate(std::uint64_t now) {
  until_ = now / 1000 * 1000 + 1000;
  time_ = std::time(nullptr);
  date_.assign("Date: ");  // keeps its memory: a new second allocates nothing
  http::appendHttpDate(time_, date_);
  date_.append("\r\n");
  memo.forget();
}

}  // namespace artel
