// What a stranger speaks, from its first bytes.
#include "src/protocol/sniff.hpp"

#include <gtest/gtest.h>

#include <string>

namespace artel::protocols {
namespace {

std::string tlsHello() {
  std::string bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  return bytes.append(506, 'r');
}

TEST(Sniff, Recognises) {
  const std::string hello = "GET /chat HTTP/1.1\r\nHost: a\r\nuPgrade:  WebSocket\r\nConnection: Upgrade\r\n\r\n";
  const struct {
    std::string bytes;
    Spoken spoken;
  } rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Spoken::http},
      {"POST /a?b HTTP/1.0\r\n\r\nbody", Spoken::http},
      {"GET http://a/ HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", Spoken::http},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Spoken::http},
      {"GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'), Spoken::http},
      {hello, Spoken::webSocketHello},
      {tlsHello(), Spoken::tls},
      {"", Spoken::needMore},
      {"GET", Spoken::needMore},
      {"GET / HT", Spoken::needMore},
      {"GET / HTTP/1.1\r\nHost: a\r\n", Spoken::needMore},
      {"\x16\x03", Spoken::needMore},
      {"hello\n", Spoken::unknown},
      {"GET x\n", Spoken::unknown},
      {"GET / HTTPS/1.1\r\n", Spoken::unknown},
      {"GET  HTTP/1.1\r\n\r\n", Spoken::unknown},
      {"get / HTTP/1.1\r\n\r\n", Spoken::unknown},
      {"GO / HTTP/1.1\r\n\r\n", Spoken::unknown},
      {std::string(40, 'A'), Spoken::unknown},
      {"GET /" + std::string(9000, 'x'), Spoken::unknown},
      // What is too long is none also when its end is there already.
      {std::string(40, 'A') + " / HTTP/1.1\r\n\r\n", Spoken::unknown},
      {"GET / HTTP/1.1 and so on\r\n\r\n", Spoken::unknown},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n", Spoken::unknown},
      // What follows the header block is none of it, and half a word is no word.
      {"GET / HTTP/1.1\r\n\r\nUpgrade: websocket\r\n", Spoken::http},
      {"GET / HTTP/1.1\r\nUpgrade: websocketeer\r\n\r\n", Spoken::http},
      {"{\"json\":1}", Spoken::unknown},
      {std::string("\0\0\0\x08"
                   "abcd",
                   8),
       Spoken::unknown},
      {std::string("\x16\x03\x01\x02\x00\x02", 6), Spoken::unknown},
      {std::string("\x16\x02", 2), Spoken::unknown},
      {std::string("\x16\x03\x05", 3), Spoken::unknown},
      {std::string("\x16\x03\x01\xff\xff\x01", 6), Spoken::unknown},
  };
  for (const auto& [bytes, spoken] : rows) EXPECT_EQ(sniff(bytes), spoken) << bytes;
  // Nothing is taken for something else while it arrives.
  for (const auto& [bytes, spoken] : rows) {
    if (bytes.size() > 1000) continue;
    bool known = false;
    for (std::size_t i = 0; i <= bytes.size(); ++i) {
      const Spoken now = sniff(std::string_view(bytes).substr(0, i));
      EXPECT_TRUE(now == spoken || (now == Spoken::needMore && !known)) << bytes.substr(0, i);
      known = now != Spoken::needMore;
    }
  }
}

TEST(Sniff, Hints) {
  EXPECT_EQ(wrongProtocolHint(Spoken::http, "text://0.0.0.0:5678", "text"),
            "an HTTP request reached text://0.0.0.0:5678, which speaks text; type: telnet HOST 5678");
  EXPECT_EQ(wrongProtocolHint(Spoken::webSocketHello, "http://[::]:80", "http"),
            "a WebSocket hello reached http://[::]:80, which speaks http; open http://HOST:80/");
  EXPECT_EQ(wrongProtocolHint(Spoken::tls, "websocket://0.0.0.0:7272", "websocket"),
            "a TLS hello reached websocket://0.0.0.0:7272, which speaks websocket without TLS; "
            "type the plain scheme (http://, ws://), or have the port speak TLS (transport ssl)");
  EXPECT_EQ(wrongProtocolHint(Spoken::unknown, "a", "b"), "");
  EXPECT_EQ(wrongProtocolHint(Spoken::needMore, "a", "b"), "");
}

TEST(Sniff, PlainBytesOnATlsPort) {
  EXPECT_EQ(plainOnTlsHint("GET / HT", "https://0.0.0.0:8443", "http"),
            "an HTTP request reached https://0.0.0.0:8443, which speaks TLS; open https://HOST:8443/");
  EXPECT_EQ(plainOnTlsHint("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "wss://0.0.0.0:1", "websocket"),
            "a WebSocket hello reached wss://0.0.0.0:1, which speaks TLS; connect to wss://HOST:1");
  EXPECT_EQ(plainOnTlsHint("hello\n", "text://0.0.0.0:1", "text"),
            "something that is no TLS hello reached text://0.0.0.0:1, which speaks TLS; use a client that speaks TLS");
  EXPECT_TRUE(beginsLikeHttp("G"));
  EXPECT_TRUE(beginsLikeHttp("POST /x HTTP/1.1\r\n"));
  EXPECT_FALSE(beginsLikeHttp("hello\n"));
  EXPECT_FALSE(beginsLikeHttp("GET x\r\n"));
}

TEST(Sniff, Page) {
  std::string out;
  appendWrongProtocolPage("websocket", "websocket://0.0.0.0:7272", {.keepAlive = false}, out);
  EXPECT_TRUE(out.starts_with("HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"))
      << out;
  EXPECT_NE(out.find("This port speaks websocket"), std::string::npos);
  EXPECT_NE(out.find("ws://HOST:7272"), std::string::npos);
  const auto body = out.find("\r\n\r\n") + 4;
  EXPECT_NE(out.find("Content-Length: " + std::to_string(out.size() - body) + "\r\n"), std::string::npos);
  out.clear();
  appendWrongProtocolPage("<b>\r\nX: y", "unix:///a&b", {.keepAlive = false}, out);
  EXPECT_EQ(out.find("Upgrade: <"), std::string::npos);
  EXPECT_NE(out.find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(out.find("unix:///a&amp;b"), std::string::npos);
}

}  // namespace
}  // namespace artel::protocols
