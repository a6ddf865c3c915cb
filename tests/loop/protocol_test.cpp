// Custom protocols (manual 1.7.2), text and frame on the wire (1.17.6, 1.17.7).
#include <gtest/gtest.h>

#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

/// Lines with a counter: state of the connection.
struct Counted {
  struct Message {
    int number;
    std::string text;
  };
  Input input(std::string_view bytes, Peer& peer) {
    if (bytes[0] == '#') return Input::skip(1);  // a keep-alive of this protocol
    if (bytes.substr(0, 5) == "skip ") return Input::skip(bytes[5] == '0' ? 0 : bytes.size() + 1);
    if (bytes.substr(0, 3) == "bad") return Input::invalid("bad was said");
    if (bytes.substr(0, 5) == "throw") throw std::runtime_error("input threw");
    if (bytes.substr(0, 4) == "huge") return Input::packet(peer.packageLimit() + 1);
    const auto end = bytes.find('\n');
    return end == std::string_view::npos ? Input::needMore() : Input::packet(end + 1);
  }
  Message decode(std::string_view packet, Peer&) {
    if (packet == "decode\n") throw std::runtime_error("decode threw");
    return {++count, std::string(packet.substr(0, packet.size() - 1))};
  }
  void encode(const Message& message, Peer&, std::string& out) { out += std::to_string(message.number) + message.text; }
  void encode(std::string_view text, Peer&, std::string& out) {
    if (text == "encode") throw std::runtime_error("encode threw");
    if (!text.empty()) out.append(text).append("\n");
  }
  int count = 0;
};

struct Told {
  using Message = std::string_view;
  static inline std::string order;
  Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
  std::string_view decode(std::string_view packet, Peer&) { return packet; }
  void encode(std::string_view message, Peer&, std::string& out) { out += message; }
  void onConnect(Peer& peer) {
    order += "protocolConnect ";
    peer.sendRaw("hello");
  }
  void onClose(Peer& peer) {
    order += "protocolClose";
    EXPECT_TRUE(peer.closing());
  }
};

/// Neither would the bytes behind be where the protocol believes them.
TEST(Protocol, SkippingNothingOrMoreThanThereIsEndsIt) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  int messages = 0;
  worker.onMessage = [&](TcpConnection&, const Counted::Message&) { ++messages; };
  World world(worker);
  for (const char* bytes : {"skip 0", "skip 1"}) {
    Client client(world);
    client.send(std::string(bytes) + "\nnext\n");
    world.until([&] { return client.ended(); });
  }
  EXPECT_EQ(messages, 0);
}

TEST(Protocol, ByObjectWithStateOfEachConnection) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  worker.onMessage = [](TcpConnection& c, const Counted::Message& m) { c.send(m); };
  World world(worker);
  Client one(world), two(world);
  one.send("a\nb\n");
  two.send("#c\n##");
  world.until([&] { return one.received == "1a2b" && two.received == "1c"; });
}

TEST(Protocol, ByScheme) {
  registerProtocol("Counted", protocol<Counted>());
  Worker worker("counted://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, const Counted::Message& m) { c.send(m.text); };
  World world(worker);
  Client client(world);
  client.send("a\n");
  world.until([&] { return client.received == "a\n"; });
  EXPECT_THROW(registerProtocol("1x", protocol<Counted>()), SetupError);
  EXPECT_THROW(registerProtocol("", protocol<Counted>()), SetupError);
  for (const char* taken : {"tcp", "udp", "unix", "ssl", "tls", "ws", "WSS", "https"})
    EXPECT_THROW(registerProtocol(taken, protocol<Counted>()), SetupError) << taken;
}

TEST(Protocol, SplitAtEveryByteAndGlued) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  std::vector<std::string> seen;
  worker.onMessage = [&](TcpConnection&, const Counted::Message& m) { seen.push_back(m.text); };
  World world(worker);
  const std::string bytes = "one\n#two\n\nthree\n";
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    seen.clear();
    Client client(world);
    client.send(bytes.substr(0, at));
    world.settle();
    client.send(bytes.substr(at));
    ASSERT_TRUE(world.until([&] { return seen.size() == 4; }));
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two", "", "three"})) << at;
  }
}

TEST(Protocol, IllegalBytesEndTheConnectionButNotTheProcess) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  int closes = 0, errors = 0, messages = 0;
  worker.onMessage = [&](TcpConnection&, const Counted::Message&) { ++messages; };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  worker.onError = [&](TcpConnection&, const Error&) { ++errors; };
  World world(worker);
  int expected = 0;
  worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 1000; };
  // `huge` announces one byte too much: refused at once, not when it has arrived. The last one says nothing for too
  // long.
  for (const std::string& bytes :
       {std::string("a\nbad"), std::string("throw"), std::string("huge"), std::string(1001, 'x')}) {
    Client client(world);
    client.send(bytes);
    ASSERT_TRUE(world.until([&] { return client.ended(); })) << bytes;
    world.until([&] { return closes == expected + 1; });
    ++expected;
  }
  EXPECT_EQ(messages, 1);
  EXPECT_EQ(errors, 0);
  EXPECT_TRUE(Worker::isRunning());
}

TEST(Protocol, AnEmptyEncodingIsQueuedAndOneThatThrowsReachesTheCaller) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  worker.onMessage = [](TcpConnection& c, const Counted::Message&) {
    EXPECT_EQ(c.send(""), SendStatus::queued);
    EXPECT_THROW(c.send("encode"), std::runtime_error);
    EXPECT_EQ(c.send(http::Response{}), SendStatus::dropped);
    EXPECT_EQ(c.sendRaw("raw "), SendStatus::sent);
    EXPECT_EQ(c.send("ok"), SendStatus::sent);
  };
  World world(worker);
  Client client(world);
  client.send("a\n");
  world.until([&] { return client.received == "raw ok\n"; });
}

TEST(Protocol, AnExceptionInDecodeIsOneOfACallback) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Counted>();
  World world(worker);
  Client client(world);
  client.send("decode\n");
  world.until([&] { return !Worker::isRunning(); });
  client.close();
  world.until([&] { return world.process().done(); });
  EXPECT_EQ(world.process().exitCode(), 250);
}

TEST(Protocol, OnConnectAndOnCloseComeAfterTheUsers) {
  Told::order.clear();
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Told>();
  worker.onConnect = [](TcpConnection&) { Told::order += "userConnect "; };
  worker.onClose = [](TcpConnection&) { Told::order += "userClose "; };
  World world(worker);
  {
    Client client(world);
    world.until([&] { return client.received == "hello"; });
  }
  world.until([&] { return worker.connections().empty(); });
  EXPECT_EQ(Told::order, "userConnect protocolConnect userClose protocolClose");
}

TEST(Protocol, OnCloseComesOnlyWhereOnConnectCame) {
  for (const bool byUser : {true, false}) {
    Told::order.clear();
    Worker worker("tcp://127.0.0.1:0");
    worker.protocol = protocol<Told>();
    int closes = 0;
    worker.onConnect = [&](TcpConnection& c) {
      if (byUser) c.destroy();
    };
    worker.onClose = [&](TcpConnection&) { ++closes; };
    World world(worker);
    Client client(world);
    if (!byUser) {
      world.until([&] { return client.received == "hello"; });
      client.close();
    }
    world.until([&] { return closes == 1; });
    EXPECT_EQ(Told::order, byUser ? "" : "protocolConnect protocolClose");
  }
}

TEST(Protocol, AProtocolThatIsSetLaterHearsOfNeither) {
  Told::order.clear();
  Worker worker("tcp://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view text) {
    if (text != "switch") return;
    c.protocol = protocol<Told>();
    c.send("switched");
  };
  World world(worker);
  {
    Client client(world);
    client.send("switch");
    world.until([&] { return client.received == "switched"; });
  }
  world.until([&] { return worker.connections().empty(); });
  EXPECT_EQ(Told::order, "");
}

struct OwnText {
  using Message = std::string_view;
  static Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
  static std::string_view decode(std::string_view packet, Peer&) { return packet; }
  static void encode(std::string_view message, Peer&, std::string& out) { out += message; }
};

/// A protocol of the user's that is called like one of ours may speak whatever it likes.
TEST(Protocol, AUsersOwnTextMayLookLikeHttp) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = Protocol("text", protocol<OwnText>().factory());
  worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.1\r\n\r\n");
  world.until([&] { return client.received == "GET / HTTP/1.1\r\n\r\n"; });
}

TEST(Protocol, TheLimitIsExact) {
  const auto frame = [](std::size_t size) {
    std::string bytes(size, 'x');
    for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(size >> (24 - 8 * i) & 0xff);
    return bytes;
  };
  const auto line = [](std::size_t size) { return std::string(size - 1, 'x') + "\n"; };
  for (const bool text : {true, false}) {
    Worker worker(std::string(text ? "text" : "frame") + "://127.0.0.1:0");
    std::size_t messages = 0;
    worker.onConnect = [](TcpConnection& c) { c.maxPackageSize = 5000; };
    worker.onMessage = [&](TcpConnection&, std::string_view) { ++messages; };
    World world(worker);
    Client fits(world), tooLong(world);
    fits.send(text ? line(5000) : frame(5000));
    tooLong.send(text ? line(5001) : frame(5001));
    world.until([&] { return messages == 1 && tooLong.ended(); });
    EXPECT_FALSE(fits.ended());
  }
}

TEST(Protocol, FramesOfAllSizes) {
  Worker worker("frame://127.0.0.1:0");
  std::vector<std::size_t> sizes;
  worker.onMessage = [&](TcpConnection& c, std::string_view data) {
    sizes.push_back(data.size());
    c.send(data);
  };
  World world(worker);
  Client client(world);
  std::string bytes;
  for (const std::size_t size : {0u, 1u, 65536u}) {
    const std::size_t whole = size + 4;
    for (int i = 3; i >= 0; --i) bytes += static_cast<char>(whole >> (8 * i) & 0xff);
    bytes += pattern(size);
  }
  client.send(bytes);
  world.until([&] { return client.received == bytes; });
  EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 1, 65536}));
}

TEST(Protocol, AUsersOwnTextTakesTheBuiltInOnesPlace) {
  struct Shout : Counted {
    using Message = std::string;
    std::string decode(std::string_view packet, Peer&) {
      return "own:" + std::string(packet.substr(0, packet.size() - 1));
    }
    void encode(std::string_view text, Peer&, std::string& out) { out.append(text).append("!"); }
  };
  const Protocol ours("text", resolveProtocol(Protocol("text")));
  registerProtocol("text", protocol<Shout>());
  {
    Worker worker("text://127.0.0.1:0");
    worker.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
    World world(worker);
    Client client(world);
    client.send("a\n");
    world.until([&] { return client.received == "own:a!"; });
  }
  registerProtocol("text", ours);  // for the tests that follow
}

/// Sends something of its own before each message: inside encode.
struct Announcing {
  using Message = std::string_view;
  Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
  std::string_view decode(std::string_view packet, Peer&) { return packet; }
  void encode(std::string_view text, Peer& peer, std::string& out) {
    peer.sendRaw(std::string(100'000, '-'));
    out += text;
  }
};

TEST(Protocol, AnEncodeMaySendItself) {
  Worker worker("tcp://127.0.0.1:0");
  worker.protocol = protocol<Announcing>();
  worker.onMessage = [](TcpConnection& c, std::string_view text) {
    c.send(text);
    c.send(text);
  };
  World world(worker);
  Client client(world);
  client.send("abc");
  const std::string one = std::string(100'000, '-') + "abc";
  world.until([&] { return client.received.size() >= 2 * one.size(); });
  EXPECT_EQ(client.received, one + one);
}

}  // namespace
}  // namespace artel::testing
