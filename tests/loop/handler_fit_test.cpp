// A handler that does not fit its protocol is refused, never cast (decisions §5, E06).
#include <gtest/gtest.h>

#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

struct Numbers {
  using Message = int;
  Input input(std::string_view bytes, Peer&) { return Input::packet(bytes.size()); }
  int decode(std::string_view packet, Peer&) { return static_cast<int>(packet.size()); }
};

std::string refusal(const char* address, const std::function<void(Worker&)>& set) {
  Worker worker(address);
  worker.name = "chat";
  set(worker);
  try {
    worker.core().resolve();
  } catch (const SetupError& e) {
    EXPECT_EQ(e.exit(), Exit::configuration);
    EXPECT_EQ(e.text().rfind("error[E06]", 0), 0u) << e.text();
    EXPECT_NE(e.text().find("chat"), std::string::npos) << e.text();
    EXPECT_FALSE(e.hints().empty()) << e.text();
    return e.what();
  }
  return "";
}

const auto takesText = [](TcpConnection&, std::string_view) {};
const auto takesRequest = [](TcpConnection&, const http::Request&) {};
const auto takesFrame = [](TcpConnection&, const websocket::Message&) {};
const auto takesDatagram = [](UdpConnection&, std::string_view) {};
const auto takesNumber = [](TcpConnection&, int) {};

TEST(HandlerFit, MisfitsAreRefusedWhenTheWorkerIsResolved) {
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << text << "\" has no " << part;
  };
  has(refusal("http://127.0.0.1:0", [](Worker& w) { w.onMessage = takesText; }), "not what http delivers");
  has(refusal("text://127.0.0.1:0", [](Worker& w) { w.onMessage = takesRequest; }), "http::Request");
  has(refusal("tcp://127.0.0.1:0", [](Worker& w) { w.onMessage = takesFrame; }), "websocket::Message");
  has(refusal("frame://127.0.0.1:0", [](Worker& w) { w.onMessage = takesNumber; }), "frame");
  has(refusal("udp://127.0.0.1:0", [](Worker& w) { w.onMessage = takesText; }), "TcpConnection");
  has(refusal("tcp://127.0.0.1:0", [](Worker& w) { w.onMessage = takesDatagram; }), "UdpConnection");
  has(refusal("text://127.0.0.1:0", [](Worker& w) { w.onWebSocketMessage = takesText; }), "onWebSocketMessage");
  has(refusal("http://127.0.0.1:0", [](Worker& w) { w.onWebSocketMessage = takesRequest; }), "onWebSocketMessage");
  has(refusal("websocket://127.0.0.1:0", [](Worker& w) { w.onMessage = takesRequest; }), "websocket");
  has(refusal("tcp://127.0.0.1:0",
              [](Worker& w) {
                w.protocol = protocol<Numbers>({}, "numbers");
                w.onMessage = takesText;
              }),
      "numbers");
  has(refusal("quic://127.0.0.1:0", [](Worker&) {}), "unknown scheme");
  has(refusal("http://127.0.0.1:0", [](Worker& w) { w.transport = "udp"; }), "needs tcp");
  has(refusal("text://127.0.0.1:0", [](Worker& w) { w.transport = "carrier pigeon"; }), "Bad worker->transport");
}

TEST(HandlerFit, WhatFitsIsTaken) {
  EXPECT_EQ(refusal("http://127.0.0.1:0", [](Worker& w) { w.onMessage = takesRequest; }), "");
  EXPECT_EQ(refusal("websocket://127.0.0.1:0", [](Worker& w) { w.onMessage = takesFrame; }), "");
  EXPECT_EQ(refusal("websocket://127.0.0.1:0", [](Worker& w) { w.onMessage = takesText; }), "");
  EXPECT_EQ(refusal("udp://127.0.0.1:0", [](Worker& w) { w.onMessage = takesDatagram; }), "");
  EXPECT_EQ(refusal("tcp://127.0.0.1:0",
                    [](Worker& w) {
                      w.protocol = protocol<Numbers>();
                      w.onMessage = takesNumber;
                    }),
            "");
}

TEST(HandlerFit, AConnectionsHandlerIsCheckedWhenItIsAssigned) {
  Worker worker("text://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) {
    EXPECT_THROW(c.onMessage = takesRequest, std::invalid_argument);
    EXPECT_THROW(c.onMessage = takesFrame, std::invalid_argument);
    EXPECT_THROW(c.onMessage = takesDatagram, std::invalid_argument);
    EXPECT_THROW(c.onWebSocketMessage = takesRequest, std::invalid_argument);
    EXPECT_FALSE(c.onMessage);
    c.onMessage = [](TcpConnection& self, std::string_view line) { self.send(line); };
    EXPECT_THROW(c.protocol = "http", std::invalid_argument) << "its handler takes text";
    EXPECT_EQ(c.protocol.name(), "text");
    EXPECT_THROW(c.protocol = "quic", SetupError);
  };
  World world(worker);
  Client client(world);
  client.send("still text\n");
  world.until([&] { return client.received == "still text\n"; });
}

TEST(HandlerFit, TheProtocolChangesBetweenTwoMessagesOfOneRead) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = [](TcpConnection& c, std::string_view data) {
    c.send("<" + std::string(data) + ">");
    if (data == "raw") c.protocol = "tcp";
    if (data == "frame") c.protocol = "frame";
  };
  World world(worker);
  Client client(world);
  client.send("a\nraw\nb\nc");
  world.until([&] { return client.received == "<a>\n<raw>\n<b\nc>"; });
  Client other(world);
  other.send(std::string("frame\n\0\0\0\5x", 11));
  world.until([&] { return other.received == std::string("<frame>\n\0\0\0\7<x>", 15); });
}

/// Where the process goes on after a misfit, and what it said.
struct Misfits {
  Misfits() {
    Worker::onException = [this](const std::exception_ptr& exception, Connection*) {
      try {
        std::rethrow_exception(exception);
      } catch (const std::invalid_argument& misfit) {
        said = misfit.what();
      }
      return true;
    };
  }
  ~Misfits() { Worker::onException = nullptr; }
  Misfits(const Misfits&) = delete;
  Misfits& operator=(const Misfits&) = delete;
  std::string said;
};

TEST(HandlerFit, AProtocolThatNeedsTcpIsNotTakenForDatagramsAfterTheStart) {
  Worker worker("udp://127.0.0.1:0");
  Misfits misfits;
  int messages = 0;
  worker.onMessage = [&](UdpConnection&, std::string_view) { ++messages; };
  World world(worker);
  Datagrams client(world);
  worker.protocol = "websocket";
  worker.onMessage = [&](UdpConnection&, std::string_view) { ++messages; };
  client.send("x");
  world.until([&] { return !misfits.said.empty(); });
  EXPECT_NE(misfits.said.find("needs tcp"), std::string::npos) << misfits.said;
  EXPECT_EQ(messages, 0);
}

TEST(HandlerFit, AClientsWebSocketIsNothingForOneThatWasAccepted) {
  const auto ofClient = []() -> Protocol {
    const auto client = AsyncTcpConnection::to("ws://127.0.0.1:1");
    return client->protocol.get();
  };
  Worker worker("tcp://127.0.0.1:0");
  worker.onConnect = [&](TcpConnection& c) { EXPECT_THROW(c.protocol = ofClient(), std::invalid_argument); };
  worker.onMessage = [](TcpConnection& c, std::string_view data) { c.send(data); };
  World world(worker);
  Client client(world);
  client.send("still raw");
  world.until([&] { return client.received == "still raw"; });
  EXPECT_NE(refusal("tcp://127.0.0.1:0", [&](Worker& w) { w.protocol = ofClient(); }).find("client"),
            std::string::npos);
}

TEST(HandlerFit, AHandlerAssignedAfterTheStartIsCheckedBeforeItIsCalled) {
  for (const char* address : {"http://127.0.0.1:0", "udp://127.0.0.1:0"}) {
    Worker worker(address);
    bool called = false;
    Misfits misfits;
    worker.onWorkerStart = [&](Worker& self) {
      self.onMessage = [&](TcpConnection&, std::string_view) { called = true; };
    };
    World world(worker);
    if (worker.transport == "udp") {
      Datagrams client(world);
      client.send("x");
      world.until([&] { return !misfits.said.empty(); });
    } else {
      Client client(world);
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      world.until([&] { return client.received.starts_with("HTTP/1.1 404"); });
    }
    EXPECT_NE(misfits.said.find("onMessage"), std::string::npos) << misfits.said;
    EXPECT_FALSE(called);
  }
}

}  // namespace
}  // namespace artel::testing
