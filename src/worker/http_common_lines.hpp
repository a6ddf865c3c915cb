// What the HTTP answers of all connections of a process have in common: the Date of this second, and the header lines
// of the answer before.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "platform/compiler.hpp"
#include "src/net/loop.hpp"
#include "src/protocol/http_reply_memo.hpp"
#include "src/protocol/http_response.hpp"

namespace artel {

class CommonLines {
 public:
  /// As of now. In a new second the Date is another one, and lines that were kept with the old one are forgotten.
  CommonLines& renewed() {
    if (const std::uint64_t now = net::loop().now(); now >= until_) [[unlikely]]
      writeDate(now);
    return *this;
  }
  /// "Date: ..." with its line end.
  std::string_view date() const noexcept { return date_; }
  /// What it says, in seconds since 1970.
  std::time_t time() const noexcept { return time_; }
  http::ReplyMemo memo;

 private:
  ARTEL_COLD void writeDate(std::uint64_t now);

  std::string date_;
  std::time_t time_ = 0;
  std::uint64_t until_ = 0;  // of the loop's clock, in milliseconds
};
inline CommonLines commonLines;

/// Of an answer of ours after which the connection ends.
inline http::ReplyContext lastAnswer(bool toHead) {
  return {.keepAlive = false, .head = toHead, .dateLine = commonLines.renewed().date()};
}

}  // namespace artel
