// The text protocol: LF, CRLF, empty lines, glued, split, limit, and no quadratic search.
#include "src/protocol/text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace artel::protocols {
namespace {

class FakePeer : public Peer {
 public:
  explicit FakePeer(std::size_t limit) : limit_(limit) {}
  SendStatus sendRaw(std::string_view) override { return SendStatus::sent; }
  void close() override {}
  bool closing() const noexcept override { return false; }
  std::size_t packageLimit() const noexcept override { return limit_; }

 private:
  std::size_t limit_;
};

static_assert(ProtocolClass<Text>);

// The lines, and "INVALID" at the end when the rest was refused.
std::vector<std::string> feed(const std::string& bytes, std::size_t step, std::size_t limit) {
  FakePeer peer(limit);
  Text text;
  std::vector<std::string> lines;
  std::string buffer;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    buffer += bytes.substr(at, step);
    for (;;) {
      const Input input = text.input(buffer, peer);
      const bool beyond = input.kind == Input::Kind::packet && input.size > limit;  // the connection refuses it
      if (input.kind == Input::Kind::invalid || beyond) return lines.emplace_back("INVALID"), lines;
      if (input.kind == Input::Kind::needMore || buffer.empty()) break;
      lines.emplace_back(text.decode(std::string_view(buffer).substr(0, input.size), peer));
      buffer.erase(0, input.size);
    }
  }
  return lines;
}

TEST(Text, Lines) {
  using Lines = std::vector<std::string>;
  const struct {
    std::string bytes;
    Lines lines;
  } rows[] = {
      {"a\n", {"a"}},
      {"a\r\n", {"a"}},
      {"\n", {""}},
      {"\r\r\n", {""}},
      {"a\r\r\n\n", {"a", ""}},
      {"a\nb\r\nc", {"a", "b"}},
      {"a\rb\n", {"a\rb"}},
      {std::string("\0\xff\x01\n", 4), {std::string("\0\xff\x01", 3)}},
      {"123456789\n", {"123456789"}},
      {"1234567890\n", {"INVALID"}},
      {"1234567890", {"INVALID"}},
      {"123456789", {}},
      {"a\n12345678901234\nb\n", {"a", "INVALID"}},
  };
  for (const auto& [bytes, lines] : rows) {
    for (std::size_t step = 1; step <= bytes.size(); ++step) EXPECT_EQ(feed(bytes, step, 10), lines) << bytes << step;
  }
}

TEST(Text, Encode) {
  FakePeer peer(10);
  std::string out = "before";
  Text().encode("a", peer, out);
  Text().encode("", peer, out);
  EXPECT_EQ(out, "beforea\n\n");
}

TEST(Text, LongLineInSmallPiecesIsSearchedOnce) {
  FakePeer peer(std::size_t{1} << 30);
  Text text;
  const std::string line(8 << 20, 'x');  // one byte at a time it would be 35 terabytes to search
  for (std::size_t size = 1; size <= line.size(); ++size) {
    ASSERT_EQ(text.input({line.data(), size}, peer).kind, Input::Kind::needMore);
  }
}

}  // namespace
}  // namespace artel::protocols
