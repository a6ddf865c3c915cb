// Byte-exact answers, and everything that must never be one.
#include "src/protocol/http_response.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/protocol/http_reply_memo.hpp"

namespace artel::http {
namespace {

constexpr std::string_view dateLine = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
constexpr std::string_view nextDateLine = "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n";

std::string write(const Response& response, const ReplyContext& context = {},
                  std::optional<std::uint64_t> bodySize = std::nullopt) {
  std::string out;
  const Written written = appendResponse(response, context, bodySize, out);
  EXPECT_NE(written, Written::refused);
  // What we do is what we have told the client.
  EXPECT_EQ(written == Written::close, out.substr(0, out.find("\r\n\r\n")).find("close\r\n") != std::string::npos)
      << out;
  return out;
}

TEST(HttpResponse, Text) {
  std::string out = "before";
  appendText("hello", {.dateLine = dateLine}, out);
  EXPECT_EQ(out,
            "beforeHTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/html;charset=utf-8\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nhello");
  out.clear();
  appendText({}, {.keepAlive = false}, out);
  EXPECT_EQ(
      out,
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: 0\r\n\r\n");
  out.clear();
  appendText(std::string(12345, 'x'), {.head = true}, out);
  EXPECT_TRUE(out.ends_with("\r\nContent-Length: 12345\r\n\r\n"));
}

TEST(HttpResponse, TextIsTheSameAsAResponse) {
  for (const bool keepAlive : {true, false}) {
    for (const bool head : {true, false}) {
      const ReplyContext context{.keepAlive = keepAlive, .head = head, .dateLine = dateLine};
      std::string out;
      appendText("some text", context, out);
      EXPECT_EQ(out, write(Response{200, {}, "some text"}, context));
    }
  }
}

TEST(HttpResponse, Headers) {
  EXPECT_EQ(write(Response{404}.header("X-A", "1").addHeader("x-a", "2").withBody("no")),
            "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nX-A: 1\r\nx-a: 2\r\n"
            "Content-Type: text/html;charset=utf-8\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(write(Response{200}.header("content-type", "text/plain").header("date", "now"), {.dateLine = dateLine}),
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\ncontent-type: text/plain\r\ndate: now\r\nContent-Length: "
            "0\r\n\r\n");
  EXPECT_EQ(write(Response{799}).substr(0, 16), "HTTP/1.1 799 \r\nC");
  Response replaced;
  replaced.addHeader("A", "1").addHeader("B", "2").addHeader("a", "3").header("A", "4");
  ASSERT_EQ(replaced.headers.size(), 2u);
  EXPECT_EQ(replaced.headers[0].value, "4");
}

/// Whatever was answered before, an answer is the same as that of a process that has answered nothing.
TEST(HttpResponse, LinesOfBeforeChangeNothing) {
  const std::vector<Headers> headers{
      {},
      {{"X-Worker", "0/4711"}},
      {{"X-Worker", "0/4712"}},
      {{"X-Worker", "0/47123"}},
      {{"Content-Type", "application/json"}, {"X-Worker", "0/4711"}},
      {{"Content-Type", "application/json"}, {"X-Worker", "0/4711"}, {"Vary", "a"}},
      {{"content-type", "application/json"}, {"X-Worker", "0/4711"}},
      {{"Date", "now"}},
      {{"A", ""}, {"B", "1"}},
      {{"A", "1"}, {"B", ""}},
      {{"Connection", "close"}},
      {{"Connection", "upgrade"}, {"Upgrade", "x"}},
      {{"Content-Length", "7"}},
      {{"Transfer-Encoding", "chunked"}},
      {{"bad name", "x"}},
      {{"A", "b\r\nC: d"}},
      {{"A", std::string(400, 'x')}},
      {{"A", std::string(600, 'x')}},
      {{"A", std::string(70000, 'x')}},
      {{"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {"5", "5"}, {"6", "6"}, {"7", "7"}, {"8", "8"}},
      {{"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "4"}, {"5", "5"}, {"6", "6"}, {"7", "7"}, {"8", "8"}, {"9", "9"}},
  };
  std::vector<std::pair<Response, ReplyContext>> answers;
  for (const Headers& lines : headers) {
    for (const std::size_t size : {0, 1, 4, 9, 10, 11, 255, 256, 300, 100000})
      answers.push_back({{200, lines, std::string(size, 'x')}, {.dateLine = dateLine}});
    answers.push_back({{200, lines, "body"}, {.dateLine = dateLine}});
    answers.push_back({{200, lines, "other"}, {.dateLine = nextDateLine}});
    answers.push_back({{200, lines, "body"}, {}});
    answers.push_back({{200, lines, "body"}, {.keepAlive = false, .dateLine = dateLine}});
    answers.push_back({{200, lines, "body"}, {.head = true}});
    answers.push_back({{404, lines, "body"}, {.dateLine = dateLine}});
    answers.push_back({{204, lines}, {}});
    Response chunked{200, lines, "piece"};
    chunked.chunked = true;
    answers.push_back({chunked, {}});
    answers.push_back({chunked, {.http10 = true, .dateLine = dateLine}});
  }
  std::vector<std::pair<Written, std::string>> expected;
  for (const auto& [response, context] : answers) {
    auto& [written, bytes] = expected.emplace_back();
    written = appendResponse(response, context, std::nullopt, bytes);
  }
  ReplyMemo memo;
  std::string_view date;
  std::size_t quick = 0;
  // As a connection does it.
  const auto answer = [&](const Response& response, ReplyContext context, std::string& out) {
    if (context.dateLine != date) memo.forget();
    date = context.dateLine;
    context.memo = &memo;
    out.clear();
    if (context.keepAlive && !context.head && memo.append(response, out)) return ++quick, Written::keepAlive;
    return appendResponse(response, context, std::nullopt, out);
  };
  std::string out;
  for (const auto& before : answers) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      answer(before.first, before.second, out);
      ASSERT_EQ(answer(answers[i].first, answers[i].second, out), expected[i].first);
      ASSERT_EQ(out, expected[i].second);
    }
  }
  EXPECT_GT(quick, answers.size());
}

TEST(HttpResponse, FramingHeadersAreOurs) {
  const Response response = Response{200}
                                .header("Content-Length", "99")
                                .header("transfer-encoding", "chunked")
                                .header("Connection", "x, Keep-Alive");
  EXPECT_EQ(write(response),
            "HTTP/1.1 200 OK\r\nConnection: x, keep-alive\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: "
            "0\r\n\r\n");
  const Response closing = Response{426}.header("Upgrade", "a").header("Connection", "upgrade , CLOSE");
  EXPECT_EQ(write(closing),
            "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade, close\r\nUpgrade: a\r\n"
            "Content-Type: text/html;charset=utf-8\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, StatusesWithoutBody) {
  for (const int status : {204, 304}) {
    EXPECT_FALSE(bodyAllowed(status));
    Response response{status, {}, "never"};
    const std::string expected = "HTTP/1.1 " + std::to_string(status) + " " + std::string(reasonPhrase(status)) +
                                 "\r\nConnection: keep-alive\r\n\r\n";
    EXPECT_EQ(write(response), expected);
    response.chunked = true;
    EXPECT_EQ(write(response), expected);
    EXPECT_EQ(write(response, {}, 77), expected);
  }
  EXPECT_EQ(write(Response{205, {}, "never"}),
            "HTTP/1.1 205 Reset Content\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, HeadHasTheHeaderOfGet) {
  for (const bool chunked : {false, true}) {
    Response response{200, {}, "body"};
    response.chunked = chunked;
    const std::string full = write(response), head = write(response, {.head = true});
    EXPECT_EQ(head, full.substr(0, full.find("\r\n\r\n") + 4));
  }
  std::string out;
  appendChunk("data", {.head = true}, out);
  appendChunk({}, {.head = true}, out);
  EXPECT_EQ(out, "");
}

TEST(HttpResponse, FileLength) {
  EXPECT_TRUE(write(Response{200}, {}, 5'000'000'000).ends_with("\r\nContent-Length: 5000000000\r\n\r\n"));
  EXPECT_TRUE(write(Response{200, {}, "not sent"}, {}, 0).ends_with("\r\nContent-Length: 0\r\n\r\n"));
}

TEST(HttpResponse, Chunks) {
  Response response{200, {}, "first"};
  response.chunked = true;
  std::string out = write(response);
  appendChunk(std::string(26, 'x'), {}, out);
  appendChunk({}, {}, out);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/html;charset=utf-8\r\n"
            "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
  const ReplyContext old{.http10 = true};
  out = write(response, old);
  appendChunk("x", old, out);
  appendChunk({}, old, out);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\n\r\nfirstx");
  response.body.clear();
  EXPECT_TRUE(write(response).ends_with("chunked\r\n\r\n"));  // an empty first piece is not the last chunk
}

TEST(HttpResponse, Http10) {
  EXPECT_TRUE(write(Response{200}, {.http10 = true}).starts_with("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"));
  EXPECT_TRUE(write(Response{200}, {.http10 = true, .keepAlive = false})
                  .starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\n"));
}

TEST(HttpResponse, WhatIsRefused) {
  const auto refused = [](const Response& response) {
    std::string out = "before";
    const bool written = appendResponse(response, {}, std::nullopt, out) != Written::refused;
    EXPECT_EQ(written, out != "before");
    return !written;
  };
  for (const int status : {0, -1, 100, 101, 199, 1000, 70000}) EXPECT_TRUE(refused(Response{status})) << status;
  EXPECT_FALSE(refused(Response{200}));
  EXPECT_FALSE(refused(Response{999}));
  for (const char* almost : {"Content\rType", "Content\rLength", "Transfer\rEncoding",
                             "\x04"
                             "ate",
                             "Dat\x05"})
    EXPECT_TRUE(refused(Response{200}.header(almost, "a"))) << almost;
  for (int i = 0; i < 256; ++i) {
    const std::string c(1, static_cast<char>(i));
    const bool bad = (i < 0x20 && i != '\t') || i == 0x7f;
    EXPECT_EQ(refused(Response{200}.header("X", "a" + c + "b")), bad) << i;
    if (bad || i == ' ' || i == ':' || i >= 0x80) {
      EXPECT_TRUE(refused(Response{200}.header("X" + c, "a"))) << i;
      EXPECT_TRUE(refused(Response{200}.header(c, "a"))) << i;
    }
    EXPECT_FALSE(refused(Response{200}.cookie("a", "v" + c))) << i;
    EXPECT_EQ(refused(Response{200}.cookie("a", "v", {.path = "/" + c})), bad || c == ";") << i;
    EXPECT_EQ(refused(Response{200}.cookie("a", "v", {.domain = "d" + c})), bad || c == ";") << i;
    EXPECT_EQ(refused(Response{200}.cookie("a", "v", {.sameSite = "L" + c})), bad || c == ";") << i;
    if (bad || c == ";" || c == "=" || c == " ") {
      EXPECT_TRUE(refused(Response{200}.cookie("a" + c, "v"))) << i;
    }
  }
  EXPECT_TRUE(refused(Response{200}.header("", "a")));
  EXPECT_TRUE(refused(Response{200}.cookie("", "a")));
  EXPECT_TRUE(refused(Response{200}.header("X", "a\r\nSet-Cookie: b=c")));
  EXPECT_TRUE(refused(Response{200}.header("X\r\nY", "a")));
  EXPECT_TRUE(refused(Response{302}.header("Location", "/\r\n\r\n<script>")));
  EXPECT_TRUE(refused(Response{200}.header("Connection", "close\r\nX: y")));  // also those that we replace
  EXPECT_TRUE(refused(Response{200}.header("Content-Length", "0\r\nX: y")));
}

TEST(HttpResponse, Cookies) {
  const auto line = [](const Response& response) { return response.headers.back().value; };
  EXPECT_EQ(line(Response{}.cookie("a", "b c;\r\n")), "a=b%20c%3B%0D%0A");
  EXPECT_EQ(line(Response{}.cookie("a", "1",
                                   {.maxAge = std::chrono::hours(1),
                                    .path = "/p",
                                    .domain = "d.e",
                                    .secure = true,
                                    .httpOnly = true,
                                    .sameSite = "Lax"})),
            "a=1; Domain=d.e; Max-Age=3600; Path=/p; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(Response{}.cookie("a", "1").cookie("a", "2").headers.size(), 2u);
}

TEST(HttpResponse, ErrorsAndContinue) {
  std::string out;
  const std::string lines =
      "HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/plain;charset=utf-8\r\n"
      "Date: x\r\nContent-Length: 25\r\n\r\n";
  appendError(414, "request line is too long", {.dateLine = "Date: x\r\n"}, out);
  EXPECT_EQ(out, lines + "request line is too long\n");
  out.clear();
  appendError(414, "request line is too long", {.head = true, .dateLine = "Date: x\r\n"}, out);
  EXPECT_EQ(out, lines) << "RFC 9110 section 9.3.2: no content for HEAD";
  out.clear();
  appendContinue(out);
  EXPECT_EQ(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(HttpResponse, Dates) {
  const struct {
    std::time_t time;
    std::string text;
  } rows[] = {
      {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},  {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},  {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},  {1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"},
      {1735689599, "Tue, 31 Dec 2024 23:59:59 GMT"}, {2147483647, "Tue, 19 Jan 2038 03:14:07 GMT"},
      {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"}, {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
  };
  for (const auto& [time, text] : rows) EXPECT_EQ(httpDate(time), text);
}

TEST(HttpResponse, Names) {
  EXPECT_EQ(reasonPhrase(404), "Not Found");
  EXPECT_EQ(reasonPhrase(599), "");
  // Exactly the registered ones have a name, each its own, which may stand in a status line.
  std::string registered, named;
  for (const auto& [first, last] : std::initializer_list<std::pair<int, int>>{{100, 103},
                                                                              {200, 208},
                                                                              {226, 226},
                                                                              {300, 305},
                                                                              {307, 308},
                                                                              {400, 417},
                                                                              {421, 426},
                                                                              {428, 429},
                                                                              {431, 431},
                                                                              {451, 451},
                                                                              {500, 508},
                                                                              {510, 511}}) {
    for (int status = first; status <= last; ++status) registered += std::to_string(status) + " ";
  }
  std::set<std::string_view> names;
  for (int status = 0; status < 1000; ++status) {
    const auto name = reasonPhrase(status);
    if (name.empty()) continue;
    named += std::to_string(status) + " ";
    EXPECT_TRUE(names.insert(name).second) << name;
    for (const char c : name) EXPECT_TRUE(c == ' ' || c == '-' || std::isalpha(static_cast<unsigned char>(c))) << name;
  }
  EXPECT_EQ(named, registered);
  EXPECT_EQ(contentTypeOf("index.html"), "text/html;charset=utf-8");
  EXPECT_EQ(contentTypeOf("/a.b/X.PNG"), "image/png");
  EXPECT_EQ(contentTypeOf("C:\\a\\b.js"), "text/javascript;charset=utf-8");
  EXPECT_EQ(contentTypeOf("a.tar.gz"), "application/gzip");
  for (const char* unknown : {"", "noext", ".png", "a.", "a.unknown", "/a.png/b"}) {
    EXPECT_EQ(contentTypeOf(unknown), "application/octet-stream") << unknown;
  }
}

}  // namespace
}  // namespace artel::http
