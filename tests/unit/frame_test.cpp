// The frame protocol: round trips, glued, split, limit, lengths that are none.
#include "src/protocol/frame.hpp"

#include <gtest/gtest.h>

#include <string>

namespace artel::protocols {
namespace {

class FakePeer : public Peer {
 public:
  SendStatus sendRaw(std::string_view) override { return SendStatus::sent; }
  void close() override {}
  bool closing() const noexcept override { return false; }
  std::size_t packageLimit() const noexcept override { return 100000; }
};

static_assert(ProtocolClass<Frame>);

TEST(Frame, RoundTrips) {
  FakePeer peer;
  std::string wire;
  const std::string payloads[] = {"", "a", std::string(3, '\0'), std::string(65536, 'x'), std::string(99996, 'y')};
  for (const auto& payload : payloads) Frame::encode(payload, peer, wire);
  EXPECT_EQ(wire.substr(0, 9), std::string("\0\0\0\4\0\0\0\5a", 9));
  std::string_view rest = wire;
  for (const auto& payload : payloads) {
    const Input input = Frame::input(rest, peer);
    ASSERT_EQ(input.kind, Input::Kind::packet);
    ASSERT_EQ(input.size, payload.size() + 4);
    EXPECT_EQ(Frame::decode(rest.substr(0, input.size), peer), payload);
    rest.remove_prefix(input.size);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(Frame, Lengths) {
  FakePeer peer;
  const struct {
    std::string bytes;
    Input::Kind kind;
    std::size_t size;
  } rows[] = {
      {"", Input::Kind::needMore, 0},
      {std::string("\0\0\0", 3), Input::Kind::needMore, 0},
      {std::string("\0\0\0\4", 4), Input::Kind::packet, 4},
      {std::string("\0\0\0\7abc", 7), Input::Kind::packet, 7},
      {std::string("\0\0\0\7a", 5), Input::Kind::packet, 7},  // known before it is there
      {std::string("\0\0\0\0", 4), Input::Kind::invalid, 0},
      {std::string("\0\0\0\1", 4), Input::Kind::invalid, 0},
      {std::string("\0\0\0\3", 4), Input::Kind::invalid, 0},
      {std::string("\0\1\x86\xa0", 4), Input::Kind::packet, 100000},
      {std::string("\0\1\x86\xa1", 4), Input::Kind::invalid, 0},
      {"\x7f\xff\xff\xff", Input::Kind::invalid, 0},
      {std::string("\x80\0\0\0", 4), Input::Kind::invalid, 0},
      {"\xff\xff\xff\xff", Input::Kind::invalid, 0},
  };
  for (const auto& row : rows) {
    const Input input = Frame::input(row.bytes, peer);
    EXPECT_EQ(input.kind, row.kind) << testing::PrintToString(row.bytes);
    EXPECT_EQ(input.size, row.size) << testing::PrintToString(row.bytes);
    for (std::size_t i = 0; i < std::min<std::size_t>(row.bytes.size(), 4); ++i) {
      EXPECT_EQ(Frame::input(std::string_view(row.bytes).substr(0, i), peer).kind, Input::Kind::needMore);
    }
  }
}

}  // namespace
}  // namespace artel::protocols
