// Chunked bodies: joined in place, the grammar to the letter, every split the same.
#include "src/protocol/http_chunks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace artel::http {
namespace {

constexpr std::size_t bodyLimit = 1000;

struct Seen {
  int status = 0;  // 200: complete, 0: needMore
  std::size_t consumed = 0;
  std::string body;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.status << " consumed " << seen.consumed << " [" << seen.body << "]";
}

// `head` stands for what lies before the body in the same buffer.
Seen feed(const std::string& bytes, const std::vector<std::size_t>& cuts, const Limits& limits = {}) {
  const std::string head = "HEAD";
  ChunkDecoder decoder;
  decoder.reset(head.size(), limits, bodyLimit);
  std::vector<char> buffer(head.begin(), head.end());
  for (const std::size_t cut : cuts) {
    std::vector<char> moved = buffer;
    moved.insert(moved.end(), bytes.begin() + static_cast<std::ptrdiff_t>(buffer.size() - head.size()),
                 bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    moved.shrink_to_fit();
    buffer.swap(moved);
    const auto result = decoder.read(buffer.data(), buffer.size());
    EXPECT_EQ(std::string(buffer.begin(), buffer.begin() + 4), head);
    if (result == ChunkDecoder::Result::invalid) return {decoder.status(), 0, {}};
    if (result == ChunkDecoder::Result::complete) {
      return {200, decoder.consumed() - head.size(), {buffer.data() + head.size(), decoder.bodySize()}};
    }
  }
  return {};
}

Seen whole(const std::string& bytes, const Limits& limits = {}) { return feed(bytes, {bytes.size()}, limits); }

void expectSplitsAgree(const std::string& bytes, const Limits& limits = {}) {
  const Seen expected = whole(bytes, limits);
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) each.push_back(i);
  EXPECT_EQ(feed(bytes, each, limits), expected) << "byte by byte: " << bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(feed(bytes, {i, bytes.size()}, limits), expected) << "cut at " << i << ": " << bytes;
  }
}

TEST(HttpChunks, BodiesAreJoined) {
  const struct {
    std::string bytes, body;
  } rows[] = {
      {"0\r\n\r\n", ""},
      {"3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n", "abcdef"},
      {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"a\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
      {"0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"},
      {"5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n"},
      {"1\r\n\n\r\n1\r\n\r\r\n0\r\n\r\n", "\n\r"},
      {"3;a\r\nabc\r\n0;b\r\n\r\n", "abc"},
      {"3;a=b;c=\"d;\\\"e\"\r\nabc\r\n0\r\n\r\n", "abc"},
      {"3 ; a = b ;c\r\nabc\r\n0\r\n\r\n", "abc"},
      {"0\r\nTrailer: x\r\nOther:\r\n\r\n", ""},
      {"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n", "abc"},
  };
  for (const auto& [bytes, body] : rows) {
    EXPECT_EQ(whole(bytes), (Seen{200, bytes.size(), body})) << bytes;
    EXPECT_EQ(whole(bytes + "GET / next"), (Seen{200, bytes.size(), body})) << bytes;
    expectSplitsAgree(bytes);
  }
}

TEST(HttpChunks, WhatIsRefused) {
  const std::string tail = "abc\r\n0\r\n\r\n";
  const std::vector<std::string> rows = {
      "\r\n" + tail,
      "0x3\r\n" + tail,
      "+3\r\n" + tail,
      "-3\r\n" + tail,
      " 3\r\n" + tail,
      "3 \r\n" + tail,
      "3_\r\n" + tail,
      "g\r\n" + tail,
      "3h\r\n" + tail,
      "\t3\r\n" + tail,
      ";a\r\n" + tail,
      "3\n" + tail,
      "3\r" + tail,
      "3\r\r\n" + tail,
      "3;\r\n" + tail,
      "3;=b\r\n" + tail,
      "3;a=\r\n" + tail,
      "3;a=b=c\r\n" + tail,
      "3;a b\r\n" + tail,
      "3;a\n" + tail,
      "3;a\rb\r\n" + tail,
      "3;a=\"b\r\n" + tail,
      "3;a=\"b\"c\r\n" + tail,
      "3;a=\"\x01\"\r\n" + tail,
      "3;\x01\r\n" + tail,
      "3;a \r\n" + tail,
      "3;a=b \r\n" + tail,
      "3,3\r\n" + tail,
      "00000000000000003\r\n" + tail,
      std::string("3\0\r\n", 4) + tail,
      std::string("3;a\0\r\n", 6) + tail,
      "3\r\nabcd\r\n0\r\n\r\n",
      "3\r\nabc0\r\n\r\n",
      "3\r\nabc\n0\r\n\r\n",
      "3\r\nabc\r0\r\n\r\n",
      "3\r\nabc\r\r\n0\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nX\r\n\r\n",
      "0\r\n: x\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\n X: y\r\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: y\rZ: z\r\n\r\n",
      "0\r\nX: \x01\r\n\r\n",
      "0\r\n\n",
      "0\r\n\rX",
      "0\n\r\n",
      "0\r\nX: y\r\n\n",
      std::string("0\r\nX: \0\r\n\r\n", 11),
  };
  for (const auto& bytes : rows) {
    EXPECT_EQ(whole(bytes).status, 400) << bytes;
    expectSplitsAgree(bytes);
  }
}

TEST(HttpChunks, BodyLimit) {
  const auto body = [](std::size_t size) { return std::string(size, 'x'); };
  for (const std::size_t first : {1u, 500u, 999u, 1000u}) {
    const std::string start = [&] {
      char line[32];
      std::snprintf(line, sizeof line, "%zx\r\n", first);
      return line + body(first) + "\r\n";
    }();
    for (const std::size_t total : {999u, 1000u, 1001u}) {
      if (total <= first) continue;
      char line[32];
      std::snprintf(line, sizeof line, "%zx\r\n", total - first);
      const std::string bytes = start + line + body(total - first) + "\r\n0\r\n\r\n";
      EXPECT_EQ(whole(bytes).status, total <= 1000 ? 200 : 413) << first << " " << total;
    }
  }
  for (const char* size : {"3e9", "7fffffff", "80000000", "ffffffff", "100000000", "7fffffffffffffff",
                           "8000000000000000", "ffffffffffffffff"}) {
    EXPECT_EQ(whole(std::string(size) + "\r\n").status, 413) << size;
    expectSplitsAgree(std::string(size) + "\r\n");
  }
  EXPECT_EQ(whole("3e8\r\n" + body(1000) + "\r\n0\r\n\r\n").status, 200);
}

TEST(HttpChunks, ExtensionLimitCountsTheWholeBody) {
  const Limits limits{.chunkExtensions = 20};
  const std::string ten = "1;aaaaaaaaa\r\nx\r\n";
  EXPECT_EQ(whole(ten + ten + "0\r\n\r\n", limits).status, 200);
  EXPECT_EQ(whole(ten + ten + "0;\r\n\r\n", limits).status, 413);
  EXPECT_EQ(whole(ten + "1;aaaaaaaa\r\nx\r\n0\r\n\r\n", limits).status, 200);
  EXPECT_EQ(whole(ten + ten + ten, limits).status, 413);
  EXPECT_EQ(whole("1;" + std::string(100000, 'a'), limits).status, 413);
  expectSplitsAgree(ten + ten + ten, limits);
}

TEST(HttpChunks, TrailerLimit) {
  const Limits limits{.trailerBlock = 12};
  EXPECT_EQ(whole("0\r\nX: 34567\r\n\r\n", limits).status, 200);    // 10 bytes
  EXPECT_EQ(whole("0\r\nX: 3456789\r\n\r\n", limits).status, 200);  // 12
  EXPECT_EQ(whole("0\r\nX: 34567890\r\n\r\n", limits).status, 431);
  EXPECT_EQ(whole("0\r\nX: 1\r\nY: 2\r\n\r\n", limits).status, 200);
  EXPECT_EQ(whole("0\r\nX: 1\r\nY: 23\r\n\r\n", limits).status, 431);
  EXPECT_EQ(whole("0\r\n" + std::string(100000, 'a'), limits).status, 431);
  expectSplitsAgree("0\r\nX: 34567890\r\n\r\n", limits);
}

TEST(HttpChunks, ChunkLinesAreBoundedByTheBodyLimit) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "1\r\nx\r\n";
  EXPECT_EQ(whole(bytes + "0\r\n\r\n").status, 200);  // one-byte chunks are legal
  bytes.clear();
  while (bytes.size() < 200000) bytes += "0000000000000001\r\nx\r\n";
  Limits limits;
  ChunkDecoder decoder;
  decoder.reset(0, limits, 20000);
  EXPECT_EQ(decoder.read(bytes.data(), bytes.size()), ChunkDecoder::Result::invalid);
  EXPECT_EQ(decoder.status(), 413);
  EXPECT_LT(decoder.consumed(), 20000u * 2 + 64 * 1024 + 100);
}

}  // namespace
}  // namespace artel::http
