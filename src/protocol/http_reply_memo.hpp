// The header block of the answer before this one. Most services give the same lines again and again in one second: to
// see that they are the same costs a small part of checking and writing them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "artel/http.hpp"
#include "src/protocol/quick_append.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::http {

class ReplyMemo {
 public:
  /// Appends the answer if its header lines are those that are kept. False: nothing was appended, appendResponse() has
  /// to write it. Not for an answer to HEAD, one that ends the connection, or one whose body is a file: the caller
  /// looks.
  bool append(const Response& response, std::string& out) {
    if (response.status != 200 || response.chunked || !isOf(response.headers)) return false;
    const std::string_view body = response.body;
    if (body.size() != bodySize_) writeLength(body.size());
    if (body.size() <= shortBody) {
      copyShort(text_.data() + size_, body);
      quickAppend(out, {text_.data(), size_ + body.size()});
    } else {
      out.append(text_.data(), size_).append(body);
    }
    return true;
  }
  /// Keeps the status line and the header lines of a 200, all but what frames its body. The lines of `headers` follow
  /// `begin` other bytes. What is long, or many lines, is not kept.
  void keep(const Headers& headers, std::string_view lines, std::size_t begin) noexcept;
  /// What is kept is not true any more: a new second has begun, and the Date line is another.
  void forget() noexcept { count_ = none; }

 private:
  static constexpr std::size_t none = SIZE_MAX, mostLines = 512, shortBody = 255;
  static constexpr std::size_t mostLength = 40;  // "Content-Length: ", 20 digits, two line ends
  struct Sizes {
    std::uint16_t name, value;
  };

  bool isOf(const Headers& headers) const noexcept {
    if (headers.size() != count_) return false;
    const char* at = text_.data() + begin_;
    for (std::size_t i = 0; i < count_; ++i) {
      const Header& line = headers[i];
      if (line.name.size() != sizes_[i].name || line.value.size() != sizes_[i].value) return false;
      if (!sameShort(line.name, at)) return false;
      at += sizes_[i].name + 2;  // ": "
      if (!sameShort(line.value, at)) return false;
      at += sizes_[i].value + 2;  // CR LF
    }
    return true;
  }
  void writeLength(std::size_t bodySize) noexcept;

  std::size_t count_ = none;      // of header lines; none: nothing is kept
  std::size_t begin_ = 0;         // where the lines of Headers begin
  std::size_t linesSize_ = 0;     // before Content-Length
  std::size_t size_ = 0;          // of the header block
  std::size_t bodySize_ = none;   // that Content-Length says
  std::array<Sizes, 8> sizes_{};  // of the lines of Headers
  std::array<char, mostLines + mostLength + shortBody> text_{};
};

}  // namespace artel::http
