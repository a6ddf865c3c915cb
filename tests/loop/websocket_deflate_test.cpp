// permessage-deflate on real connections: the switch, the memory of the process, bombs, and no allocation per message.
#include <gtest/gtest.h>

#include <memory>

#include "src/protocol/websocket_deflate.hpp"
#include "src/protocol/websocket_frames.hpp"
#include "tests/loop/count_new.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

using websocket::Compression;
using websocket::DeflateAgreement;
using websocket::Role;
namespace opcode = websocket::opcode;

std::string hello(const std::string& offers = "permessage-deflate; client_max_window_bits") {
  return "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: " +
         offers + "\r\n\r\n";
}

std::string compressed(Compression& client, std::uint8_t code, std::string_view text) {
  std::string bytes;
  const auto smaller = client.deflate(text);
  EXPECT_TRUE(smaller);
  websocket::appendMaskedFrame(bytes, code | opcode::compressed, smaller.value_or(""), 0x01020304);
  return bytes;
}

/// The answer to the handshake, as soon as it is there; what follows it stays.
std::string takeAnswer(World& world, Client& client) {
  world.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
  const auto end = client.received.find("\r\n\r\n") + 4;
  const std::string head = client.received.substr(0, end);
  client.received.erase(0, end);
  return head;
}

std::string extensionOf(const std::string& head) {
  const std::string name = "Sec-WebSocket-Extensions: ";
  const auto at = head.find(name);
  return at == std::string::npos ? "none" : head.substr(at + name.size(), head.find("\r\n", at) - at - name.size());
}

const DeflateAgreement usual{true, true, 15, 12};

struct Echo {
  Echo() : worker("websocket://127.0.0.1:0") {
    worker.websocketDeflate = true;
    worker.onMessage = [](TcpConnection& c, const websocket::Message& m) { c.send(m); };
  }
  Worker worker;
};

struct Budget {
  explicit Budget(std::size_t bytes) { Worker::deflateMemory = bytes; }
  ~Budget() { Worker::deflateMemory = std::size_t{64} << 20; }
};

TEST(WebSocketDeflate, OffUnlessSwitchedOn) {
  Echo echo;
  echo.worker.websocketDeflate = false;
  World world(echo.worker);
  Client client(world);
  Compression fake(Role::client, usual);
  client.send(hello() + compressed(fake, opcode::text, "compressed all the same, compressed all the same"));
  EXPECT_EQ(extensionOf(takeAnswer(world, client)), "none");
  world.until([&] { return client.ended(); });
  std::string expected;
  websocket::appendClose(expected, websocket::closeCode::protocolError, "reserved bit set without an extension");
  EXPECT_EQ(client.received, expected);
}

TEST(WebSocketDeflate, ABrokenHeaderIsNoHandshake) {
  Echo echo;
  World world(echo.worker);
  Client broken(world), declined(world);
  broken.send(hello("permessage-deflate; ="));
  world.until([&] { return broken.ended(); });
  EXPECT_EQ(broken.received.substr(0, 12), "HTTP/1.1 400");
  declined.send(hello("permessage-deflate; server_max_window_bits=010"));
  EXPECT_EQ(extensionOf(takeAnswer(world, declined)), "none");
}

TEST(WebSocketDeflate, EchoesAsCompressed) {
  Echo echo;
  World world(echo.worker);
  Client client(world);
  Compression mine(Role::client, usual), server(Role::server, usual);
  const std::string text(3000, 'a');
  client.send(hello());
  client.send(compressed(mine, opcode::text, text));
  client.send(compressed(mine, opcode::binary, text));
  EXPECT_EQ(extensionOf(takeAnswer(world, client)), "permessage-deflate; client_max_window_bits=12");
  std::string expected;
  websocket::appendFrame(expected, websocket::Type::text, text, server);
  websocket::appendFrame(expected, websocket::Type::binary, text, server);
  world.until([&] { return client.received.size() >= expected.size(); });
  EXPECT_EQ(client.received, expected);
  EXPECT_LT(expected.size(), 200u);
}

TEST(WebSocketDeflate, BeyondTheMemoryOfTheProcessNothingIsKept) {
  Echo echo;
  const std::size_t before = Compression::kept();
  const Budget budget(before + 2 * Compression::cost(Role::server, usual) + 1000);
  World world(echo.worker);
  ConnectionPtr held;
  {
    Client one(world), two(world), three(world), four(world), none(world);
    const std::string kept = "permessage-deflate; client_max_window_bits=12";
    const std::string borrowed =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=12";
    const auto answer = [&](Client& client) {
      client.send(hello());
      return extensionOf(takeAnswer(world, client));
    };
    EXPECT_EQ(answer(one), kept);
    EXPECT_EQ(answer(two), kept);
    EXPECT_EQ(answer(three), borrowed);
    EXPECT_EQ(answer(four), borrowed);
    EXPECT_LE(Compression::kept(), Worker::deflateMemory);
    // Those who have none speak all at once, in fragments, and are not mixed up.
    const DeflateAgreement forgetful{false, false, 15, 12};
    Compression mine(Role::client, forgetful), server(Role::server, forgetful);
    std::string expected[2];
    Client* clients[] = {&three, &four};
    std::string rest[2];
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string text(1000 + i, static_cast<char>('a' + i));
      const std::string payload(mine.deflate(text).value_or(""));
      std::string begun;
      websocket::appendMaskedFrame(begun, opcode::text | opcode::compressed, payload.substr(0, 3), 7);
      begun[0] = static_cast<char>(begun[0] & 0x7f);
      websocket::appendMaskedFrame(rest[i], opcode::continuation, payload.substr(3), 8);
      clients[i]->send(begun);
      websocket::appendFrame(expected[i], websocket::Type::text, text, server);
    }
    world.settle();
    for (std::size_t i = 0; i < 2; ++i) clients[i]->send(rest[i]);
    world.until([&] { return three.received == expected[0] && four.received == expected[1]; });
    held = world.first().share();  // which costs nothing of it
    one.close();
    world.until([&] { return echo.worker.connections().size() == 4; });
    world.settle();
    EXPECT_EQ(answer(none), kept) << "what one gave back, another one gets";
  }
  world.until([&] { return echo.worker.connections().empty(); });
  world.until([&] { return Compression::kept() == before; });
}

TEST(WebSocketDeflate, ABombEndsAtTheLimitOfAMessage) {
  Echo echo;
  int messages = 0;
  echo.worker.onMessage = [&](TcpConnection& c, std::string_view text) {
    ++messages;
    c.send(text);
  };
  World world(echo.worker);
  Client client(world);
  Compression mine(Role::client, usual), server(Role::server, usual);
  const std::string bomb = std::string(std::size_t{64} << 20, '\0');
  client.send(hello());
  client.send(compressed(mine, opcode::text, "good, good, good"));
  client.send(compressed(mine, opcode::binary, bomb));
  takeAnswer(world, client);
  largestAllocation = 0;
  world.until([&] { return client.ended(); });
  std::string expected;
  websocket::appendFrame(expected, websocket::Type::text, "good, good, good", server);
  websocket::appendClose(expected, websocket::closeCode::tooBig, "message is too large");
  EXPECT_EQ(client.received, expected);
  EXPECT_EQ(messages, 1);
  EXPECT_LE(largestAllocation, TcpConnection::defaultMaxPackageSize + 64);
}

TEST(WebSocketDeflate, NoAllocationPerMessage) {
  for (const std::size_t memory : {std::size_t{64} << 20, std::size_t{0}}) {
    const Budget budget(memory);
    Echo echo;
    World world(echo.worker);
    Client client(world);
    client.send(hello());
    const bool keeps = extensionOf(takeAnswer(world, client)).find("no_context") == std::string::npos;
    EXPECT_EQ(keeps, memory > 0);
    const DeflateAgreement agreed{keeps, keeps, 15, 12};
    Compression mine(Role::client, agreed), server(Role::server, agreed);
    const std::string text = "{\"type\":\"position\",\"x\":12.5,\"y\":-3.25,\"name\":\"somebody\",\"room\":\"lobby\"}";
    client.keep(false);
    std::uint64_t before = 0;
    std::string answer;
    for (int i = -20; i < 300; ++i) {  // the first ones fill pools
      const std::string request = compressed(mine, opcode::text, text);
      answer.clear();
      websocket::appendFrame(answer, websocket::Type::text, text, server);
      const std::size_t wanted = client.total() + answer.size();
      const std::uint64_t start = allocations;
      client.tryWrite(request);
      for (int turns = 0; client.total() < wanted && turns < 100'000; ++turns) world.settleOnce();
      ASSERT_EQ(client.total(), wanted);
      if (i >= 0) before += allocations - start;
    }
    EXPECT_EQ(before, 0u);
  }
}

// What deflateMemory counts is what is really taken.
TEST(WebSocketDeflate, TheCostIsWhatIsAllocated) {
  for (const int window : {9, 12, 15}) {
    const DeflateAgreement agreed{true, true, 12, static_cast<std::uint8_t>(window)};
    Compression client(Role::client, agreed), server(Role::server, agreed);
    std::string noise = pattern(100'000), sent;
    const std::string payload(client.deflate(noise).value_or(""));
    server.deflate("the shared memory of the process");
    Compression measured(Role::server, agreed);
    noise.reserve(200'000);
    sent.reserve(200'000);
    const std::uint64_t before = allocatedBytes;
    measured.deflate("some text, some text, some text");
    measured.inflater().feed(payload, sent, 200'000, nullptr);
    const std::uint64_t taken = allocatedBytes - before;
    EXPECT_LE(taken, Compression::cost(Role::server, agreed)) << window;
    EXPECT_GE(taken * 5 / 4, Compression::cost(Role::server, agreed)) << window;
  }
}

// What all connections without a context deflate into grows with each message, also with one that stays as it is.
TEST(WebSocketDeflate, ALargeMessageLeavesNoLargeScratch) {
  const std::string noise = pattern(1 << 20);
  Compression forgets(Role::server, DeflateAgreement{false, false, 12, 12});
  for (int round = 0; round < 2; ++round) {
    largestAllocation = 0;
    EXPECT_FALSE(forgets.deflate(noise)) << "it does not become shorter";
    EXPECT_GE(largestAllocation.load(), std::uint64_t{1} << 20) << "memory of the round before was kept: " << round;
  }
}

}  // namespace
}  // namespace artel::testing
