// What is said to proxies, and what proxies in front say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "src/protocol/proxy_dialogue.hpp"
#include "src/protocol/proxy_header.hpp"

namespace artel::protocols {
namespace {

using ::testing::HasSubstr;
using Kind = ProxyDialogue::Step::Kind;
using namespace std::string_literals;

/// All that is said to a proxy with these answers, one byte after the other; then how it ends.
std::string talk(ProxyDialogue& dialogue, std::string_view answers) {
  auto step = dialogue.hello();
  std::string said = step.say, bytes;
  if (step.kind == Kind::failed) return said + "|failed";
  for (const char c : answers) {
    bytes += c;
    do {
      step = dialogue.heard(bytes);
      if (step.kind == Kind::failed) return said + "|" + step.say;
      bytes.erase(0, step.used);
      said += step.say;
      if (step.kind == Kind::tunnel) return said + "|tunnel";
    } while (step.kind == Kind::goOn);
  }
  return said + "|more";
}

TEST(ProxyDialogue, HttpConnect) {
  const std::string asked = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n";
  EXPECT_EQ(talk(*httpConnect({"example.com", 443}, ""), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            asked + "\r\n|tunnel");
  EXPECT_EQ(talk(*httpConnect({"example.com", 443}, "Basic eA=="), "HTTP/1.1 103 x\r\n\r\nHTTP/1.0 200\r\n\r\n"),
            asked + "Proxy-Authorization: Basic eA==\r\n\r\n|tunnel");
  EXPECT_EQ(talk(*httpConnect({"::1", 80}, ""), ""), "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n|more");
  EXPECT_THAT(talk(*httpConnect({"example.com", 443}, ""), "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
              HasSubstr("|Proxy CONNECT failed: 407 Proxy Authentication Required"));
  EXPECT_THAT(talk(*httpConnect({"example.com", 443}, ""), "SSH-2.0"), HasSubstr("no HTTP/1 answer"));
  EXPECT_THAT(talk(*httpConnect({"a b", 443}, ""), ""), HasSubstr("failed"));
  EXPECT_THAT(talk(*httpConnect({"a", 443}, "x\r\ny"), ""), HasSubstr("failed"));
}

TEST(ProxyDialogue, Socks5) {
  EXPECT_EQ(talk(*socks5({"a.b", 258}, "", ""), "\5\0\5\0\0\1\1\2\3\4\5\6"s), "\5\1\0\5\1\0\3\3a.b\1\2|tunnel"s);
  EXPECT_EQ(talk(*socks5({"1.2.3.4", 80, "\1\2\3\4"}, "", ""), "\5\0\5\0\0\3\1x\0\0"s),
            "\5\1\0\5\1\0\1\1\2\3\4\0P|tunnel"s);
  EXPECT_EQ(talk(*socks5({"a", 80}, "me", "pw"), "\5\2\1\0\5\0\0\1\0\0\0\0\0\0"s),
            "\5\2\0\2\1\2me\2pw\5\1\0\3\1a\0P|tunnel"s);
  EXPECT_EQ(talk(*socks5({"a", 80}, "me", "pw"), "\5\0"s), "\5\2\0\2\5\1\0\3\1a\0P|more"s);  // it wants none
  EXPECT_THAT(talk(*socks5({"a", 80}, "", ""), "\5\xff"),
              HasSubstr("|SOCKS5 authentication method negotiation failed"));
  EXPECT_THAT(talk(*socks5({"a", 80}, "", ""), "\5\2"), HasSubstr("|SOCKS5 authentication method negotiation failed"));
  EXPECT_THAT(talk(*socks5({"a", 80}, "me", "no"), "\5\2\1\1"), HasSubstr("|SOCKS5 authentication failed"));
  EXPECT_THAT(talk(*socks5({"a", 80}, "", ""), "\5\0\5\5"s), HasSubstr("|SOCKS5 connect failed: connection refused"));
  EXPECT_THAT(talk(*socks5({"a", 80}, "", ""), "\5\0\5\0\0\7\0"s), HasSubstr("its answer is none"));
  EXPECT_THAT(talk(*socks5({"a", 80}, "", ""), "HTTP/1.1 400"), HasSubstr("|that is no SOCKS5 proxy"));
  EXPECT_THAT(talk(*socks5({std::string(256, 'a'), 80}, "", ""), ""), HasSubstr("255"));
}

// ---- PROXY headers --------------------------------------------------------------------------------------------------

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
using State = ProxyHeader::State;

void comesInPieces(const std::string& header) {
  for (std::size_t size = 0; size < header.size(); ++size)
    EXPECT_EQ(readProxyHeader(std::string_view(header).substr(0, size)).state, State::needMore) << size;
  EXPECT_EQ(readProxyHeader(header + "GET /").size, header.size());
}

TEST(ProxyHeader, Version1) {
  const std::string four = "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n";
  comesInPieces(four);
  EXPECT_EQ(readProxyHeader(four).address, "\xc0\0\2\1"s);
  EXPECT_EQ(readProxyHeader(four).port, 56324);
  const std::string six = "PROXY TCP6 2001:db8::ff 2001:db8::1 1 65535\r\n";
  comesInPieces(six);
  EXPECT_EQ(readProxyHeader(six).address, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\xff"s);
  EXPECT_EQ(readProxyHeader("PROXY TCP6 ::ffff:1.2.3.4 :: 1 2\r\n").address,
            std::string(10, '\0') + "\xff\xff\1\2\3\4");
  EXPECT_EQ(readProxyHeader("PROXY UNKNOWN what ever\r\n").address, "");
  EXPECT_EQ(readProxyHeader("PROXY UNKNOWN\r\n").state, State::whole);
}

TEST(ProxyHeader, Version2) {
  const std::string four = signature + "\x21\x11\0\x0c\xc0\0\2\1\x0a\0\0\1\x12\x34\0\x50"s;
  comesInPieces(four);
  EXPECT_EQ(readProxyHeader(four).address, "\xc0\0\2\1"s);
  EXPECT_EQ(readProxyHeader(four).port, 0x1234);
  const std::string six =
      signature + "\x21\x21\0\x27"s + std::string(15, '\0') + "\1" + std::string(16, '\0') + "\0\1\0\2"s + "\4\0\0"s;
  comesInPieces(six);  // with a TLV behind it
  EXPECT_EQ(readProxyHeader(six).address, std::string(15, '\0') + "\1");
  const std::string local = signature + "\x20\0\0\0"s;
  comesInPieces(local);
  EXPECT_EQ(readProxyHeader(local).address, "");
  EXPECT_EQ(readProxyHeader(signature + "\x21\x31\0\1x"s).address, "");  // Unix sockets
}

TEST(ProxyHeader, WhatIsNone) {
  for (const std::string& bytes :
       {"GET / HTTP/1.1\r\n"s, "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"s, "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"s,
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n"s, "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"s,
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"s, "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"s, "PROXY TCP6 1::2::3 :: 1 2\r\n"s,
        "PROXY TCP6 1:2:3:4:5:6:7 :: 1 2\r\n"s, "PROXY TCP6 :1 :: 1 2\r\n"s, "PROXY TCP6 12345:: :: 1 2\r\n"s,
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 :: 1 2\r\n"s, "PROXY " + std::string(200, 'x'), signature + "\x11",
        signature + "\x22", signature + "\x21\x11\0\x0b"s, signature + "\x21\x11\xff\xff"s, signature + "\x21\x41\0\0"s,
        signature + "\x21\x13\0\x0c"s + std::string(12, '\1')})
    EXPECT_EQ(readProxyHeader(bytes).state, State::invalid) << bytes;
}

}  // namespace
}  // namespace artel::protocols
