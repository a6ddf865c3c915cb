// Request line, Host and header lines, row by row.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http_feed.hpp"

namespace artel::http {
namespace {

using namespace testing;

TEST(HttpParser, RequestLines) {
  const std::string rest = "\r\nHost: a\r\n\r\n";
  check({
      {200, "GET / HTTP/1.1" + rest},
      {200, "GET / HTTP/1.0" + rest},
      {200, "DELETE /x?y HTTP/1.1" + rest},
      {200, "PROPFIND / HTTP/1.1" + rest},
      {200, "M-SEARCH / HTTP/1.1" + rest},
      {200, "CHECKIN / HTTP/1.1" + rest},
      {200, "UPDATEREDIRECTREF / HTTP/1.1" + rest},
      {200, "OPTIONS * HTTP/1.1" + rest},
      {200, "GET http://a/b?c=d HTTP/1.1" + rest},
      {200, "GET HTTPS://[::1]:8080 HTTP/1.1" + rest},
      {200, "GET /!$&'()*+,;=:@%20~\"<>[]^`{|}\\ HTTP/1.1" + rest},
      {501, "CONNECT a:80 HTTP/1.1" + rest},
      {501, "TRACE / HTTP/1.1" + rest},
      {501, "SOURCE / HTTP/1.1" + rest},
      {501, "get / HTTP/1.1" + rest},
      {501, "GETT / HTTP/1.1" + rest},
      {501, "G / HTTP/1.1" + rest},
      {501, std::string(100, 'X') + " / HTTP/1.1" + rest},
      {400, "G\"T / HTTP/1.1" + rest},
      {400, "(GET) / HTTP/1.1" + rest},
      {400, " GET / HTTP/1.1" + rest},
      {400, "GET\t/ HTTP/1.1" + rest},
      {400, "GET  / HTTP/1.1" + rest},
      {400, "GET /  HTTP/1.1" + rest},
      {400, "GET / HTTP/1.1 " + rest},
      {400, "GET / a HTTP/1.1" + rest},
      {400, "GET /" + rest},  // HTTP/0.9
      {400, "GET / " + rest},
      {400, "GET * HTTP/1.1" + rest},
      {400, "GET a HTTP/1.1" + rest},
      {400, "GET a:80 HTTP/1.1" + rest},
      {400, "GET ?a HTTP/1.1" + rest},
      {400, "GET ftp://a/ HTTP/1.1" + rest},
      {400, "GET http:///b HTTP/1.1" + rest},
      {400, "GET http://u:p@a/ HTTP/1.1" + rest},
      {400, "GET http://a:99999/ HTTP/1.1" + rest},
      {400, "GET http://[::1/ HTTP/1.1" + rest},
      {400, "GET /a#b HTTP/1.1" + rest},
      {400, "GET / http/1.1" + rest},
      {400, "GET / HTTP/1.10" + rest},
      {400, "GET / HTTP/1,1" + rest},
      {400, "GET / HTTP/x.1" + rest},
      {400, "GET / HTTP/11.1" + rest},
      {400, "GET / HTTP/ 1.1" + rest},
      {400, "GET / RTSP/1.0" + rest},
      {400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\rHost: a\r\n\r\n"},
      {505, "GET / HTTP/1.2" + rest},
      {505, "GET / HTTP/1.9" + rest},
      {505, "GET / HTTP/2.0" + rest},
      {505, "GET / HTTP/0.9" + rest},
      {505, "GET / HTTP/3.1" + rest},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {400, std::string("\x16\x03\x01\x02\x00\x01", 6)},
      {0, ""},
      {0, "GET / HTTP/1.1\r\nHost: a\r\n"},
  });
}

TEST(HttpParser, EveryByteInTarget) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const std::string bytes = std::string("GET /a") + c + "b HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(whole(bytes).status, i > ' ' && i < 0x7f && c != '#' ? 200 : 400) << i;
  }
}

TEST(HttpParser, LeadingEmptyLines) {
  const std::string request = get("");
  check({
      {200, "\r\n" + request},
      {200, "\r\n\r\n\r\n\r\n" + request},
      {400, "\r\n\r\n\r\n\r\n\r\n" + request},
      {400, "\n" + request},
      {400, "\r" + request},
      {0, "\r\n"},
      {0, "\r"},
  });
  EXPECT_EQ(whole("\r\n\r\n" + request).size, request.size() + 4);
  EXPECT_EQ(whole("\r\n\r\n" + request).text, whole(request).text);
}

TEST(HttpParser, Hosts) {
  for (const char* good :
       {"a", "a.b:80", "a:", "127.0.0.1", "[::1]", "[::1]:65535", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[::]",
        "a_b", "a%20b", "xn--a", "[1:2:3:4:5:6:1.2.3.4]", "  a  ", "\ta\t"}) {
    EXPECT_EQ(whole("GET / HTTP/1.1\r\nHost:" + std::string(good) + "\r\n\r\n").status, 200) << good;
  }
  for (const char* bad :
       {"",        "   ",   "a b",           "a/b",       "a:b",       "a:1:2",     "u@a",
        "a,b",     ":80",   "[::1",          "[]",        "[a]",       "[::g]",     "[::1]a",
        "[::1]:x", "[1:2]", "[:::]",         "[1::2::3]", "[12345::]", "[::1.2.3]", "[1:2:3:4:5:6:7:8:9]",
        "a:65536", "a:-1",  "http://a",      "a%2",       "a%zz",      "\"a\"",     "a?b",
        "a#b",     "\x80",  "[::1.2.3.4.5]", "[1:]",      "[:1]"}) {
    const int expected = std::string_view(bad) == "a,b" ? 200 : 400;  // a comma is a sub-delim of a reg-name
    EXPECT_EQ(whole("GET / HTTP/1.1\r\nHost:" + std::string(bad) + "\r\n\r\n").status, expected) << bad;
  }
  // An IPv4 end is four numbers up to 255 without leading zeros, and counts as two groups (RFC 3986 section 3.2.2).
  for (const char* bad : {"[::256.2.3.4]", "[::1.02.3.4]", "[::1.2.3.1000]", "[1:2:3:4:5:6::1.2.3.4]"}) {
    EXPECT_EQ(whole("GET / HTTP/1.1\r\nHost:" + std::string(bad) + "\r\n\r\n").status, 400) << bad;
  }
  EXPECT_EQ(whole("GET / HTTP/1.1\r\nHost:[1:2:3:4:5::255.0.10.4]\r\n\r\n").status, 200);
  check({
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nX: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"},
      {400, "GET http://a/ HTTP/1.1\r\n\r\n"},
      {200, "GET / HTTP/1.0\r\n\r\n"},
      {200, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nHost:\r\n\r\n"},
  });
}

TEST(HttpParser, HeaderLines) {
  check({
      {200, get("A: b\r\n")},
      {200, get("A:b\r\n")},
      {200, get("A:\r\n")},
      {200, get("A: \t \r\n")},
      {200, get("A: b c\t\"d\" \x80\xff\r\n")},
      {200, get("A:: b\r\n")},
      {200, get("!#$%&'*+-.^_`|~09azAZ: b\r\n")},
      {200, get("Connection: ,,close ,\r\n")},
      {200, get("Connection:\r\nUpgrade:\r\nContent-Lengthy: x\r\nTransfer: y\r\n")},
      {400, get("A : b\r\n")},
      {400, get("A\t: b\r\n")},
      {400, get(" A: b\r\n")},
      {400, get("\tA: b\r\n")},
      {400, get("A: b\r\n c\r\n")},
      {400, get("A: b\r\n\tc\r\n")},
      {400, get("A:\r\n b\r\n")},
      {400, get("A: b\r\n \r\n")},
      {400, get("A B: c\r\n")},
      {400, get("A(: c\r\n")},
      {400, get("A\x80: c\r\n")},
      {400, get(": b\r\n")},
      {400, get(":\r\n")},
      {400, get("A\r\n")},
      {400, get("A\r\nB: c\r\n")},
      {400, get("A: b\nB: c\r\n")},
      {400, get("A: b\rB: c\r\n")},
      {400, get("A: b\r\r\n")},
      {400, get("A: b\n")},
      {400, get("A:\rB: c\r\n")},
      {400, get("A:\nB: c\r\n")},
      {400, get("A: \rTransfer-Encoding: chunked\r\n")},
      {400, get("Connection: close\rA: b\r\n")},
      {400, get("Connection: close\nA: b\r\n")},
      {400, get("Content-Length: 0\nA: b\r\n")},
      {400, "GET / HTTP/1.1\r\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\rX"},
      {400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"},
  });
}

TEST(HttpParser, EveryByteInHeaderNameAndValue) {
  const std::string token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool inName = token.find(c) != std::string::npos || c == ':';  // "X:Y: z" is a value "Y: z"
    EXPECT_EQ(whole(get(std::string("X") + c + "Y: z\r\n")).status, inName ? 200 : 400) << i;
    const bool inValue = c == '\t' || (i >= 0x20 && i != 0x7f);
    for (const char* name : {"Xy", "Connection", "Upgrade"}) {
      EXPECT_EQ(whole(get(std::string(name) + ": y" + c + "z\r\n")).status, inValue ? 200 : 400) << name << i;
    }
    EXPECT_EQ(whole(get(std::string("Xy:") + c + "\r\n")).status, inValue ? 200 : 400) << i;
  }
}

TEST(HttpParser, PipelinedRequestsStay) {
  const std::string first = post("Content-Length: 3\r\n", "abc"), second = chunked("1\r\nx\r\n0\r\n\r\n"),
                    third = get("");
  std::string bytes = first + second + third;
  Parser parser;
  std::string seen;
  for (std::size_t at = 0; at < bytes.size();) {
    parser.reset({}, bodyLimit);
    const auto outcome = parser.parse({bytes.data() + at, bytes.size() - at});
    ASSERT_EQ(outcome.state, Parser::State::complete);
    seen.append(parser.request(bytes.data() + at).rawBody()).append("|");
    at += outcome.size;
  }
  EXPECT_EQ(seen, "abc|x||");
}

TEST(HttpParser, CopyGoesOnAlone) {
  std::string bytes = post("Content-Length: 3\r\nX: yes\r\n", "abc");
  Parser copy;
  {
    Parser parser;
    parser.reset({}, bodyLimit);
    parser.parse({bytes.data(), 30});
    copy = parser;
    parser.reset({}, bodyLimit);
    std::string other = get("Y: z\r\n");
    parser.parse(other);
  }
  ASSERT_EQ(copy.parse(bytes).state, Parser::State::complete);
  EXPECT_EQ(copy.request(bytes.data()).header("x"), "yes");
}

}  // namespace
}  // namespace artel::http
