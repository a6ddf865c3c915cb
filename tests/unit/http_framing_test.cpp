// Where a request ends, what it costs at most, and whether the connection goes on after it.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http_feed.hpp"

namespace artel::http {
namespace {

using namespace testing;

TEST(HttpFraming, ContentLengths) {
  check({
      {200, post("Content-Length: 0\r\n", "")},
      {200, post("Content-Length: 3\r\n", "abc")},
      {200, post("content-LENGTH:003 \r\n", "abc")},
      {200, post("Content-Length: 3\r\n", "abcGET /next")},
      {200, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
      {200, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"},
      {0, post("Content-Length: 4\r\n", "abc")},
      {400, post("Content-Length:\r\n", "")},
      {400, post("Content-Length: +3\r\n", "abc")},
      {400, post("Content-Length: -3\r\n", "abc")},
      {400, post("Content-Length: 3, 3\r\n", "abc")},
      {400, post("Content-Length: 3,3\r\n", "abc")},
      {400, post("Content-Length: 3 3\r\n", "abc")},
      {400, post("Content-Length: 3;\r\n", "abc")},
      {400, post("Content-Length: 0x3\r\n", "abc")},
      {400, post("Content-Length: 3.0\r\n", "abc")},
      {400, post("Content-Length: 1e1\r\n", "abc")},
      {400, post("Content-Length: 1_0\r\n", "abc")},
      {400, post("Content-Length: three\r\n", "abc")},
      {400, post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")},
      {400, post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")},
      {400, post("Content-Length: 0\r\nContent-Length: 0\r\n", "")},
      {400, post("Content-Length: 18446744073709551616\r\n", "")},
      {400, post("Content-Length: 99999999999999999999999\r\n", "")},
      {413, post("Content-Length: 18446744073709551615\r\n", "")},
      {413, post("Content-Length: 9223372036854775808\r\n", "")},
      {413, post("Content-Length: 4294967296\r\n", "")},
      {413, post("Content-Length: 2147483648\r\n", "")},
      {413, post("Content-Length: 1001\r\n", "")},
      {200, post("Content-Length: 1000\r\n", std::string(1000, 'x'))},
      {200, post("Content-Length: 999\r\n", std::string(999, 'x'))},
  });
}

TEST(HttpFraming, LengthIsKnownBeforeTheBody) {
  std::string bytes = post("Content-Length: 10\r\n", "");
  Parser parser;
  parser.reset({}, bodyLimit);
  const auto outcome = parser.parse(bytes);
  EXPECT_EQ(outcome.state, Parser::State::needMore);
  EXPECT_EQ(outcome.size, bytes.size() + 10);
  EXPECT_TRUE(parser.part() == Parser::Part::body);
}

TEST(HttpFraming, TransferEncodings) {
  const std::string body = "3\r\nabc\r\n0\r\n\r\n";
  const auto with = [&](const std::string& lines) { return post(lines, body); };
  check({
      {200, with("Transfer-Encoding: chunked\r\n")},
      {200, with("transfer-encoding:\tCHUNKED \r\n")},
      {501, with("Transfer-Encoding: gzip, chunked\r\n")},
      {501, with("Transfer-Encoding: gzip\r\n")},
      {501, with("Transfer-Encoding: identity\r\n")},
      {501, with("Transfer-Encoding: xchunked\r\n")},
      {501, with("Transfer-Encoding: chunked-x\r\n")},
      {400, with("Transfer-Encoding:\r\n")},
      {400, with("Transfer-Encoding: chunked, chunked\r\n")},
      {400, with("Transfer-Encoding: chunked, gzip\r\n")},
      {400, with("Transfer-Encoding: chunked,\r\n")},
      {400, with("Transfer-Encoding: ,chunked\r\n")},
      {400, with("Transfer-Encoding: \"chunked\"\r\n")},
      {400, with("Transfer-Encoding: chunked;q=1\r\n")},
      {400, with("Transfer-Encoding: chunked foo\r\n")},
      {400, with("Transfer-Encoding: chun ked\r\n")},
      {400, with("Transfer-Encoding: \x0b"
                 "chunked\r\n")},
      {400, with("Transfer-Encoding: chunked\x0c\r\n")},
      {400, with("Transfer-Encoding: \xc2\xa0"
                 "chunked\r\n")},
      {400, with(std::string("Transfer-Encoding: chunked\0\r\n", 29))},
      {400, with("Transfer-Encoding : chunked\r\n")},
      {400, with("Transfer-Encoding:\r\n chunked\r\n")},
      {400, with("Transfer-Encoding: \rchunked\r\n")},
      {400, with(" Transfer-Encoding: chunked\r\n")},
      {400, with("X: y\rTransfer-Encoding: chunked\r\n")},
      {400, with("X: y\nTransfer-Encoding: chunked\r\n")},
      {400, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {400, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
      {400, with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
      {400, with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
      {400, with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
      {400, with("Content-Length: 3\r\nTransfer-Encoding: gzip\r\n")},
      {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + body},
      {400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" + body},
  });
}

TEST(HttpFraming, ExpectAndItsAnswer) {
  check({
      {200, post("Content-Length: 1\r\nExpect: 100-Continue\r\n", "a")},
      {417, post("Content-Length: 1\r\nExpect: 200-ok\r\n", "a")},
      {417, post("Content-Length: 1\r\nExpect: 100-continue, x\r\n", "a")},
      {417, post("Content-Length: 1\r\nExpect: 100-continue;x=1\r\n", "a")},
      {200, post("Content-Length: 1\r\nExpect: , 100-continue ,\r\n", "a")},  // a list: empty elements are none
      {200, post("Expect:\r\n", "")},
      {413, post("Content-Length: 1001\r\nExpect: 100-continue\r\n", "")},
  });
  const auto waits = [](std::string bytes) {
    Parser parser;
    parser.reset({}, bodyLimit);
    parser.parse(bytes);
    const bool first = parser.takeExpectContinue();
    EXPECT_FALSE(parser.takeExpectContinue());
    return first;
  };
  EXPECT_TRUE(waits(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "")));
  EXPECT_TRUE(waits(post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "")));
  EXPECT_FALSE(waits(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "a")));
  EXPECT_FALSE(waits(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "ab")));
  EXPECT_FALSE(waits(post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "1")));
  EXPECT_FALSE(waits(post("Content-Length: 0\r\nExpect: 100-continue\r\n", "")));
  EXPECT_FALSE(waits(post("Expect: 100-continue\r\n", "")));
  EXPECT_FALSE(waits("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_FALSE(waits("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"));
}

TEST(HttpFraming, KeepAlive) {
  const auto keeps = [](const std::string& version, const std::string& lines) {
    return whole("GET / HTTP/" + version + "\r\nHost: a\r\n" + lines + "\r\n").text.find(" keep ") != std::string::npos;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_TRUE(keeps("1.1", "Connection: keep-alive\r\n"));
  EXPECT_TRUE(keeps("1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: Upgrade, CLOSE\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: upgrade\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive, close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(HttpFraming, RequestLineLimit) {
  const Limits limits{.requestLine = 100};
  for (const std::size_t length : {99u, 100u, 101u, 150u, 5000u}) {
    const std::string target = "/" + std::string(length - 14, 'x');
    const std::string bytes = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(whole(bytes, limits).status, length <= 100 ? 200 : 414) << length;
    if (length < 200) expectSplitsAgree(bytes, limits);
    EXPECT_EQ(whole("GET " + target, limits).status, length <= 100 ? 0 : 414);  // nobody waits for the end
  }
  // What comes first decides: a bad byte within the limit is 400, beyond it nobody looks.
  expectSplitsAgree("GET /" + std::string(85, 'x') + "\x01 HTTP/1.1\r\n\r\n", limits);
  expectSplitsAgree("GET /" + std::string(86, 'x') + "\x01 HTTP/1.1\r\n\r\n", limits);
  expectSplitsAgree("GET /" + std::string(87, 'x') + "\x01 HTTP/1.1\r\n\r\n", limits);
}

TEST(HttpFraming, HeaderBlockLimit) {
  const Limits limits{.requestLine = 50, .headerBlock = 100};
  for (const std::size_t length : {99u, 100u, 101u, 102u, 103u, 200u, 5000u}) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string bytes = start + std::string(length - start.size() - 4, 'x') + "\r\n\r\n";
    ASSERT_EQ(bytes.size(), length);
    EXPECT_EQ(whole(bytes, limits).status, length <= 100 ? 200 : 431) << length;
    if (length < 300) expectSplitsAgree(bytes, limits);
    expectSplitsAgree(bytes.substr(0, 100) + "\x01", limits);
    expectSplitsAgree("\r\n\r\n" + bytes.substr(0, 102), limits);
  }
  EXPECT_EQ(whole("GET / HTTP/1.1\r\n" + std::string(100000, 'x'), limits).status, 431);
}

TEST(HttpFraming, RequestLineAndHeaderBlockOfAnySize) {
  // Each line in a block that is just too small, just large enough, or nothing; the line's own limit above and below.
  for (const std::string method : {"GET", "UPDATEREDIRECTREF"}) {
    const std::string line = method + " /1234567 HTTP/1.1", bytes = line + "\r\nHost: a\r\n\r\n";
    for (std::size_t block = 0; block <= bytes.size() + 1; ++block) {
      for (std::size_t limit = 0; limit <= line.size() + 4; ++limit) {
        const Limits limits{.requestLine = limit, .headerBlock = block};
        const bool lineFits = line.size() <= limit && line.size() + 2 <= block;
        const int status = !lineFits ? 414 : bytes.size() > block ? 431 : 200;
        ASSERT_EQ(whole(bytes, limits).status, status) << method << " block " << block << " line " << limit;
        expectSplitsAgree(bytes, limits);
      }
    }
  }
}

TEST(HttpFraming, HeaderCountLimit) {
  for (const std::size_t count : {99u, 100u, 101u, 4000u}) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i) bytes += "a:\r\n";
    EXPECT_EQ(whole(bytes + "\r\n").status, count <= 100 ? 200 : 431) << count;
    if (count > 200) continue;
    expectSplitsAgree(bytes + "\r\n");
    expectSplitsAgree(bytes + "name without colon\r\n\r\n");
  }
}

}  // namespace
}  // namespace artel::http
