// Mistakes that others made with HTTP, class by class. docs/http.md lists all classes and which test holds each.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "src/protocol/http_response.hpp"
#include "src/protocol/websocket_handshake.hpp"
#include "tests/unit/http_feed.hpp"

namespace artel::http {
namespace {

using namespace testing;

constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();

// A line end that is half one, or a NUL, at each place of a request: never skipped, never part of something.
TEST(HttpAttacks, BareLineEndsAndNulAnywhere) {
  const std::string requests[] = {
      "GET /path?query HTTP/1.1\r\nHost: a\r\nEmpty:\r\nX: some value\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=b;c=\"d e\"\r\nabc\r\n01\r\nx\r\n0;last\r\nTrailer: x\r\nEmpty:\r\n\r\n",
  };
  for (const std::string& request : requests) {
    const bool body = request.find("Content-Length") != std::string::npos;
    ASSERT_EQ(whole(request + (body ? "abc" : "")).status, 200);
    for (std::size_t at = 0; at < request.size(); ++at) {
      for (const char bare : {'\r', '\n', '\0'}) {
        std::string broken = request;
        broken.insert(at, 1, bare);
        if (broken.starts_with(request)) continue;  // it lies behind the request
        check({{400, broken + "abc"}});
      }
      if (request[at] != '\r') continue;
      std::string bareLf = request, bareCr = request, turned = request;
      bareLf.erase(at, 1);
      bareCr.erase(at + 1, 1);
      turned.replace(at, 2, "\n\r");
      // The last one is followed by something, so that nobody waits for its second half.
      for (const std::string& broken : {bareLf, bareCr, turned}) check({{400, broken + "abc"}});
    }
  }
}

// Nothing of a header's value is decoded: an escape stays one, and cannot become a line end after the check.
TEST(HttpAttacks, HeaderValuesAreOpaque) {
  std::string bytes = get("X: a%0d%0aSet-Cookie:%20b=c%00+&amp;\\r\\n\r\nCookie: k=%0d%0av\r\n");
  Parser parser;
  parser.reset({}, bodyLimit);
  ASSERT_EQ(parser.parse(bytes).state, Parser::State::complete);
  const Request request = parser.request(bytes.data());
  EXPECT_EQ(request.header("X"), "a%0d%0aSet-Cookie:%20b=c%00+&amp;\\r\\n");
  EXPECT_EQ(request.header("Set-Cookie", "none"), "none");
  EXPECT_EQ(request.cookie("k"), "%0d%0av");
}

// What a request says goes into a Location: as it came it is harmless, decoded it is refused.
TEST(HttpAttacks, RedirectsCannotBeSplit) {
  std::string bytes = "GET /%0d%0aSet-Cookie:%20evil?to=%0d%0aSet-Cookie:%20evil HTTP/1.1\r\nHost: a\r\n\r\n";
  Parser parser;
  parser.reset({}, bodyLimit);
  ASSERT_EQ(parser.parse(bytes).state, Parser::State::complete);
  const Request request = parser.request(bytes.data());
  const auto redirect = [](std::string_view where) {
    std::string out;
    appendResponse(Response{302}.header("Location", where), {}, std::nullopt, out);
    return out;
  };
  EXPECT_NE(redirect(request.path()).find("\r\nLocation: /%0d%0aSet-Cookie:%20evil\r\n"), std::string::npos);
  EXPECT_NE(redirect(request.uri()).find("\r\nLocation: /%0d%0a"), std::string::npos);
  EXPECT_EQ(redirect(request.get("to")), "");
  EXPECT_EQ(redirect(percentDecode(request.path())), "");
  EXPECT_NE(redirect(percentEncode(request.get("to"))).find("\r\nLocation: %0D%0A"), std::string::npos);
}

// A length that fits into no number must not become a small one, however large the body may be.
TEST(HttpAttacks, LengthsDoNotWrap) {
  const auto parse = [](std::string bytes) {
    Parser parser, slow;
    parser.reset({}, largest);
    slow.reset({}, largest);
    Parser::Outcome outcome;
    std::string grown;
    for (const char c : bytes) {
      grown += c;
      if (outcome = slow.parse(grown); outcome.state == Parser::State::invalid) break;
    }
    const auto byteByByte = outcome;
    outcome = parser.parse(bytes);
    EXPECT_EQ(byteByByte.state, outcome.state) << bytes;
    EXPECT_EQ(byteByByte.status, outcome.status) << bytes;
    if (outcome.state == Parser::State::needMore) {
      EXPECT_TRUE(outcome.size == 0 || outcome.size > bytes.size()) << bytes;
    }
    EXPECT_NE(outcome.state, Parser::State::complete) << bytes;
    return outcome.state == Parser::State::invalid ? outcome.status : 0;
  };
  const std::string empty = post("Content-Length: 18446744073709551615\r\n", "");
  for (const char* most : {"18446744073709551615", "18446744073709551614"})
    EXPECT_EQ(parse(post("Content-Length: " + std::string(most) + "\r\n", "abc")), 413) << most;
  for (const char* beyond : {"18446744073709551616", "36893488147419103232", "340282366920938463463374607431768211456"})
    EXPECT_EQ(parse(post("Content-Length: " + std::string(beyond) + "\r\n", "abc")), 400) << beyond;
  if constexpr (sizeof(std::size_t) == 8) {
    for (const char* large : {"2147483647", "2147483648", "4294967295", "4294967296", "4294967299",
                              "9223372036854775807", "9223372036854775808"})
      EXPECT_EQ(parse(post("Content-Length: " + std::string(large) + "\r\n", "abc")), 0) << large;
    // The largest that its header leaves room for, and one more.
    const auto room = largest - empty.size();
    EXPECT_EQ(parse(post("Content-Length: " + std::to_string(room) + "\r\n", "abc")), 0);
    EXPECT_EQ(parse(post("Content-Length: " + std::to_string(room + 1) + "\r\n", "abc")), 413);
  }
  EXPECT_EQ(parse(chunked("1\r\nx\r\nffffffffffffffff\r\nabc")), 413);
  EXPECT_EQ(parse(chunked("1\r\nx\r\n10000000000000000\r\nabc")), 400);
  EXPECT_EQ(parse(chunked("10000000000000003\r\nabc\r\n0\r\n\r\n")), 400);
}

// Header lines are counted by what is there, not by a table's end.
TEST(HttpAttacks, HeaderCountAtTheLimit) {
  for (const std::size_t cap : {1u, 2u, 100u}) {
    const Limits limits{.headerCount = cap};
    for (const std::size_t count : {cap - 1, cap, cap + 1}) {
      std::string bytes = "GET / HTTP/1.0\r\n";
      for (std::size_t i = 0; i < count; ++i) bytes += "X" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
      bytes += "\r\n";
      EXPECT_EQ(whole(bytes, limits).status, count <= cap ? 200 : 431) << count << " of " << cap;
      if (count < 10) expectSplitsAgree(bytes, limits);
    }
  }
}

// However long the line is: refused once it is beyond its limit, not when it ends, and with nothing of it kept.
TEST(HttpAttacks, LinesThatNeverEndAreRefusedAtTheirLimit) {
  const struct {
    int status;
    std::size_t most;  // bytes after which the answer must be known
    std::string start;
    char rest;
  } rows[] = {
      {501, 64, "", 'G'},
      {414, 8 * 1024 + 1, "GET /", 'a'},
      {414, 8 * 1024 + 1, "GET http://", 'a'},
      {431, 16 * 1024, "GET / HTTP/1.1\r\n", 'a'},
      {431, 16 * 1024, "GET / HTTP/1.1\r\nX: ", 'a'},
      {431, 16 * 1024, "GET / HTTP/1.1\r\nX:", ' '},
      {413, 4 * 1024 + 200, chunked("3;"), 'a'},
      {413, 4 * 1024 + 200, chunked("3;a=\""), ' '},
      {413, 4 * 1024 + 200, chunked("3"), ' '},
      {400, 200, chunked(""), '0'},
      {431, 4 * 1024 + 200, chunked("0\r\n"), 'a'},
      {431, 4 * 1024 + 200, chunked("0\r\nX: "), 'a'},
  };
  for (const auto& [status, most, start, rest] : rows) {
    std::string bytes = start;
    Parser parser;
    parser.reset({}, bodyLimit);
    auto outcome = parser.parse(bytes);
    while (outcome.state == Parser::State::needMore && bytes.size() < 1'000'000) {
      bytes += rest;
      outcome = parser.parse(bytes);
    }
    EXPECT_EQ(outcome.status, status) << start;
    EXPECT_LE(bytes.size(), most) << start;
  }
}

// Every call that writes a header line, with each of the three bytes that could end it.
TEST(HttpAttacks, NoCallWritesALineOfSomebodyElse) {
  for (const char evil : {'\r', '\n', '\0'}) {
    const std::string bad = std::string("a") + evil + "b";
    const auto refused = [](const Response& response) {
      for (const bool chunks : {false, true}) {
        for (const bool old : {false, true}) {
          Response one = response;
          one.chunked = chunks;
          std::string out;
          if (appendResponse(one, {.http10 = old}, std::nullopt, out) != Written::refused || !out.empty()) return false;
          if (appendResponse(one, {.http10 = old}, 1000, out) != Written::refused || !out.empty())
            return false;  // of a file
        }
      }
      return true;
    };
    EXPECT_TRUE(refused(Response{200}.header("X", bad)));
    EXPECT_TRUE(refused(Response{200}.addHeader("X", bad)));
    EXPECT_TRUE(refused(Response{200}.header(bad, "x")));
    EXPECT_TRUE(refused(Response{200, {{"X", bad}}}));
    EXPECT_TRUE(refused(Response{302}.header("Location", bad)));
    EXPECT_TRUE(refused(Response{200}.header("Content-Type", bad)));
    EXPECT_TRUE(refused(Response{200}.header("Trailer", bad)));
    EXPECT_TRUE(refused(Response{200}.header("Connection", bad)));
    EXPECT_TRUE(refused(Response{200}.header("Transfer-Encoding", bad)));
    EXPECT_TRUE(refused(Response{200}.cookie(bad, "x")));
    EXPECT_TRUE(refused(Response{200}.cookie("x", "y", {.path = bad})));
    EXPECT_TRUE(refused(Response{200}.cookie("x", "y", {.domain = bad})));
    EXPECT_TRUE(refused(Response{200}.cookie("x", "y", {.sameSite = bad})));
    EXPECT_FALSE(refused(Response{200}.cookie("x", bad))) << "a cookie's value is encoded";

    std::string bytes =
        get("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, a%0d%0ab\r\n");
    Parser parser;
    parser.reset({}, bodyLimit);
    ASSERT_EQ(parser.parse(bytes).state, Parser::State::complete);
    const Request hello = parser.request(bytes.data());
    std::string out;
    EXPECT_FALSE(websocket::appendAccept(hello, bad, {}, out));
    EXPECT_FALSE(websocket::appendAccept(hello, "a", {{"X", bad}}, out));
    EXPECT_FALSE(websocket::appendAccept(hello, "a", {{bad, "x"}}, out));
    EXPECT_EQ(out, "");
    EXPECT_TRUE(websocket::appendAccept(hello, "a", {}, out));
  }
  // A reason phrase is ours: whatever the number, none comes from outside.
  for (int status = 200; status < 1000; ++status)
    for (const char c : reasonPhrase(status)) EXPECT_TRUE(c >= ' ' && c < 0x7f);
}

// A refused name is an answer, not a line that is left out.
TEST(HttpAttacks, WrongHeaderNamesAreRefusedNotDropped) {
  for (const std::string name : {"Transfer Encoding", "Transfer-Encoding ", "Content_Length ", "X\x0b", "X\x7f", "X(",
                                 "X/", "X@", "\"X\"", "X\xa0", "\xef\xbb\xbfX", "{X}", ""})
    check({{400, get(name + ": chunked\r\n")}});
}

// What looks like a second framing header to somebody who trims, folds, or reads '_' as '-', is an ordinary line or a
// refusal: never a body.
TEST(HttpAttacks, OnlyTheFramingHeadersFrame) {
  for (const char* name : {"Content_Length", "Transfer_Encoding", "ContentLength", "X-Content-Length", "Content-Lengt",
                           "Content-Length2", "TransferEncoding", "Transfer-Encodin"}) {
    const std::string bytes = get(std::string(name) + ": 3\r\n");
    expectSplitsAgree(bytes);
    const Seen seen = whole(bytes + "abc");
    EXPECT_EQ(seen.status, 200) << name;
    EXPECT_TRUE(seen.text.ends_with("body=[]")) << name;
  }
}

}  // namespace
}  // namespace artel::http
