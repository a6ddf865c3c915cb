#include "src/protocol/http_reply_memo.hpp"

#include <charconv>
#include <cstring>

namespace artel::http {

void ReplyMemo::keep(const Headers& headers, std::string_view lines, std::size_t begin) noexcept {
  forget();
  if (headers.size() > sizes_.size() || lines.size() > mostLines) return;
  for (std::size_t i = 0; i < headers.size(); ++i)
    sizes_[i] = {static_cast<std::uint16_t>(headers[i].name.size()),
                 static_cast<std::uint16_t>(headers[i].value.size())};
  std::memcpy(text_.data(), lines.data(), lines.size());
  linesSize_ = lines.size();
  begin_ = begin;
  bodySize_ = none;
  count_ = headers.size();
}

void ReplyMemo::writeLength(std::size_t bodySize) noexcept {
  char* at = copyShort(text_.data() + linesSize_, "Content-Length: ");
  at = std::to_chars(at, at + 20, bodySize).ptr;
  size_ = static_cast<std::size_t>(copyShort(at, "\r\n\r\n") - text_.data());
  bodySize_ = bodySize;
}

}  // namespace artel::http
