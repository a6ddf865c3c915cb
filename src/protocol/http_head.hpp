// What a complete header block means: target form, Host, body framing, keep-alive, Expect (RFC 9110, RFC 9112).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "artel/http.hpp"

namespace artel::http {

/// 0: fine; else the status to refuse with and one static phrase.
struct Verdict {
  int status = 0;
  std::string_view reason;
  explicit operator bool() const noexcept { return status == 0; }
};

/// A method we answer to. 400: not a token; 501: a token that is not served; 505: the HTTP/2 preface.
Verdict checkMethod(std::string_view method);

/// Form and characters of the target; fills path and query of `head`.
Verdict checkTarget(const char* bytes, detail::Head& head);

/// Everything the header lines say about this message. What they decide in `head` must have its defaults.
/// `contentLength` is 0 without the header. `goodHost` is a Host
/// that needs no look, and becomes this one if it is good and short.
Verdict checkHeaders(const char* bytes, detail::Head& head, std::span<const detail::Field> fields,
                     std::uint64_t& contentLength, std::string& goodHost);

}  // namespace artel::http
