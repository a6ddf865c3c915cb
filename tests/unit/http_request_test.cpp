// What a Request says about its bytes, and that a copy outlives them.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/protocol/http_parser.hpp"

namespace artel::http {
namespace {

// Keeps the bytes and the parser that a Request looks into.
class Parsed {
 public:
  explicit Parsed(std::string bytes) : bytes_(std::move(bytes)) {
    parser_.reset({}, 100000);
    complete_ = parser_.parse(bytes_).state == Parser::State::complete;
    EXPECT_TRUE(complete_) << bytes_;
  }
  Request operator*() const { return parser_.request(bytes_.data()); }
  std::optional<Request> copyAndForget() {
    Request copy = (**this).copy();
    bytes_.assign(bytes_.size(), '#');
    std::string().swap(bytes_);
    parser_.reset({}, 0);
    return copy;
  }

 private:
  std::string bytes_;
  Parser parser_;
  bool complete_ = false;
};

std::string withTarget(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h:80\r\n\r\n"; }
std::string withLines(const std::string& lines) { return "GET / HTTP/1.1\r\nHost: h:80\r\n" + lines + "\r\n"; }

TEST(HttpRequest, TargetParts) {
  const struct {
    std::string target, path, query, host, hostOnly;
  } rows[] = {
      {"/", "/", "", "h:80", "h"},
      {"/a/b%20c", "/a/b%20c", "", "h:80", "h"},
      {"/a?b=c?d", "/a", "b=c?d", "h:80", "h"},
      {"/?", "/", "", "h:80", "h"},
      {"//a", "//a", "", "h:80", "h"},
      {"http://x:1/y?z", "/y", "z", "x:1", "x"},
      {"http://x", "/", "", "x", "x"},
      {"http://x?z", "/", "z", "x", "x"},
      {"https://[::1]:8/", "/", "", "[::1]:8", "[::1]"},
  };
  for (const auto& row : rows) {
    const Parsed parsed(withTarget(row.target));
    const Request request = *parsed;
    EXPECT_EQ(request.uri(), row.target);
    EXPECT_EQ(request.path(), row.path) << row.target;
    EXPECT_EQ(request.queryString(), row.query) << row.target;
    EXPECT_EQ(request.host(), row.host) << row.target;
    EXPECT_EQ(request.host(true), row.hostOnly) << row.target;
  }
  const Parsed star("OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n");
  EXPECT_EQ((*star).path(), "*");
  EXPECT_EQ((*star).method(), "OPTIONS");
  EXPECT_EQ((*star).host(true), "[::1]");
  const Parsed old("HEAD / HTTP/1.0\r\n\r\n");
  EXPECT_EQ((*old).protocolVersion(), "1.0");
  EXPECT_EQ((*old).host(), "");
}

TEST(HttpRequest, QueryParameters) {
  const Parsed parsed(withTarget("/?a=1&b=x+y%20z&a=2&%61%2B=3&c&=e&&d=%zz%4&e=%41=%42"));
  const Request request = *parsed;
  EXPECT_EQ(request.get("a"), "1");
  EXPECT_EQ(request.get("b"), "x y z");
  EXPECT_EQ(request.get("a+"), "3");
  EXPECT_EQ(request.get("c", "fallback"), "");
  EXPECT_EQ(request.get("d"), "%zz%4");
  EXPECT_EQ(request.get("e"), "A=B");
  EXPECT_EQ(request.get("none"), "");
  EXPECT_EQ(request.get("none", "fallback"), "fallback");
  const std::vector<std::pair<std::string, std::string>> all = {
      {"a", "1"}, {"b", "x y z"}, {"a", "2"}, {"a+", "3"}, {"c", ""}, {"", "e"}, {"d", "%zz%4"}, {"e", "A=B"}};
  EXPECT_EQ(request.get(), all);
}

TEST(HttpRequest, Headers) {
  const Parsed parsed(withLines("X-One:  1 \t\r\nx-two: a\r\nEmpty:\r\nX-Two: b\r\nX-TWO:c\r\n"));
  const Request request = *parsed;
  EXPECT_EQ(request.header("x-ONE"), "1");
  EXPECT_EQ(request.header("X-Two"), "a, b, c");
  EXPECT_EQ(request.header("X-Two").data(), request.header("x-two").data());  // joined once
  EXPECT_EQ(request.header("empty", "fallback"), "");
  EXPECT_EQ(request.header("none", "fallback"), "fallback");
  ASSERT_EQ(request.header().size(), 6u);
  EXPECT_EQ(request.header()[3].first, "Empty");
  EXPECT_EQ(request.header()[4].second, "b");
}

TEST(HttpRequest, Cookies) {
  const Parsed parsed(withLines("Cookie: a=1; b=\"x y\";c=d=e ;novalue; a=2;empty=\r\nCookie: late=yes\r\n"));
  const Request request = *parsed;
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("b"), "\"x y\"");
  EXPECT_EQ(request.cookie("c"), "d=e");
  EXPECT_EQ(request.cookie("empty", "fallback"), "");
  EXPECT_EQ(request.cookie("novalue", "fallback"), "fallback");
  EXPECT_EQ(request.cookie("late"), "yes");
  EXPECT_EQ(request.cookie("A", "fallback"), "fallback");
}

TEST(HttpRequest, Bodies) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const Parsed parsed("\r\n" + head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ((*parsed).rawBody(), "abcde");
  EXPECT_EQ((*parsed).rawHead(), head);
}

TEST(HttpRequest, WantsWebSocket) {
  const auto wants = [](const std::string& bytes) { return (*Parsed(bytes)).wantsWebSocket(); };
  EXPECT_TRUE(wants(withLines("Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n")));
  EXPECT_TRUE(wants(withLines("Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: upgrade\r\n")));
  EXPECT_FALSE(wants(withLines("Upgrade: websocket\r\n")));
  EXPECT_FALSE(wants(withLines("Connection: upgrade\r\n")));
  EXPECT_FALSE(wants(withLines("Upgrade: h2c\r\nConnection: upgrade\r\n")));
  EXPECT_FALSE(wants(withLines("Upgrade: websockets\r\nConnection: upgrade\r\n")));
  EXPECT_FALSE(wants("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"));
}

TEST(HttpRequest, CopyOutlivesTheBuffer) {
  std::optional<Request> copy;
  std::string_view joined;
  {
    Parsed parsed(
        "\r\nPOST /p?q=1 HTTP/1.1\r\nHost: h\r\nX: 1\r\nX: 2\r\nCookie: c=3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    copy = parsed.copyAndForget();
    const Request again = copy->copy();  // the copy of a copy
    copy = again;
    joined = copy->header("x");
  }
  EXPECT_EQ(joined, "1, 2");
  EXPECT_EQ(copy->method(), "POST");
  EXPECT_EQ(copy->path(), "/p");
  EXPECT_EQ(copy->get("q"), "1");
  EXPECT_EQ(copy->cookie("c"), "3");
  EXPECT_EQ(copy->host(), "h");
  EXPECT_EQ(copy->rawBody(), "hello world");
  EXPECT_TRUE(copy->keepAlive());
}

}  // namespace
}  // namespace artel::http
