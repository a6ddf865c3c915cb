// permessage-deflate: the negotiation of both sides, the RFC's examples, broken and hostile data, contexts and their
// memory.
#include "src/protocol/websocket_deflate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace artel::websocket {
namespace {

constexpr std::size_t limit = 1 << 20;
using Outcome = Inflater::Outcome;

std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  return bytes;
}

// What a server answers.
std::string answerTo(std::string_view offers, bool keep = true) {
  const auto agreed = chooseDeflate(offers, keep);
  return agreed ? deflateAnswer(*agreed).substr(18) : "declined";
}

TEST(Deflate, OffersAreTaken) {
  EXPECT_EQ(answerTo("permessage-deflate"), "");
  EXPECT_EQ(answerTo("permessage-deflate; client_max_window_bits"), "; client_max_window_bits=12");
  EXPECT_EQ(answerTo("permessage-deflate; client_max_window_bits=15"), "; client_max_window_bits=12");
  EXPECT_EQ(answerTo("permessage-deflate; client_max_window_bits=9"), "; client_max_window_bits=9");
  EXPECT_EQ(answerTo("permessage-deflate; client_max_window_bits=8"), "; client_max_window_bits=8");
  EXPECT_EQ(answerTo("permessage-deflate; server_max_window_bits=15"), "; server_max_window_bits=12");
  EXPECT_EQ(answerTo("permessage-deflate; server_max_window_bits=10"), "; server_max_window_bits=10");
  EXPECT_EQ(answerTo("permessage-deflate; server_max_window_bits=\"10\""), "; server_max_window_bits=10");
  EXPECT_EQ(answerTo("permessage-deflate; server_max_window_bits=\"1\\0\""), "; server_max_window_bits=10");
  EXPECT_EQ(answerTo("permessage-deflate; server_no_context_takeover"), "; server_no_context_takeover");
  EXPECT_EQ(answerTo("permessage-deflate; client_no_context_takeover"), "; client_no_context_takeover");
  EXPECT_EQ(answerTo("permessage-deflate; server_max_window_bits=11; client_max_window_bits", false),
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; "
            "client_max_window_bits=12");
}

TEST(Deflate, BadOffersAreDeclinedAndTheNextIsLookedAt) {
  for (const char* bad : {"x-webkit-deflate-frame",
                          "Permessage-Deflate",
                          "permessage-deflate; server_max_window_bits",
                          "permessage-deflate; server_max_window_bits=010",
                          "permessage-deflate; server_max_window_bits=08",
                          "permessage-deflate; server_max_window_bits=\"010\"",
                          "permessage-deflate; server_max_window_bits=0",
                          "permessage-deflate; server_max_window_bits=7",
                          "permessage-deflate; server_max_window_bits=16",
                          "permessage-deflate; server_max_window_bits=100",
                          "permessage-deflate; server_max_window_bits=4294967304",
                          "permessage-deflate; server_max_window_bits=+9",
                          "permessage-deflate; server_max_window_bits=9.0",
                          "permessage-deflate; server_max_window_bits=0x9",
                          "permessage-deflate; server_max_window_bits=ten",
                          "permessage-deflate; client_max_window_bits=7",
                          "permessage-deflate; client_max_window_bits=16",
                          "permessage-deflate; client_max_window_bits=012",
                          "permessage-deflate; client_max_window_bits=\"16\"",
                          "permessage-deflate; server_no_context_takeover=1",
                          "permessage-deflate; client_no_context_takeover=true",
                          "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                          "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                          "permessage-deflate; client_max_window_bits; client_max_window_bits",
                          "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
                          "permessage-deflate; client_max_window_bits=9; client_max_window_bits",
                          "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
                          "permessage-deflate; unknown",
                          "permessage-deflate; unknown=1",
                          "permessage-deflate; Server_Max_Window_Bits=9"}) {
    EXPECT_EQ(answerTo(bad), "declined") << bad;
    EXPECT_EQ(answerTo(std::string(bad) + ", other, permessage-deflate; server_max_window_bits=9"),
              "; server_max_window_bits=9")
        << bad;
  }
  EXPECT_EQ(answerTo(""), "declined");
  EXPECT_EQ(answerTo("permessage-deflate; ="), "declined") << "and the handshake refuses it";
  EXPECT_EQ(answerTo("permessage-deflate, permessage-deflate; server_max_window_bits=9"), "") << "the first good one";
}

TEST(Deflate, AClientReadsTheAnswer) {
  const auto agreed = [](std::string_view answer) {
    const auto read = readDeflateAnswer(answer);
    EXPECT_TRUE(read.valid && read.agreed) << answer;
    return read.agreed.value_or(DeflateAgreement{});
  };
  EXPECT_EQ(agreed("permessage-deflate"), (DeflateAgreement{true, true, 15, 15}));
  EXPECT_EQ(agreed("permessage-deflate; server_max_window_bits=12; client_max_window_bits=\"9\""),
            (DeflateAgreement{true, true, 12, 9}));
  EXPECT_EQ(agreed("permessage-deflate; server_no_context_takeover"), (DeflateAgreement{false, true, 15, 15}));
  EXPECT_EQ(agreed("permessage-deflate; client_no_context_takeover"), (DeflateAgreement{true, false, 15, 15}));
  EXPECT_TRUE(readDeflateAnswer("").valid);
  EXPECT_FALSE(readDeflateAnswer("").agreed) << "declined";
  for (const char* bad :
       {"other", "permessage-deflate, permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=16", "permessage-deflate; x",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover", ";"})
    EXPECT_FALSE(readDeflateAnswer(bad).valid) << bad;
  // What we offer is an offer that we would take, whole or piece by piece.
  for (const bool keep : {true, false}) {
    const auto chosen = chooseDeflate(deflateOffer, keep);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(agreed(deflateAnswer(*chosen)), *chosen);
  }
}

struct Inflated {
  Outcome outcome;
  std::string text;
};
// A whole message, in pieces of that size.
Inflated inflate(Inflater& inflater, std::string_view message, std::size_t most = limit, std::size_t piece = 0,
                 utf8::Validator* text = nullptr) {
  Inflated result{Outcome::ok, {}};
  for (std::size_t at = 0; at < message.size() && result.outcome == Outcome::ok;
       at += piece == 0 ? message.size() : piece)
    result.outcome = inflater.feed(message.substr(at, piece == 0 ? message.npos : piece), result.text, most, text);
  if (result.outcome == Outcome::ok) result.outcome = inflater.finish(result.text, most, text);
  EXPECT_LE(result.text.size(), most);
  return result;
}
std::string inflated(Inflater& inflater, std::string_view message, std::size_t piece = 0) {
  const auto result = inflate(inflater, message, limit, piece);
  EXPECT_EQ(result.outcome, Outcome::ok);
  return result.text;
}

TEST(Deflate, ExamplesOfTheRfc) {
  for (const std::size_t piece : {0u, 1u, 2u, 3u}) {
    Inflater inflater(15);
    const std::string hello = raw({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
    EXPECT_EQ(inflated(inflater, hello, piece), "Hello");                                // section 7.2.3.1
    EXPECT_EQ(inflated(inflater, raw({0xf2, 0x00, 0x11, 0x00, 0x00}), piece), "Hello");  // 7.2.3.2
    const std::string stored = raw({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00});
    EXPECT_EQ(inflated(inflater, stored, piece), "Hello");  // 7.2.3.3
    const std::string final = raw({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00});
    EXPECT_EQ(inflated(inflater, final, piece), "Hello");  // 7.2.3.4
    const std::string two = raw({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00});
    EXPECT_EQ(inflated(inflater, two, piece), "Hello");     // 7.2.3.5
    EXPECT_EQ(inflated(inflater, raw({0x00}), piece), "");  // 7.2.3.6
    EXPECT_EQ(inflated(inflater, hello, piece), "Hello");
  }
}

TEST(Deflate, BlocksThatSayTheyAreTheLast) {
  const std::string final = raw({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  Inflater inflater(15);
  EXPECT_EQ(inflated(inflater, final), "Hello") << "without the zero byte behind it";
  EXPECT_EQ(inflated(inflater, final + final + raw({0})), "HelloHello") << "several streams in one message";
  EXPECT_EQ(inflated(inflater, raw({0xf2, 0x00, 0x11, 0x00, 0x00})), "Hello") << "the window outlives them";
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += raw({0x03, 0x00});  // empty last blocks
  EXPECT_EQ(inflated(inflater, many + final), "Hello");
  Inflater fresh(15);
  EXPECT_EQ(inflate(fresh, raw({0xf2, 0x00, 0x11, 0x00, 0x00})).outcome, Outcome::corrupt)
      << "refers to what was never sent";
}

TEST(Deflate, EmptyMessages) {
  Inflater inflater(12);
  EXPECT_EQ(inflated(inflater, ""), "") << "as zlib makes of the second empty message in a row";
  EXPECT_EQ(inflated(inflater, raw({0})), "");
  EXPECT_EQ(inflated(inflater, raw({0x02, 0x00})), "");
  EXPECT_EQ(inflated(inflater, raw({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
}

TEST(Deflate, BrokenData) {
  const std::string hello = raw({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  for (const std::string& bad :
       {raw({0x06}), raw({0xff, 0xff, 0xff, 0xff}), std::string("this is no deflate"),
        raw({0x00, 0x05, 0x00, 0x00, 0x00, 'a'}), hello.substr(0, 4), raw({0x00, 0x50, 0x00, 0xaf, 0xff, 'a'})}) {
    for (const std::size_t piece : {0u, 1u}) {
      Inflater inflater(15);
      EXPECT_EQ(inflate(inflater, bad, limit, piece).outcome, Outcome::corrupt) << testing::PrintToString(bad);
    }
  }
}

TEST(Deflate, ABombEndsAtTheLimit) {
  Deflater deflater(12);
  std::string bomb;
  deflater.message(std::string(50'000'000, '\0'), bomb);
  ASSERT_LT(bomb.size(), 500'000u);
  for (const std::size_t most : {0u, 1u, 1000u, 100'000u}) {
    for (const std::size_t piece : {0u, 7u}) {
      Inflater inflater(12);
      const auto result = inflate(inflater, bomb, most, piece);
      EXPECT_EQ(result.outcome, Outcome::tooBig);
      EXPECT_LE(result.text.capacity(), std::max<std::size_t>(most, 15)) << "nor is there memory for more";
    }
  }
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 8191u, 8192u, 8193u}) {
    std::string exact;
    Deflater(12).message(noise(size), exact);
    Inflater inflater(12);
    EXPECT_EQ(inflate(inflater, exact, size).outcome, Outcome::ok) << size;
    Inflater another(12);
    if (size == 0) continue;
    EXPECT_EQ(inflate(another, exact, size - 1).outcome, Outcome::tooBig) << size;
  }
}

TEST(Deflate, WhatIsBrokenBehindTheLimitIsTooBig) {
  const std::string hello = raw({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}), broken = hello + raw({1, 2, 3, 4});
  for (const std::size_t piece : {0u, 1u}) {  // however it comes
    Inflater inflater(15), another(15);
    EXPECT_EQ(inflate(inflater, broken, 4, piece).outcome, Outcome::tooBig) << piece;
    EXPECT_EQ(inflate(another, broken, 5, piece).outcome, Outcome::corrupt) << piece;
  }
}

TEST(Deflate, TextIsLookedAtWhileItIsInflated) {
  std::string bad;
  Deflater(12).message("good so far \xff" + noise(300'000), bad);
  Inflater inflater(12);
  utf8::Validator text;
  const auto result = inflate(inflater, bad, limit, 0, &text);
  EXPECT_EQ(result.outcome, Outcome::notText);
  EXPECT_LT(result.text.size(), 10'000u) << "the rest was not inflated";
  std::string half;
  Deflater(12).message("caf\xc3", half);
  utf8::Validator again;
  Inflater other(12);
  EXPECT_EQ(inflate(other, half, limit, 0, &again).outcome, Outcome::notText) << "ends inside a character";
}

TEST(Deflate, EveryWindowRoundTrips) {
  for (int window = 9; window <= 15; ++window) {
    Deflater deflater(window);
    Inflater inflater(window);  // no wider than agreed: a reference further back would be an error
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "{\"id\":" + std::to_string(i * 7919 % 1000) + ",\"name\":\"artel\"}";
    for (const std::string& message :
         {text, noise(100'000), text, std::string(1, 'x'), std::string(70'000, 'y'), text}) {
      std::string sent;
      deflater.message(message, sent);
      EXPECT_EQ(inflated(inflater, sent, 1 + sent.size() / 3), message) << window;
    }
  }
}

std::string sentBy(Compression& side, std::string_view message, bool& compressed) {
  const auto smaller = side.deflate(message);
  compressed = smaller.has_value();
  std::string out(smaller.value_or(message));
  side.sent(true);
  return out;
}

std::string receivedBy(Compression& side, std::string_view bytes, bool compressed) {
  if (!compressed) return std::string(bytes);
  std::string out;
  EXPECT_EQ(side.inflater().feed(bytes, out, limit, nullptr), Outcome::ok);
  EXPECT_EQ(side.inflater().finish(out, limit, nullptr), Outcome::ok);
  side.messageEnds();
  return out;
}

TEST(Deflate, BothSidesUnderEveryAgreement) {
  const std::string json = "{\"type\":\"position\",\"x\":12.5,\"y\":-3.25,\"name\":\"somebody\",\"room\":\"lobby\"}";
  for (const bool serverKeeps : {true, false})
    for (const bool clientKeeps : {true, false})
      for (const int window : {8, 9, 12, 15}) {
        const auto bits = static_cast<std::uint8_t>(window);
        const DeflateAgreement agreement{serverKeeps, clientKeeps, bits, bits};
        Compression server(Role::server, agreement), client(Role::client, agreement);
        EXPECT_EQ(server.inflatesPieces(), clientKeeps);
        EXPECT_EQ(client.inflatesPieces(), serverKeeps);
        std::size_t first = 0, again = 0;
        for (const std::string& message :
             {json, json, std::string(), std::string("ab"), noise(5000), std::string(9000, 'z'), json}) {
          bool compressed = false;
          const auto down = sentBy(server, message, compressed);
          if (first == 0) {
            first = down.size();
          } else if (again == 0) {
            again = down.size();
          }
          EXPECT_TRUE(!compressed || (window > 8 && message.size() >= 6)) << "zlib cannot, or it would not help";
          EXPECT_TRUE(serverKeeps || down.size() <= message.size());
          EXPECT_EQ(receivedBy(client, down, compressed), message);
          const auto up = sentBy(client, message, compressed);
          EXPECT_EQ(receivedBy(server, up, compressed), message);
        }
        EXPECT_TRUE(window > 8 ? first < json.size() : first == json.size());
        EXPECT_TRUE(serverKeeps && window > 8 ? again < first / 2 : again == first) << "what was said is remembered";
      }
}

TEST(Deflate, AFrameThatWasNotSentLeavesNoTrace) {
  const DeflateAgreement agreement{true, true, 12, 12};
  Compression server(Role::server, agreement), client(Role::client, agreement);
  bool compressed = false;
  const std::string text = "the same words, the same words, the same words";
  EXPECT_EQ(receivedBy(client, sentBy(server, text, compressed), true), text);
  server.deflate("something else, something else, something else");
  server.sent(false);
  EXPECT_EQ(receivedBy(client, sentBy(server, "and something else, and something else", compressed), true),
            "and something else, and something else");
}

TEST(Deflate, WhatIsKeptIsCounted) {
  const std::size_t before = Compression::kept();
  const DeflateAgreement agreement{true, true, 15, 12};
  {
    Compression one(Role::server, agreement), two(Role::server, agreement);
    EXPECT_EQ(Compression::kept() - before, 2 * Compression::cost(Role::server, agreement));
  }
  EXPECT_EQ(Compression::kept(), before);
  EXPECT_EQ(Compression::cost(Role::server, {false, false, 12, 12}), 0u);
  EXPECT_LT(Compression::cost(Role::server, {true, true, 12, 12}), 44u * 1024);
  EXPECT_GT(Compression::cost(Role::server, {true, true, 12, 15}), 32u * 1024);
  EXPECT_EQ(Compression::cost(Role::server, {true, false, 9, 15}),
            Compression::cost(Role::client, {false, true, 15, 9}));
}

}  // namespace
}  // namespace artel::websocket
