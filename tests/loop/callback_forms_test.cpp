// Every form of callable for callbacks (manual 1.16.37).
#include <gtest/gtest.h>

#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

std::string seen;

void freeConnection(TcpConnection&) { seen += "free "; }
void freeMessage(TcpConnection& c, std::string_view text) { c.send("free:" + std::string(text)); }
void freeNoexcept(TcpConnection& c, std::string_view) noexcept { c.send("noexcept"); }
void byString(TcpConnection& c, std::string text) { c.send("string:" + text); }

struct Service {
  void connection(TcpConnection&) { seen += name + " "; }
  void message(TcpConnection& c, std::string_view text) { c.send(name + ":" + std::string(text)); }
  void both(Connection& c, std::string_view text) { c.send(name + ":" + std::string(text)); }
  void copied(TcpConnection& c, const std::string& text) { c.send(name + "=" + text); }
  void error(TcpConnection&, const Error&) { seen += name + "-error "; }
  static void fixed(TcpConnection&) { seen += "static "; }
  std::string name = "service";
};
struct Functor {
  void operator()(TcpConnection&) { seen += "functor "; }
  void operator()(TcpConnection& c, std::string_view text) { c.send("functor:" + std::string(text)); }
};

std::string echo(MessageCallback handler) {
  Worker worker("text://127.0.0.1:0");
  worker.onMessage = std::move(handler);
  World world(worker);
  Client client(world);
  client.send("x\n");
  world.until([&] { return client.received.ends_with('\n'); });
  return client.received.substr(0, client.received.size() - 1);
}

TEST(CallbackForms, Messages) {
  Service service;
  EXPECT_EQ(echo(freeMessage), "free:x");
  EXPECT_EQ(echo(&freeMessage), "free:x");
  EXPECT_EQ(echo(freeNoexcept), "noexcept");
  EXPECT_EQ(echo(byString), "string:x");
  EXPECT_EQ(echo(Functor{}), "functor:x");
  EXPECT_EQ(echo(std::bind_front(&Service::message, &service)), "service:x");
  EXPECT_EQ(echo(std::bind_front(&Service::copied, &service)), "service=x");
  EXPECT_EQ(echo(std::bind_front(&Service::both, std::ref(service))), "service:x");
  EXPECT_EQ(echo([&](TcpConnection& c, std::string_view text) { service.message(c, text); }), "service:x");
  EXPECT_EQ(echo([](auto& c, std::string_view text) { c.send("auto:" + std::string(text)); }), "auto:x");
  EXPECT_EQ(echo([p = std::make_unique<int>(7)](TcpConnection& c, std::string_view) { c.send(std::to_string(*p)); }),
            "7");
  EXPECT_EQ(echo([n = 0](TcpConnection& c, const std::string&) mutable { c.send(std::to_string(++n)); }), "1");
  EXPECT_EQ(echo(std::function<void(TcpConnection&, std::string_view)>(freeMessage)), "free:x");
}

TEST(CallbackForms, ConnectionCallbacks) {
  Service service;
  const std::pair<Callback<void(TcpConnection&)>, const char*> table[] = {
      {freeConnection, "free "},
      {&Service::fixed, "static "},
      {std::bind_front(&Service::connection, &service), "service "},
      {Functor{}, "functor "},
      {[p = std::make_unique<int>(1)](TcpConnection&) { seen += "move-only "; }, "move-only "},
      {[](Connection&) { seen += "base "; }, "base "},
  };
  for (const auto& [callback, expected] : table) {
    Worker worker("text://127.0.0.1:0");
    seen.clear();
    worker.onConnect = callback;
    worker.onClose = callback;
    worker.onBufferFull = callback;
    worker.onBufferDrain = callback;
    worker.onError = std::bind_front(&Service::error, &service);
    World world(worker);
    {
      Client client(world);
      client.keep(false);
      ASSERT_TRUE(world.until([&] { return !worker.connections().empty(); }));
      EXPECT_EQ(seen, expected) << "onConnect";
      seen.clear();
      world.first().send(std::string(20'000'000, 'x'));
      world.first().send("dropped");
      const std::string both = std::string(expected) + "service-error " + expected;
      world.until([&] { return seen == both; });
      seen.clear();
    }
    world.until([&, expected = expected] { return seen == expected; });
  }
}

TEST(CallbackForms, TheSecondParameterPicksTheMessage) {
  EXPECT_TRUE(MessageCallback([](TcpConnection&, std::string_view) {}).takes<std::string_view>());
  EXPECT_TRUE(MessageCallback([](TcpConnection&, std::string) {}).takes<std::string_view>());
  EXPECT_TRUE(MessageCallback([](TcpConnection&, const http::Request&) {}).takes<http::Request>());
  EXPECT_TRUE(MessageCallback([](auto&, const http::Request&) {}).takes<http::Request>());
  EXPECT_TRUE(MessageCallback([](TcpConnection&, const websocket::Message&) {}).takes<websocket::Message>());
  EXPECT_TRUE(MessageCallback([](TcpConnection&, websocket::Message) {}).takes<websocket::Message>());
  EXPECT_EQ(MessageCallback([](UdpConnection&, std::string_view) {}).peerKind(), detail::PeerKind::udp);
  EXPECT_EQ(MessageCallback([](Connection&, std::string_view) {}).peerKind(), detail::PeerKind::any);
  EXPECT_EQ(MessageCallback([](TcpConnection&, std::string_view) {}).peerKind(), detail::PeerKind::tcp);
}

TEST(CallbackForms, EmptyOnes) {
  EXPECT_FALSE(MessageCallback());
  EXPECT_FALSE(MessageCallback(nullptr));
  void (*none)(TcpConnection&, std::string_view) = nullptr;
  EXPECT_FALSE(MessageCallback(none));
  EXPECT_FALSE(MessageCallback(std::function<void(TcpConnection&, std::string_view)>()));
  void (*nothing)(TcpConnection&) = nullptr;
  EXPECT_FALSE(Callback<void(TcpConnection&)>(nothing));
  EXPECT_FALSE(Callback<void(TcpConnection&)>(std::function<void(TcpConnection&)>()));
}

TEST(CallbackForms, WhatACallbackReturnsIsIgnored) {
  Worker worker("text://127.0.0.1:0");
  worker.onConnect = [](TcpConnection& c) { return c.send("welcome"); };
  World world(worker);
  Client client(world);
  world.until([&] { return client.received == "welcome\n"; });
}

TEST(CallbackForms, CopiesShareTheClosure) {
  int value = 0;
  auto alive = std::make_shared<int>(0);
  Callback<void()> one = [&value, alive, n = 0]() mutable { value = ++n; };
  Callback<void()> two = one;
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_EQ(one, two);
  one();
  two();
  EXPECT_EQ(value, 2);
  one = nullptr;
  two();
  EXPECT_EQ(value, 3);
  two = [] {};
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace artel::testing
