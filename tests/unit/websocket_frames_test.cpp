// Frames, read and written: every violation of RFC 6455 section 5, every length, every split.
#include "src/protocol/websocket_frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/protocol/byte_loops.hpp"

namespace artel::websocket {
namespace {

constexpr std::size_t limit = 100000;
constexpr std::uint32_t key = 0x37fa213d;

std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

// A masked frame with any first byte.
std::string frame(int first, const std::string& payload) {
  std::string out;
  appendMaskedFrame(out, 0, payload, key);
  out[0] = static_cast<char>(first);
  return out;
}

constexpr int fin = 0x80;

// What a connection would do: "text[...]", "ping[...]", ..., and at the end "1002" for a violation. `quick`: whole
// messages are tried first, as WebsocketCodec does.
std::vector<std::string> readAs(const std::string& bytes, const std::vector<std::size_t>& cuts, Role role,
                                std::size_t most, const DeflateAgreement* deflate, bool quick) {
  Reader reader(role, deflate != nullptr ? std::make_unique<Compression>(role, *deflate) : nullptr);
  std::vector<std::string> seen;
  std::size_t start = 0;  // of the current frame
  std::size_t wanted = 0;
  for (const std::size_t cut : cuts) {
    for (;;) {
      if (cut - start < wanted) break;
      std::vector<char> buffer(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                               bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      Event event;
      std::size_t taken = quick && wanted == 0 ? reader.takeWhole(buffer, most, event) : 0;
      if (taken == 0) {
        const Input input = reader.input(buffer, most);
        if (input.kind == Input::Kind::invalid) {
          seen.push_back(std::to_string(reader.violationCode()));
          return seen;
        }
        if (input.kind == Input::Kind::needMore) break;
        wanted = input.size;
        if (buffer.size() < wanted) break;
        event = reader.decode({buffer.data(), wanted}, most);
        taken = std::exchange(wanted, 0);
      }
      start += taken;
      const std::string payload(event.payload);
      switch (event.kind) {
        case Event::Kind::none:
          EXPECT_TRUE(reader.unfinished());
          break;
        case Event::Kind::message:
          EXPECT_FALSE(reader.unfinished());
          seen.push_back((event.type == Type::text ? "text[" : "binary[") + payload + "]");
          if (quick) reader.release();
          break;
        case Event::Kind::ping:
          seen.push_back("ping[" + payload + "]");
          break;
        case Event::Kind::pong:
          seen.push_back("pong[" + payload + "]");
          break;
        case Event::Kind::close:
          seen.push_back("close " + std::to_string(event.code) + "[" + payload + "]");
          break;
        case Event::Kind::violation:
          EXPECT_EQ(event.code, reader.violationCode());
          seen.push_back(std::to_string(event.code));
          return seen;
      }
    }
  }
  return seen;
}

// The same with and without the quick way.
std::vector<std::string> feed(const std::string& bytes, const std::vector<std::size_t>& cuts, Role role = Role::server,
                              std::size_t most = limit, const DeflateAgreement* deflate = nullptr) {
  auto seen = readAs(bytes, cuts, role, most, deflate, false);
  EXPECT_EQ(readAs(bytes, cuts, role, most, deflate, true), seen) << "quick " << testing::PrintToString(bytes);
  return seen;
}

using Events = std::vector<std::string>;

void check(const std::string& bytes, const Events& expected, Role role = Role::server, std::size_t most = limit,
           const DeflateAgreement* deflate = nullptr) {
  EXPECT_EQ(feed(bytes, {bytes.size()}, role, most, deflate), expected) << testing::PrintToString(bytes);
  std::vector<std::size_t> each;
  for (std::size_t i = 1; i <= bytes.size(); ++i) each.push_back(i);
  EXPECT_EQ(feed(bytes, each, role, most, deflate), expected) << "byte by byte " << testing::PrintToString(bytes);
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    ASSERT_EQ(feed(bytes, {i, bytes.size()}, role, most, deflate), expected)
        << i << " " << testing::PrintToString(bytes);
  }
}

TEST(WebSocketFrames, ExamplesOfTheRfc) {  // section 5.7
  check(raw({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}), {"text[Hello]"});
  check(raw({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}), {"text[Hello]"}, Role::client);
  check(raw({0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f}), {"text[Hello]"}, Role::client);
  check(raw({0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}), {"ping[Hello]"}, Role::client);
  check(raw({0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}), {"pong[Hello]"});
}

TEST(WebSocketFrames, TheQuickWayTakesWholeMessagesAndNothingElse) {
  Reader reader(Role::server);
  Event event;
  const auto taken = [&](std::string bytes) { return reader.takeWhole(bytes, limit, event); };
  const std::string text = raw({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58});
  EXPECT_EQ(taken(text), text.size());
  EXPECT_EQ(taken(text + text), text.size());
  EXPECT_EQ(taken(text.substr(0, text.size() - 1)), 0u);
  EXPECT_EQ(taken(raw({0x89, 0x80, 0, 0, 0, 0})), 0u) << "a ping";
}

TEST(WebSocketFrames, Messages) {
  check(frame(fin | 1, "") + frame(fin | 2, ""), {"text[]", "binary[]"});
  check(frame(fin | 1, "a") + frame(fin | 2, "\xff\xfe") + frame(fin | 1, "b"),
        {"text[a]", "binary[\xff\xfe]", "text[b]"});
  check(frame(2, "a") + frame(0, "b") + frame(fin, "c") + frame(fin | 1, "d"), {"binary[abc]", "text[d]"});
  check(frame(1, "") + frame(0, "") + frame(fin, ""), {"text[]"});
  check(frame(1, "a") + frame(fin | 9, "p") + frame(0, "b") + frame(fin | 10, "") + frame(fin, "c"),
        {"ping[p]", "pong[]", "text[abc]"});
  check(frame(1, "\xe2") + frame(fin | 9, "\xff") + frame(0, "\x82") + frame(fin, "\xac"),
        {"ping[\xff]", "text[\xe2\x82\xac]"});
  check(frame(fin | 9, std::string(125, 'p')), {"ping[" + std::string(125, 'p') + "]"});
  check(frame(1, "a") + frame(fin | 8, raw({3, 232})), {"close 1000[]"});
}

TEST(WebSocketFrames, Violations) {
  for (const int first : {0x90, 0xa0, 0xc0, 0xf0}) {
    check(frame(first | 1, "a"), {"1002"});  // reserved bits
    check(frame(first | 9, "a"), {"1002"});
  }
  for (const int code : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    check(frame(fin | code, "a"), {"1002"});
    check(frame(code, "a"), {"1002"});
  }
  for (const int code : {8, 9, 10}) {
    check(frame(code, "ab"), {"1002"});                         // fragmented control frame
    check(frame(fin | code, std::string(126, 'a')), {"1002"});  // too long a control frame
    check(frame(fin | code, std::string(70000, 'a')).substr(0, 20), {"1002"});
  }
  check(frame(0, "a"), {"1002"});  // continuation of nothing
  check(frame(fin, "a"), {"1002"});
  check(frame(1, "a") + frame(1, "b"), {"1002"});  // new message inside a fragmented one
  check(frame(1, "a") + frame(fin | 2, "b"), {"1002"});
  check(frame(1, "a") + frame(fin, "b") + frame(fin, "c"), {"text[ab]", "1002"});
  check(frame(fin | 1, "good") + frame(fin | 3, ""), {"text[good]", "1002"});  // good ones come first
  check(raw({0x81, 0x01, 'a'}), {"1002"});                                     // unmasked from a client
  check(raw({0x89, 0x00}), {"1002"});
  check(frame(fin | 1, "a"), {"1002"}, Role::client);  // masked from a server
}

TEST(WebSocketFrames, LengthsMustBeMinimal) {
  const std::string mask = raw({1, 2, 3, 4});
  check(raw({0x82, 0xfe, 0, 0}) + mask, {"1002"});
  check(raw({0x82, 0xfe, 0, 125}) + mask, {"1002"});
  check(raw({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}) + mask, {"1002"});
  check(raw({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 125}) + mask, {"1002"});
  check(raw({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) + mask, {"1002"});
  check(raw({0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}) + mask, {"1002"});                       // 2^63
  check(raw({0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) + mask, {"1002"});  // 2^64-1
  check(raw({0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) + mask, {"1009"});  // 2^63-1
  check(raw({0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0}) + mask, {"1009"});                       // 2^62
  check(raw({0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0}) + mask, {"1009"});                          // 2^32
  constexpr std::size_t unlimited = static_cast<std::size_t>(-1);
  check(raw({0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) + mask, {"1002"}, Role::server, unlimited);
  check(raw({0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0}) + mask + "x", {}, Role::server,
        unlimited);  // waits, wraps nothing
  check(frame(2, "a") + raw({0x80, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) + mask, {}, Role::server,
        unlimited);
}

TEST(WebSocketFrames, EveryLengthFormRoundTrips) {
  for (const std::size_t size :
       {0u,  1u,  2u,   3u,   4u,   7u,   8u,   15u,    16u,    31u,    32u,    63u,    64u,    65u,
        66u, 67u, 124u, 125u, 126u, 127u, 128u, 65534u, 65535u, 65536u, 65537u, 99999u, 100000u}) {
    std::string payload(size, 'x');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>('a' + i % 26);
    for (const Type type : {Type::text, Type::binary}) {
      std::string sent, received;
      appendFrame(sent, type, payload);
      appendMaskedFrame(received, type == Type::text ? opcode::text : opcode::binary, payload, key);
      EXPECT_EQ(sent.size(), size + (size < 126 ? 2 : size < 65536 ? 4 : 10));
      EXPECT_EQ(received.size(), sent.size() + 4);
      const Events expected = {(type == Type::text ? "text[" : "binary[") + payload + "]"};
      EXPECT_EQ(feed(sent, {sent.size()}, Role::client), expected) << size;
      EXPECT_EQ(feed(received, {received.size()}), expected) << size;
      EXPECT_EQ(feed(received, {1, received.size() / 3, received.size() / 2, received.size()}), expected) << size;
    }
  }
}

TEST(WebSocketFrames, LimitIsForTheWholeMessage) {
  const auto part = [](int first, std::size_t size) { return frame(first, std::string(size, 'x')); };
  const auto result = [](const std::string& bytes) {
    const auto seen = feed(bytes, {bytes.size()}, Role::server, 1000);
    return seen.empty() ? std::string() : seen.back().substr(0, 4);
  };
  for (const int code : {1, 2}) {
    const std::string good = code == 1 ? "text" : "bina";
    EXPECT_EQ(result(part(fin | code, 999)), good);
    EXPECT_EQ(result(part(fin | code, 1000)), good);
    EXPECT_EQ(result(part(fin | code, 1001)), "1009");
    EXPECT_EQ(result(part(code, 500) + part(0, 400) + part(fin, 100)), good);
    EXPECT_EQ(result(part(code, 500) + part(0, 400) + part(fin, 101)), "1009");
    EXPECT_EQ(result(part(code, 1000) + part(fin | 9, 100) + part(fin, 0)), good);
    EXPECT_EQ(result(part(code, 500) + part(fin, 500) + part(fin | code, 1000)), good);  // each anew
  }
  EXPECT_EQ(result(part(fin | 1, 1001).substr(0, 4)), "1009");  // before the payload
}

// Every second one is empty. What they take is bounded by the message's limit, however many they are.
TEST(WebSocketFrames, AMillionTinyFragments) {
  Reader reader(Role::server);
  const std::string first = frame(2, "x"), one = frame(0, "x"), none = frame(0, "");
  constexpr std::size_t most = 600'000;
  std::string piece;
  for (int i = 0; i < 1'000'000; ++i) {
    piece = i == 0 ? first : i % 2 == 0 ? one : none;
    ASSERT_EQ(reader.input(piece, most).kind, Input::Kind::packet);
    ASSERT_EQ(reader.decode(piece, most).kind, Event::Kind::none);
    ASSERT_LE(reader.held(), most);
  }
  piece = frame(fin, "");
  EXPECT_EQ(reader.decode(piece, most).payload.size(), 500'000u);
  reader.release();
  EXPECT_EQ(reader.held(), 0u);

  for (int i = 0;; ++i) {  // and the one byte too many
    piece = i == 0 ? first : one;
    const Input input = reader.input(piece, 1000);
    if (input.kind == Input::Kind::invalid) {
      EXPECT_EQ(i, 1000);
      break;
    }
    ASSERT_EQ(reader.decode(piece, 1000).kind, Event::Kind::none);
    ASSERT_LE(reader.held(), 1000u);
  }
  EXPECT_EQ(reader.violationCode(), closeCode::tooBig);
  EXPECT_EQ(reader.held(), 0u) << "nobody will finish it";
}

TEST(WebSocketFrames, AnAnnouncedLengthTakesNoMemory) {
  Reader reader(Role::server);
  std::string begun = frame(2, "x") + raw({0x00, 0xff, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5});
  constexpr std::size_t most = std::size_t{1} << 40;
  ASSERT_EQ(reader.decode(std::span(begun).first(7), most).kind, Event::Kind::none);
  const std::size_t before = reader.held();
  EXPECT_EQ(reader.input(std::span(begun).subspan(7), most).size, 14u + 0x3fffffff);
  EXPECT_EQ(reader.held(), before);
}

const DeflateAgreement kept{true, true, 12, 12}, borrowed{false, false, 12, 12};
constexpr int rsv1 = opcode::compressed;

std::string deflated(Compression& side, std::string_view text) {
  const auto smaller = side.deflate(text);
  EXPECT_TRUE(smaller);
  return std::string(smaller.value_or(""));
}

TEST(WebSocketFrames, CompressedMessages) {
  const std::string euro = "price: 20 \xe2\x82\xac, price: 20 \xe2\x82\xac";
  for (const DeflateAgreement* agreed : {&kept, &borrowed}) {
    Compression client(Role::client, *agreed);
    const auto all = [&](const std::string& bytes, const Events& expected) {
      check(bytes, expected, Role::server, limit, agreed);
    };
    std::string one = deflated(client, euro), two = deflated(client, euro);
    EXPECT_TRUE(agreed == &kept ? two.size() < one.size() : two == one);
    all(frame(fin | rsv1 | 1, one) + frame(fin | rsv1 | 2, two), {"text[" + euro + "]", "binary[" + euro + "]"});
    // In fragments, with a ping between them; then one that is not compressed.
    all(frame(rsv1 | 1, one.substr(0, 5)) + frame(0, "") + frame(fin | 9, "p") + frame(0, one.substr(5, 9)) +
            frame(fin, one.substr(14)) + frame(fin | 1, "plain") + frame(2, "fr") + frame(fin, "ag"),
        {"ping[p]", "text[" + euro + "]", "text[plain]", "binary[frag]"});
    all(frame(rsv1 | 1, one) + frame(fin, ""), {"text[" + euro + "]"});
    all(frame(rsv1 | 1, "") + frame(fin, one), {"text[" + euro + "]"});
    all(frame(fin | rsv1 | 1, raw({0})) + frame(fin | rsv1 | 1, ""), {"text[]", "text[]"});
  }
  // As a server sends them.
  Compression server(Role::server, kept);
  std::string sent;
  appendFrame(sent, Type::text, euro, server);
  appendFrame(sent, Type::binary, "ab", server);
  appendFrame(sent, Type::binary, euro, server);
  EXPECT_EQ(sent[0], '\xc1');
  check(sent, {"text[" + euro + "]", "binary[ab]", "binary[" + euro + "]"}, Role::client, limit, &kept);
}

TEST(WebSocketFrames, CompressionViolations) {
  Compression client(Role::client, borrowed);
  const std::string good = deflated(client, "good, good, good, good");
  std::string notText = deflated(client, "bad, bad, bad, bad, \xff, bad, bad");
  std::string cut = deflated(client, "caf\xc3\xa9, caf\xc3\xa9, caf\xc3\xa9, caf\xc3");
  std::string big = deflated(client, std::string(5000, 'x'));
  for (const DeflateAgreement* agreed : {&kept, &borrowed}) {
    const auto all = [&](const std::string& bytes, const Events& expected, std::size_t most = limit) {
      check(bytes, expected, Role::server, most, agreed);
    };
    const std::string text = "text[good, good, good, good]";
    all(frame(rsv1 | 1, good.substr(0, 3)) + frame(rsv1, "x"), {"1002"});  // not on a continuation
    all(frame(rsv1 | 1, good.substr(0, 3)) + frame(fin | rsv1, "x"), {"1002"});
    all(frame(1, "x") + frame(fin | rsv1, good), {"1002"});                         // nor later than the first frame
    for (const int code : {8, 9, 10}) all(frame(fin | rsv1 | code, ""), {"1002"});  // nor on a control frame
    for (const int other : {0x10, 0x20, 0x30, 0x50, 0x60, 0x70}) all(frame(fin | other | 1, good), {"1002"});
    for (const int code : {3, 7, 11}) all(frame(fin | rsv1 | code, good), {"1002"});
    all(frame(rsv1 | 1, good) + frame(fin | rsv1 | 1, good), {"1002"});  // a message inside another one
    all(frame(fin | rsv1 | 1, good) + frame(fin | rsv1 | 1, "\xff\xff"), {text, "1007"});
    all(frame(fin | rsv1 | 1, good) + frame(fin | rsv1 | 1, good.substr(0, 4)), {text, "1007"});
    all(frame(fin | rsv1 | 1, notText), {"1007"});
    all(frame(fin | rsv1 | 1, cut), {"1007"});
    all(frame(rsv1 | 1, cut) + frame(fin, ""), {"1007"});
    all(frame(fin | rsv1 | 2, big), {"1009"}, 4999);
    all(frame(fin | rsv1 | 2, big), {"binary[" + std::string(5000, 'x') + "]"}, 5000);
    all(frame(rsv1 | 2, big.substr(0, 2)) + frame(fin, big.substr(2)), {"1009"}, 4999);
    all(frame(fin | rsv1 | 2, std::string(70'000, 'x')).substr(0, 10), {"1009"}, 5000);  // far more than could be right
  }
  check(frame(fin | rsv1 | 1, good), {"1002"});  // not agreed
}

// What does not shrink is a little longer when it is compressed: the limit counts the message.
TEST(WebSocketFrames, TheLimitCountsInflatedBytes) {
  std::string noise(limit, '\0');
  std::uint32_t state = 3;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  Compression client(Role::client, kept);
  const std::string sent = deflated(client, noise);
  ASSERT_GT(sent.size(), limit);
  for (const DeflateAgreement* agreed : {&kept, &borrowed}) {
    const std::string bytes = frame(fin | rsv1 | 2, sent),
                      parts = frame(rsv1 | 2, sent.substr(0, 60000)) + frame(fin, sent.substr(60000));
    EXPECT_EQ(feed(bytes, {bytes.size()}, Role::server, limit, agreed), Events{"binary[" + noise + "]"});
    EXPECT_EQ(feed(parts, {100, 50000, 80000, parts.size()}, Role::server, limit, agreed),
              Events{"binary[" + noise + "]"});
  }
}

// With a context of its own a message is looked at while it comes, in the middle of a frame, too.
TEST(WebSocketFrames, CompressedTextFailsAtTheBadByte) {
  Compression client(Role::client, kept);
  std::string text = "good, good, good \xff";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919);
  const std::string bytes = frame(fin | rsv1 | 1, deflated(client, text));
  Reader reader(Role::server, std::make_unique<Compression>(Role::server, kept));
  EXPECT_EQ(reader.input(std::span(bytes).first(bytes.size() / 2), limit).kind, Input::Kind::invalid);
  EXPECT_EQ(reader.violationCode(), closeCode::invalidPayload);

  const std::string bomb = frame(fin | rsv1 | 2, deflated(client, std::string(90'000, '\0') + text));
  Reader another(Role::server, std::make_unique<Compression>(Role::server, kept));
  EXPECT_EQ(another.input(std::span(bomb).first(bomb.size() / 2), 1000).kind, Input::Kind::invalid);
  EXPECT_EQ(another.violationCode(), closeCode::tooBig);
}

// Nothing but bytes is kept of a message whose connection has no context of its own: others use the inflater meanwhile.
TEST(WebSocketFrames, BorrowedContextsDoNotMixMessages) {
  Compression client(Role::client, borrowed);
  const std::string text[] = {"one one one one one one", "two two two two two two", "3 3 3 3 3 3 3 3 3"};
  std::string parts[3];
  for (int i = 0; i < 3; ++i) parts[i] = deflated(client, text[i]);
  std::vector<std::unique_ptr<Reader>> readers;
  readers.reserve(3);
  for (int i = 0; i < 3; ++i)
    readers.push_back(std::make_unique<Reader>(Role::server, std::make_unique<Compression>(Role::server, borrowed)));
  for (std::size_t i = 0; i < 3; ++i) {
    std::string begun = frame(rsv1 | 1, parts[i].substr(0, 4));
    EXPECT_EQ(readers[i]->decode(begun, limit).kind, Event::Kind::none);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    std::string rest = frame(fin, parts[i].substr(4));
    EXPECT_EQ(readers[i]->decode(rest, limit).payload, text[i]);
  }
}

TEST(WebSocketFrames, MemoryOfAMessageIsGivenBack) {
  static_assert(sizeof(Reader) <= 40);
  Reader reader(Role::server);
  for (const auto& next : {frame(1, std::string(5000, 'x')), frame(fin, "y")}) {
    std::string bytes = next;
    reader.input(bytes, limit);
    const Event event = reader.decode(bytes);
    EXPECT_EQ(event.payload.size(), event.kind == Event::Kind::message ? 5001u : 0u);
  }
  reader.release();
  std::string ping = frame(fin | 9, "");
  EXPECT_EQ(reader.input(ping, limit).kind, Input::Kind::packet);
}

TEST(WebSocketFrames, AfterAViolationNothingIsRead) {
  Reader reader(Role::server);
  std::string bad = frame(fin | 3, ""), good = frame(fin | 1, "a");
  EXPECT_EQ(reader.violationCode(), 0);
  EXPECT_EQ(reader.input(bad, limit).kind, Input::Kind::invalid);
  EXPECT_EQ(reader.input(good, limit).kind, Input::Kind::invalid);
  EXPECT_EQ(reader.decode(good).kind, Event::Kind::violation);
  EXPECT_EQ(reader.violationCode(), closeCode::protocolError);
}

// The reason goes into our Close frame: it must not tell how the bytes were cut.
TEST(WebSocketFrames, AViolationHasTheSameReasonWholeAndInPieces) {
  std::string text = frame(fin | 1, "ab\xff and more");
  const Input refused = Reader(Role::server).input(std::span(text).first(text.size() - 1), limit);
  EXPECT_EQ(refused.kind, Input::Kind::invalid);
  Reader whole(Role::server);
  EXPECT_EQ(whole.input(text, limit).kind, Input::Kind::packet);
  EXPECT_EQ(whole.decode(text).payload, refused.reason);
  EXPECT_EQ(refused.reason, "text is not UTF-8");
  std::string half = frame(fin | 8, "\x03");
  EXPECT_EQ(Reader(Role::server).decode(half).payload, "illegal close frame");
}

TEST(WebSocketFrames, CloseCodes) {
  const auto close = [](int code, const std::string& reason = "") {
    return frame(fin | 8, raw({code >> 8, code & 0xff}) + reason);
  };
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    EXPECT_TRUE(validCloseCode(static_cast<std::uint16_t>(code)));
    check(close(code), {"close " + std::to_string(code) + "[]"});
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    EXPECT_FALSE(validCloseCode(static_cast<std::uint16_t>(code)));
    check(close(code), {"1002"});
  }
  check(frame(fin | 8, ""), {"close 1005[]"});
  check(frame(fin | 8, "\x03"), {"1002"});
  check(close(1000, "b\xc3\xa4"), {"close 1000[b\xc3\xa4]"});
  check(close(1000, std::string(123, 'r')), {"close 1000[" + std::string(123, 'r') + "]"});
  check(close(1000, "\xc3"), {"1007"});
  check(close(1000, "\xff"), {"1007"});
}

TEST(WebSocketFrames, Writing) {
  const auto written = [](auto write) {
    std::string out = "<";
    write(out);
    return out.substr(1);
  };
  EXPECT_EQ(written([](auto& out) { appendFrame(out, Type::text, "hi"); }), raw({0x81, 2, 'h', 'i'}));
  EXPECT_EQ(written([](auto& out) { appendFrame(out, Type::binary, ""); }), raw({0x82, 0}));
  EXPECT_EQ(written([](auto& out) { appendFrame(out, Type::text, std::string(126, 'x')); }).substr(0, 4),
            raw({0x81, 126, 0, 126}));
  EXPECT_EQ(written([](auto& out) { appendFrame(out, Type::text, std::string(65536, 'x')); }).substr(0, 10),
            raw({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(written([](auto& out) { appendControl(out, opcode::pong, "p"); }), raw({0x8a, 1, 'p'}));
  EXPECT_EQ(written([](auto& out) { appendControl(out, opcode::ping, std::string(200, 'x')); }).size(), 127u);
  EXPECT_EQ(written([](auto& out) { appendClose(out, 1000, "ok"); }), raw({0x88, 4, 3, 232, 'o', 'k'}));
  for (const std::uint16_t never : {closeCode::none, closeCode::abnormal, std::uint16_t{0}, std::uint16_t{1015}}) {
    EXPECT_EQ(written([never](auto& out) { appendClose(out, never, "x"); }), raw({0x88, 0}));
  }
  std::string long_(122, 'r');
  long_ += "\xe2\x82\xac";  // cut before it, not through it
  EXPECT_EQ(written([&](auto& out) { appendClose(out, 1000, long_); }),
            raw({0x88, 124, 3, 232}) + std::string(122, 'r'));
  EXPECT_EQ(written([](auto& out) { appendClose(out, 1000, "\xff"); }), raw({0x88, 2, 3, 232}));
  EXPECT_EQ(written([](auto& out) { appendMaskedFrame(out, opcode::text, "Hello", key); }),
            raw({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
}

TEST(WebSocketFrames, MaskAtEveryOffsetAndSize) {
  const unsigned char bytes[4] = {0x11, 0x22, 0x44, 0x88};
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      std::string text(size, 'a'), expected;
      for (std::size_t i = 0; i < size; ++i) expected += static_cast<char>('a' ^ bytes[(i + offset) % 4]);
      applyMask(text.data(), size, bytes, offset);
      EXPECT_EQ(text, expected) << size << " " << offset;
    }
  }
}

TEST(WebSocketFrames, MaskKnowsWhetherTheResultIsAscii) {
  const unsigned char bytes[4] = {0x91, 0x22, 0xc4, 0x08};
  for (std::size_t size = 1; size < 150; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {  // at the end: nowhere
      std::string text(size, '~');
      if (at < size) text[at] = '\x80';
      EXPECT_EQ(asciiPrefix(text), at) << size;
      applyMask(text.data(), size, bytes, 1);
      EXPECT_EQ(applyMask(text.data(), size, bytes, 1), at == size) << size << " " << at;
    }
  }
}

struct Utf8Row {
  bool valid;
  std::string text;
};

const std::vector<Utf8Row>& utf8Rows() {
  static const std::vector<Utf8Row> rows = {
      {true, ""},
      {true, "ascii"},
      {true, std::string("a\0b", 3)},
      {true, "\x7f"},
      {true, "\xc2\x80"},
      {true, "\xdf\xbf"},
      {true, "\xe0\xa0\x80"},
      {true, "\xed\x9f\xbf"},
      {true, "\xee\x80\x80"},
      {true, "\xef\xbf\xbf"},
      {true, "\xf0\x90\x80\x80"},
      {true, "\xf4\x8f\xbf\xbf"},
      {true, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"},
      {true,
       "12345678\xe2\x82\xac"
       "12345678"},
      {false, "\x80"},
      {false, "\xbf"},
      {false, "\xc0\x80"},
      {false, "\xc1\xbf"},
      {false, "\xe0\x80\x80"},
      {false, "\xe0\x9f\xbf"},
      {false, "\xed\xa0\x80"},
      {false, "\xed\xbf\xbf"},
      {false, "\xf0\x80\x80\x80"},
      {false, "\xf0\x8f\xbf\xbf"},
      {false, "\xf4\x90\x80\x80"},
      {false, "\xf5\x80\x80\x80"},
      {false, "\xf8\x88\x80\x80\x80"},
      {false, "\xfe"},
      {false, "\xff"},
      {false, "\xc2"},
      {false, "\xe2\x82"},
      {false, "\xf0\x90\x80"},
      {false,
       "\xc2"
       "a"},
      {false,
       "\xe2\x82"
       "a"},
      {false, "\xe2\x28\xa1"},
      {false, "\xf0\x90\x28\xbc"},
      {false,
       "12345678\xff"
       "12345678"},
      {false, "1234567\xc3"},
  };
  return rows;
}

TEST(WebSocketUtf8, TablesWholeAndSplit) {
  static_assert(sizeof(Utf8Validator) <= 4);
  for (const auto& [valid, text] : utf8Rows()) {
    EXPECT_EQ(validUtf8(text), valid) << testing::PrintToString(text);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      Utf8Validator validator;
      const bool fed =
          validator.feed(std::string_view(text).substr(0, i)) && validator.feed(std::string_view(text).substr(i));
      EXPECT_EQ(fed && validator.finished(), valid) << i << testing::PrintToString(text);
    }
    check(frame(fin | 1, text), {valid ? "text[" + text + "]" : "1007"});
    check(frame(fin | 2, text), {"binary[" + text + "]"});
    for (std::size_t i = 0; i <= text.size(); ++i) {
      check(frame(1, text.substr(0, i)) + frame(fin, text.substr(i)), {valid ? "text[" + text + "]" : "1007"});
    }
  }
}

TEST(WebSocketUtf8, EndsAtTheBadByte) {
  // Text of 40000 bytes that is wrong at byte 10: refused when that byte is there, long before the frame is.
  const std::string bytes = frame(fin | 1, "0123456789\xff" + std::string(40000, 'x'));
  EXPECT_EQ(feed(bytes, {8 + 10}), Events{});
  EXPECT_EQ(feed(bytes, {8 + 11}), Events{"1007"});
  EXPECT_EQ(feed(bytes, {8 + 3, 8 + 10, 8 + 11}), Events{"1007"});
  EXPECT_EQ(feed(frame(1, "\xf4") + frame(0, "\x90\x80\x80").substr(0, 7), {7 + 7}), Events{"1007"});
}

}  // namespace
}  // namespace artel::websocket
