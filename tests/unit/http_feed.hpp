// What the tests of the HTTP parser share: bytes go in whole, cut in two at every place, and byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "src/protocol/http_parser.hpp"

namespace artel::http::testing {

inline constexpr std::size_t bodyLimit = 1000;

struct Seen {
  int status = 0;  // 200: complete, 0: needMore
  std::size_t size = 0;
  std::string text;  // everything a Request says
  std::string reason;
  bool operator==(const Seen&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.status << " " << seen.reason << " size " << seen.size << "\n" << seen.text;
}

inline std::string describe(const Request& request) {
  std::string text;
  text.append(request.method()).append(" ").append(request.uri()).append(" path=").append(request.path());
  text.append(" query=").append(request.queryString()).append(" HTTP/").append(request.protocolVersion());
  text.append(request.keepAlive() ? " keep" : " close").append(" host=").append(request.host()).append("\n");
  for (const auto& [name, value] : request.header()) {
    text.append(name).append("=[").append(value).append("]\n");
  }
  return text.append("body=[").append(request.rawBody()).append("]");
}

// Hands the pieces over as a connection does: one growing buffer, that moves each time (and is exactly as large as its
// contents, so that a sanitizer sees every byte read beyond).
// `known`: by a parser that has seen the Host "a" before.
inline Seen feed(const std::string& bytes, const std::vector<std::size_t>& cuts, const Limits& limits = {},
                 bool known = false) {
  Parser parser;
  if (known) {
    std::string before = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    parser.reset({}, bodyLimit);
    parser.parse(before);
  }
  parser.reset(limits, bodyLimit);
  std::vector<char> buffer;
  for (const std::size_t cut : cuts) {
    std::vector<char> moved(cut);
    std::copy(buffer.begin(), buffer.end(), moved.begin());
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(buffer.size()),
              bytes.begin() + static_cast<std::ptrdiff_t>(cut),
              moved.begin() + static_cast<std::ptrdiff_t>(buffer.size()));
    buffer.swap(moved);
    const Parser copied = parser;  // a parser moves to the heap while a request is incomplete
    parser = copied;
    const auto outcome = parser.parse(buffer);
    if (outcome.state == Parser::State::invalid) return {outcome.status, 0, {}, std::string(outcome.reason)};
    if (outcome.state == Parser::State::complete) {
      return {200, outcome.size, describe(parser.request(buffer.data())), {}};
    }
  }
  return {};
}

inline Seen whole(const std::string& bytes, const Limits& limits = {}) {
  const Seen seen = feed(bytes, {bytes.size()}, limits);
  EXPECT_EQ(feed(bytes, {bytes.size()}, limits, true), seen) << "with a known Host: " << bytes;
  return seen;
}

inline void expectSplitsAgree(const std::string& bytes, const Limits& limits = {}) {
  const Seen expected = whole(bytes, limits);
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) each.push_back(i);
  EXPECT_EQ(feed(bytes, each, limits), expected) << "byte by byte: " << bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(feed(bytes, {i, bytes.size()}, limits), expected) << "cut at " << i << ": " << bytes;
  }
}

struct Row {
  int status;
  std::string bytes;
};

inline void check(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    EXPECT_EQ(whole(row.bytes).status, row.status) << row.bytes << "\n" << whole(row.bytes);
    expectSplitsAgree(row.bytes);
  }
}

inline std::string get(const std::string& lines) { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"; }
inline std::string post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body;
}
inline std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }

}  // namespace artel::http::testing
