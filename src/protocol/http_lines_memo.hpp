// The status line and the header lines of the answer before this one, all but what frames its body. Most services give
// the same lines again and again in one second: to see that they are the same costs a quarter of checking and writing
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "artel/http.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::http {

class LinesMemo {
 public:
  /// Whether the text that is kept was written for exactly these lines and this ReplyContext::dateMark.
  bool isOf(const Headers& headers, std::uint64_t dateMark) const noexcept {
    if (headers.size() != count_ || dateMark != dateMark_) return false;
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
  /// Keeps `text`, in which the lines follow `begin` other bytes. What is long, or many lines, is not kept.
  void keep(const Headers& headers, std::uint64_t dateMark, std::string_view text, std::size_t begin) noexcept {
    count_ = none;
    if (headers.size() > sizes_.size() || text.size() > text_.size()) return;
    for (std::size_t i = 0; i < headers.size(); ++i)
      sizes_[i] = {static_cast<std::uint16_t>(headers[i].name.size()),
                   static_cast<std::uint16_t>(headers[i].value.size())};
    std::memcpy(text_.data(), text.data(), text.size());
    size_ = text.size();
    begin_ = begin;
    dateMark_ = dateMark;
    count_ = headers.size();
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  static constexpr std::size_t none = SIZE_MAX;
  struct Sizes {
    std::uint16_t name, value;
  };
  std::size_t count_ = none, size_ = 0, begin_ = 0;
  std::uint64_t dateMark_ = 0;
  std::array<Sizes, 8> sizes_{};
  std::array<char, 512> text_{};
};

}  // namespace artel::http
