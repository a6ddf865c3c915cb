// The opening handshake: the RFC's example, and each mandatory line missing or wrong, one at a time.
#include "src/protocol/websocket_handshake.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/protocol/http_parser.hpp"
#include "src/protocol/websocket_deflate.hpp"

namespace artel::websocket {
namespace {

struct Hello {
  std::string line = "GET /chat HTTP/1.1";
  std::string host = "Host: server.example.com\r\n";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string connection = "Connection: Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string more;
  std::string bytes() const { return line + "\r\n" + host + upgrade + connection + key + version + more + "\r\n"; }
};

// The status of the check; when the parser refuses the request already, its status.
template <class Use>
void withRequest(std::string bytes, Use use) {
  http::Parser parser;
  parser.reset({}, 1000);
  const auto outcome = parser.parse(bytes);
  ASSERT_EQ(outcome.state, http::Parser::State::complete) << bytes;
  use(parser.request(bytes.data()));
}

int statusOf(std::string bytes) {
  http::Parser parser;
  parser.reset({}, 1000);
  const auto outcome = parser.parse(bytes);
  if (outcome.state != http::Parser::State::complete) return outcome.status;
  return checkHandshake(parser.request(bytes.data())).status;
}

TEST(WebSocketHandshake, ExampleOfTheRfc) {
  EXPECT_EQ(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  withRequest(Hello{}.bytes(), [](const http::Request& request) {
    EXPECT_EQ(checkHandshake(request).status, 101);
    std::string out;
    EXPECT_TRUE(appendAccept(request, {}, {}, out));
    EXPECT_EQ(out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  });
}

TEST(WebSocketHandshake, OneThingAtATime) {
  const struct {
    int status;
    std::string Hello::*part;
    std::string value;
  } rows[] = {
      {101, &Hello::upgrade, "upgrade: WebSocket\r\n"},
      {101, &Hello::upgrade, "Upgrade: h2c, websocket\r\n"},
      {101, &Hello::connection, "Connection: keep-alive, upgrade\r\n"},
      {101, &Hello::connection, "Connection: keep-alive\r\nConnection: UPGRADE\r\n"},
      {101, &Hello::key, "sec-websocket-key:AAAAAAAAAAAAAAAAAAAA+/==\r\n"},
      {101, &Hello::more, "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: permessage-deflate\r\nOrigin: x\r\n"},
      {400, &Hello::line, "POST /chat HTTP/1.1"},
      {400, &Hello::line, "HEAD /chat HTTP/1.1"},
      {400, &Hello::line, "GET /chat HTTP/1.0"},
      {505, &Hello::line, "GET /chat HTTP/2.0"},
      {400, &Hello::host, ""},
      {400, &Hello::host, "Host:\r\n"},
      {400, &Hello::host, "Host: a\r\nHost: a\r\n"},
      {400, &Hello::upgrade, ""},
      {400, &Hello::upgrade, "Upgrade:\r\n"},
      {400, &Hello::upgrade, "Upgrade: websockets\r\n"},
      {400, &Hello::upgrade, "Upgrade: web socket\r\n"},
      {400, &Hello::connection, ""},
      {400, &Hello::connection, "Connection: keep-alive\r\n"},
      {400, &Hello::connection, "Connection: upgraded\r\n"},
      {400, &Hello::version, ""},
      {426, &Hello::version, "Sec-WebSocket-Version:\r\n"},
      {426, &Hello::version, "Sec-WebSocket-Version: 8\r\n"},
      {426, &Hello::version, "Sec-WebSocket-Version: 14\r\n"},
      {426, &Hello::version, "Sec-WebSocket-Version: 013\r\n"},
      {426, &Hello::version, "Sec-WebSocket-Version: 13, 8\r\n"},
      {426, &Hello::version, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n"},
      {400, &Hello::key, ""},
      {400, &Hello::key, "Sec-WebSocket-Key:\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==AAAA\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j Q==\r\n"},
      {400, &Hello::key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j_Q==\r\n"},
      {400, &Hello::key,
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
      {400, &Hello::more, "Content-Length: 1\r\n\r\nx"},
  };
  for (const auto& [status, part, value] : rows) {
    Hello hello;
    hello.*part = value;
    EXPECT_EQ(statusOf(hello.bytes()), status) << value;
  }
}

TEST(WebSocketHandshake, ThousandsOfHeaders) {
  Hello hello;
  for (int i = 0; i < 5000; ++i) hello.more += "a:\r\n";
  EXPECT_EQ(statusOf(hello.bytes()), 431);
}

TEST(WebSocketHandshake, Subprotocols) {
  Hello hello;
  hello.more = "Sec-WebSocket-Protocol: chat, superchat,,bad one\r\nSec-WebSocket-Protocol:v2\r\n";
  withRequest(hello.bytes(), [](const http::Request& request) {
    EXPECT_EQ(offeredSubprotocols(request), (std::vector<std::string_view>{"chat", "superchat", "v2"}));
    std::string out;
    EXPECT_TRUE(appendAccept(request, "superchat", {{"X-Id", "7"}, {"Set-Cookie", "a=b"}}, out));
    EXPECT_NE(out.find("\r\nSec-WebSocket-Protocol: superchat\r\nX-Id: 7\r\nSet-Cookie: a=b\r\n\r\n"),
              std::string::npos);
    for (const char* wrong : {"Chat", "other", "chat, superchat", "chat\r\nX: y", "bad one"}) {
      out = "before";
      EXPECT_FALSE(appendAccept(request, wrong, {}, out)) << wrong;
      EXPECT_EQ(out, "before");
    }
  });
  withRequest(Hello{}.bytes(), [](const http::Request& request) {
    std::string out;
    EXPECT_TRUE(offeredSubprotocols(request).empty());
    EXPECT_FALSE(appendAccept(request, "chat", {}, out));
  });
}

TEST(WebSocketHandshake, ExtraLinesCannotInject) {
  withRequest(Hello{}.bytes(), [](const http::Request& request) {
    const http::Headers wrong[] = {{{"X", "a\r\nY: b"}},
                                   {{"X\r\nY", "a"}},
                                   {{"X", std::string("a\0b", 3)}},
                                   {{"", "a"}},
                                   {{"X:", "a"}},
                                   {{"Ok", "a"}, {"X", "\n"}},
                                   {{"Upgrade", "h2c"}},
                                   {{"sec-websocket-accept", "x"}},
                                   {{"Connection", "close"}},
                                   {{"Content-Length", "1"}},
                                   {{"Sec-WebSocket-Extensions", "permessage-deflate"}},
                                   {{"Sec-WebSocket-Protocol", "a"}}};
    for (const auto& headers : wrong) {
      std::string out = "before";
      EXPECT_FALSE(appendAccept(request, {}, headers, out)) << headers.back().name;
      EXPECT_EQ(out, "before");
    }
  });
}

TEST(WebSocketHandshake, Refusals) {
  std::string out;
  appendRefusal({426, "only 13"}, {.dateLine = "Date: x\r\n"}, out);
  EXPECT_EQ(
      out,
      "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nContent-Type: text/plain;charset=utf-8\r\nDate: x\r\nContent-Length: 8\r\n\r\n"
      "only 13\n");
  out.clear();
  appendRefusal({400, "no"}, {.head = true, .dateLine = "Date: x\r\n"}, out);
  EXPECT_TRUE(out.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
  EXPECT_TRUE(out.ends_with("Date: x\r\nContent-Length: 3\r\n\r\n")) << out;
}

// RFC 6455 section 4.1, the client's side.
TEST(WebsocketHandshake, AKeyIsSixteenRandomBytes) {
  const std::string key = newKey();
  EXPECT_EQ(key.size(), 24u);
  EXPECT_TRUE(key.ends_with("=="));
  EXPECT_NE(key, newKey());
}

TEST(WebsocketHandshake, TheRequestOfAClient) {
  UpgradeRequest request;
  request.host = "a.example:81";
  request.key = "dGhlIHNhbXBsZSBub25jZQ==";
  std::string out;
  EXPECT_EQ(appendUpgrade(request, {}, out), "");
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: a.example:81\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  out.clear();
  request.uri = "/chat?a=b";
  request.origin = "https://a.example";
  request.subprotocols = "chat, superchat";
  request.deflate = true;
  EXPECT_EQ(appendUpgrade(request, {{"host", "other"}, {"Cookie", "a=b"}}, out), "");
  EXPECT_TRUE(out.starts_with("GET /chat?a=b HTTP/1.1\r\nUpgrade: ")) << out;
  EXPECT_TRUE(
      out.ends_with("==\r\nOrigin: https://a.example\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
                    "Sec-WebSocket-Extensions: " +
                    std::string(deflateOffer) + "\r\nhost: other\r\nCookie: a=b\r\n\r\n"))
      << out;
}

TEST(WebsocketHandshake, AZoneStaysHere) {
  UpgradeRequest request;
  request.host = "[fe80::1%eth0]:81";
  std::string out;
  EXPECT_EQ(appendUpgrade(request, {}, out), "");
  EXPECT_NE(out.find("\r\nHost: [fe80::1]:81\r\n"), std::string::npos) << out;
  request.host = "what ever";
  EXPECT_EQ(appendUpgrade(request, {{"Host", "other"}}, out), "") << "it is not said";
}

TEST(WebsocketHandshake, WhatAClientMayNotAskFor) {
  const auto refused = [](auto change, const http::Headers& extra = {}) {
    UpgradeRequest request;
    request.host = "a.example";
    change(request);
    std::string out;
    const bool no = !appendUpgrade(request, extra, out).empty();
    EXPECT_EQ(no, out.empty());
    return no;
  };
  const auto nothing = [](UpgradeRequest&) {};
  EXPECT_FALSE(refused(nothing));
  for (const char* uri : {"", "chat", "/a b", "/a\r\nX: y"})
    EXPECT_TRUE(refused([&](UpgradeRequest& r) { r.uri = uri; })) << uri;
  EXPECT_TRUE(refused([](UpgradeRequest& r) { r.host = "a\r\nX-Evil:80"; }));
  EXPECT_TRUE(refused([](UpgradeRequest& r) { r.subprotocols = "a, b c"; }));
  EXPECT_TRUE(refused([](UpgradeRequest& r) { r.origin = "a\r\nb"; }));
  EXPECT_TRUE(refused(nothing, {{"no token", "a"}}));
  EXPECT_TRUE(refused(nothing, {{"A", "b\r\nC: d"}}));
  for (const char* ours : {"upgrade", "Connection", "Sec-WebSocket-Key", "sec-websocket-version"})
    EXPECT_TRUE(refused(nothing, {{ours, "a"}})) << ours;
}

}  // namespace
}  // namespace artel::websocket
