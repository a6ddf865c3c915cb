// Connections over TLS: what the others do, they do, too (rows 1.8.2.5 and 1.16.31 to 1.16.33).
#include <gtest/gtest.h>

#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "tests/support/tls.hpp"

namespace artel::testing {
namespace {

struct TlsConnection : ::testing::Test {
  CertificateFiles files;
};

TEST_F(TlsConnection, TextComesAndGoes) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  std::string transport;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    transport = c.transport();
    c.send("got " + std::string(line));
  };
  World world(worker);
  SecureClient client(world);
  client.send("one\ntwo\n");
  EXPECT_TRUE(world.until([&] { return client.pump().received == "got one\ngot two\n"; }));
  EXPECT_EQ(transport, "ssl");
  EXPECT_EQ(world.first().bytesRead(), 8U) << "of the application, not of TLS";
  EXPECT_EQ(world.first().bytesWritten(), 16U);
  EXPECT_EQ(world.first().getSendBufferQueueSize(), 0U);
}

TEST_F(TlsConnection, HttpsAndItsSpelling) {
  Worker worker("https://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onMessage = [](TcpConnection& c, const http::Request& request) { c.send(std::string(request.path())); };
  World world(worker);
  EXPECT_EQ(worker.transport, "ssl");
  net::TlsSettings settings;
  settings.alpn = {"h2", "http/1.1"};
  SecureClient client(world, &settings);
  client.send("GET /secret HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(world.until([&] { return wholeAnswer(client.pump().received); }));
  EXPECT_TRUE(client.received.ends_with("/secret")) << client.received;
  EXPECT_EQ(client.session->alpn(), "http/1.1");
}

TEST_F(TlsConnection, WhatIsSentInOnConnectWaitsForTheHandshake) {
  Worker worker("tls://127.0.0.1:0");
  worker.ssl = files.options();
  std::vector<std::string> order;
  SendStatus status{};
  worker.onConnect = [&](TcpConnection& c) {
    status = c.send(std::string_view("hello"));
    order.push_back("connect " + std::to_string(c.getSendBufferQueueSize()));
  };
  worker.onMessage = [&](TcpConnection&, std::string_view data) { order.push_back("message " + std::string(data)); };
  worker.onBufferDrain = [&](TcpConnection&) { order.push_back("drain"); };
  worker.onClose = [&](TcpConnection&) { order.push_back("close"); };
  World world(worker);
  Client silent(world);
  EXPECT_TRUE(world.until([&] { return order.size() == 1; }));
  silent.close();
  EXPECT_TRUE(world.until([&] { return order.size() == 2; }));
  order.clear();
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().received == "hello"; }));
  client.send("x");
  EXPECT_TRUE(world.until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<std::string>{"connect 5", "drain", "message x"}));
  EXPECT_EQ(status, SendStatus::queued);
}

/// What waits for a handshake that never ends well must not keep the connection.
TEST_F(TlsConnection, ClosedInOnConnectEndsWhateverTheHandshakeBecomes) {
  for (const bool words : {true, false}) {
    Worker worker("text://127.0.0.1:0");
    secure(worker, files);
    worker.onConnect = [&](TcpConnection& c) { words ? c.close("busy") : c.close(); };
    int closed = 0;
    std::vector<std::string> errors;
    worker.onClose = [&](TcpConnection&) { ++closed; };
    worker.onError = [&](TcpConnection&, const Error& error) { errors.push_back(error.message); };
    World world(worker);
    {
      Client silent(world);
      EXPECT_TRUE(world.until([&] { return !worker.connections().empty(); }));
    }  // its end comes without a hello
    EXPECT_TRUE(world.until([&] { return closed == 1; })) << words;
    Client garbage(world);
    garbage.send(std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10));
    EXPECT_TRUE(world.until([&] { return worker.connections().size() == 1; }));
    garbage.close();
    EXPECT_TRUE(world.until([&] { return closed == 2; })) << words;
    SecureClient client(world);
    if (words) {
      EXPECT_TRUE(world.until([&] { return client.pump().received == "busy\n"; }));
    }
    client.pump().wire.close();
    EXPECT_TRUE(world.until([&] { return closed == 3; })) << words;
    EXPECT_TRUE(worker.connections().empty());
    if (!words) {
      EXPECT_TRUE(errors.empty()) << errors.front();
    }
  }
}

TEST_F(TlsConnection, CloseSaysSoAndThenEnds) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.onMessage = [](TcpConnection& c, std::string_view) { c.close("bye"); };
  bool closed = false;
  worker.onClose = [&](TcpConnection&) { closed = true; };
  World world(worker);
  SecureClient client(world);
  client.send("x\n");
  EXPECT_TRUE(world.until([&] { return client.pump().told() && client.wire.ended(); }));
  EXPECT_EQ(client.received, "bye\n");
  EXPECT_FALSE(closed) << "it lingers until the peer ends, too";
  client.wire.shutdown();
  EXPECT_TRUE(world.until([&] { return closed; }));
}

TEST_F(TlsConnection, APeerThatEndsIsHeardAfterItsLastMessage) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  std::string got;
  worker.onMessage = [&](TcpConnection& c, std::string_view line) {
    got += line;
    c.send("last");
  };
  bool closed = false;
  worker.onClose = [&](TcpConnection&) { closed = true; };
  World world(worker);
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().open(); }));
  client.send("x\n");
  client.end();
  EXPECT_TRUE(world.until([&] { return closed && client.pump().told(); }));
  EXPECT_EQ(got, "x");
  EXPECT_EQ(client.received, "last\n");
}

TEST_F(TlsConnection, AClientThatDoesNotReadIsLimitedAndGetsAllThatWasNotDropped) {
  Worker worker("tls://127.0.0.1:0");
  worker.ssl = files.options();
  int full = 0, drained = 0, dropped = 0;
  std::size_t accepted = 0, most = 0;
  worker.onBufferFull = [&](TcpConnection&) { ++full; };
  worker.onBufferDrain = [&](TcpConnection&) { ++drained; };
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    for (int i = 0; i < 100; ++i) {
      if (c.send(std::string(300'000, static_cast<char>('a' + i % 26))) == SendStatus::dropped)
        ++dropped;
      else
        accepted += 300'000;
      most = std::max(most, c.getSendBufferQueueSize());
    }
  };
  World world(worker);
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().open(); }));
  client.wire.pauseReading();
  client.send("go");
  EXPECT_TRUE(world.until([&] { return full == 1; }));
  EXPECT_GT(dropped, 10);
  EXPECT_LT(most, 1'048'576U + 2 * 300'000U + 65'536U);
  EXPECT_EQ(drained, 0);
  client.wire.resumeReading();
  EXPECT_TRUE(world.until([&] { return client.pump().received.size() >= accepted && drained == 1; }));
  EXPECT_EQ(client.received.size(), accepted);
  EXPECT_EQ(world.first().bytesWritten(), accepted);
}

TEST_F(TlsConnection, PausedItIsNotReadFromButShakesHands) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  std::string got;
  worker.onConnect = [](TcpConnection& c) { c.pauseRecv(); };
  worker.onMessage = [&](TcpConnection&, std::string_view line) { got += line; };
  World world(worker);
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().open(); }));
  client.send("x\n");
  world.forTime(20ms);
  EXPECT_EQ(got, "");
  world.first().resumeRecv();
  EXPECT_TRUE(world.until([&] { return got == "x"; }));
}

TEST_F(TlsConnection, AHalfCloseThatIsPassedOnWaitsForTheHandshake) {
  Worker worker("tls://127.0.0.1:0");
  worker.ssl = files.options();
  World world(worker);
  Worker plain("tcp://127.0.0.1:0");
  plain.listen();
  Client one(world, plain.core().address.port);
  SecureClient two(world);
  EXPECT_TRUE(world.until([&] { return plain.connections().size() == 1 && worker.connections().size() == 1; }));
  TcpConnection& left = *plain.connections().begin()->second;
  left.pipe(world.first());
  world.first().pipe(left);
  one.shutdown();
  world.forTime(20ms);
  two.send("x");
  EXPECT_TRUE(world.until([&] { return two.pump().told() && one.received == "x"; }));
}

TEST_F(TlsConnection, APlainRequestOnATlsPortIsToldSo) {
  Worker worker("https://127.0.0.1:0");
  worker.ssl = files.options();
  worker.onConnect = [](TcpConnection& c) { c.sendRaw("not for those who do not speak TLS"); };
  bool closed = false;
  worker.onClose = [&](TcpConnection&) { closed = true; };
  World world(worker);
  Client client(world);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(world.until([&] { return client.ended(); }));
  EXPECT_EQ(client.received.substr(0, 13), "HTTP/1.1 400 ");
  EXPECT_EQ(client.received.find("not for those"), std::string::npos);
  client.close();
  EXPECT_TRUE(world.until([&] { return closed; }));
  EXPECT_EQ(worker.protocolErrors(), 1U);
  SecureClient next(world);
  EXPECT_TRUE(world.until([&] { return next.pump().open(); })) << "the next one is served";
}

TEST_F(TlsConnection, OtherPlainBytesOnATlsPortAreClosed) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  World world(worker);
  Client client(world);
  client.send("hello\n");
  EXPECT_TRUE(world.until([&] { return client.ended(); }));
  EXPECT_EQ(client.received, "");
  EXPECT_EQ(worker.protocolErrors(), 1U);
}

TEST_F(TlsConnection, AFailedHandshakeGetsItsAlertAndEnds) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  int connects = 0, closes = 0, errors = 0;
  worker.onConnect = [&](TcpConnection& c) {
    ++connects;
    c.send("waits");
  };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  worker.onError = [&](TcpConnection&, const Error&) { ++errors; };
  World world(worker);
  Client client(world);
  client.send(std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10));
  EXPECT_TRUE(world.until([&] { return client.ended(); }));
  ASSERT_EQ(client.received.size(), 7U);
  EXPECT_EQ(client.received[0], 21);
  client.close();
  EXPECT_TRUE(world.until([&] { return closes == 1; }));
  EXPECT_EQ(connects, 1);
  EXPECT_EQ(errors, 0);
}

TEST_F(TlsConnection, WhoSaysNothingOrTricklesIsClosedByHandshakeTimeout) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) { c.close("waits for ever"); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  Client silent(world), trickles(world);
  trickles.send("\x16\x03");
  EXPECT_TRUE(world.until([&] { return worker.connections().size() == 2; }));
  world.tickAfter(9'500ms);
  world.settle();
  EXPECT_EQ(closes, 0);
  trickles.send("\x01");
  world.settle();
  world.tickAfter(10'500ms);
  EXPECT_TRUE(world.until([&] { return closes == 2; }));
}

TEST_F(TlsConnection, DestroyedInOnConnectItIsGone) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  int closes = 0;
  worker.onConnect = [](TcpConnection& c) { c.destroy(); };
  worker.onClose = [&](TcpConnection&) { ++closes; };
  World world(worker);
  for (int i = 1; i <= 3; ++i) {
    SecureClient client(world);
    client.send("hello\n");
    EXPECT_TRUE(world.until([&] { return client.pump().wire.ended() && closes == i; }));
  }
}

/// Its memory is bounded by a record's size, its time by bodyTimeout and what so much takes at minRate: 30 s and 64 s.
TEST_F(TlsConnection, ARecordWhoseRestDoesNotComeEndsIt) {
  Worker worker("tls://127.0.0.1:0");
  worker.ssl = files.options();
  World world(worker);
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().open() && worker.connections().size() == 1; }));
  client.wire.send(std::string("\x17\x03\x03\x40\x00", 5) + std::string(16'000, 'x'));
  EXPECT_TRUE(world.until([&] { return Conn::of(world.first()).tls()->unfinished(); }));
  world.tickAfter(0s);
  world.tickAfter(93s);
  world.settle();
  EXPECT_FALSE(client.wire.ended());
  world.tickAfter(95s);
  EXPECT_TRUE(world.until([&] { return client.wire.ended(); }));
}

/// Who sends all the time may be in the middle of a record whenever it is looked at.
TEST_F(TlsConnection, ARecordThatIsUnfinishedAfterEachMessageEndsNothing) {
  Worker worker("tls://127.0.0.1:0");
  worker.ssl = files.options();
  World world(worker);
  SecureClient client(world);
  EXPECT_TRUE(world.until([&] { return client.pump().open() && worker.connections().size() == 1; }));
  std::string record;
  const auto send = [&](std::string_view rest) {
    record.clear();
    ASSERT_TRUE(client.session->write("a message", record));
    client.wire.send(std::string(rest) + record.substr(0, 10));
  };
  send({});
  EXPECT_TRUE(world.until([&] { return Conn::of(world.first()).tls()->unfinished(); }));
  world.tickAfter(0s);
  world.forTime(3s);
  send(record.substr(10));
  EXPECT_TRUE(world.until([&] { return world.first().bytesRead() == 9; }));
  EXPECT_TRUE(Conn::of(world.first()).tls()->unfinished());
  world.tickAfter(92s);  // 95 s after the first
  world.settle();
  EXPECT_FALSE(client.wire.ended());
}

TEST_F(TlsConnection, EachKindOfFailedHandshakeHasItsLine) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  World world(worker);
  ::testing::internal::CaptureStderr();
  {
    Client silent(world), garbage(world), more(world);
    for (Client* one : {&garbage, &more}) one->send(std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10));
    EXPECT_TRUE(world.until([&] { return garbage.ended() && more.ended(); }));
    world.tickAfter(10'500ms);
    EXPECT_TRUE(world.until([&] { return silent.ended(); }));
  }
  EXPECT_TRUE(world.until([&] { return worker.connections().empty(); }));
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto lines = [&](const std::string& text) {
    int count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(lines(worker.listenAddress() + ": TLS failed: "), 1) << log;
  EXPECT_EQ(lines(worker.listenAddress() + ": closed, its TLS handshake was not done in time (handshakeTimeout)"), 1)
      << log;
  EXPECT_EQ(worker.protocolErrors(), 3U);
}

TEST_F(TlsConnection, DestroyedInItsOwnMessage) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  ConnectionPtr kept;
  worker.onMessage = [&](TcpConnection& c, std::string_view) {
    kept = c.share();
    c.destroy();
    c.send("nothing");
  };
  World world(worker);
  SecureClient client(world);
  client.send("x\ny\n");
  EXPECT_TRUE(world.until([&] { return client.pump(), kept && worker.connections().empty(); }));
  EXPECT_EQ(kept->transport(), "ssl");
  EXPECT_EQ(kept->send("x"), SendStatus::dropped);
}

TEST_F(TlsConnection, SaysWhoseCertificateTheClientHasShown) {
  const CertificateFiles clients("client.example");
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.ssl.verifyPeer = VerifyPeer::optional;
  worker.ssl.caFile = clients.certificate;
  worker.onMessage = [](TcpConnection& c, std::string_view) { c.send(c.getPeerCertificate()); };
  World world(worker);
  net::TlsSettings settings;
  settings.identities.push_back(
      {"", developmentCertificate("client.example").certificate, developmentCertificate("client.example").key, "", ""});
  SecureClient known(world, &settings), unknown(world);
  known.send("x\n");
  unknown.send("x\n");
  EXPECT_TRUE(world.until(
      [&] { return known.pump().received == "CN=artel development\n" && unknown.pump().received == "\n"; }));
}

TEST_F(TlsConnection, AStormOfHellosIsAnsweredInTurn) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
  World world(worker);
  SecureClient there(world);
  EXPECT_TRUE(world.until([&] { return there.pump().open(); }));
  std::vector<std::unique_ptr<SecureClient>> storm;
  for (int i = 0; i < 60; ++i) storm.push_back(std::make_unique<SecureClient>(world));
  EXPECT_TRUE(world.until([&] { return worker.connections().size() == 61; }));
  auto& queue = net::loop().handshakes;
  EXPECT_TRUE(world.until([&] {
    for (auto& one : storm) one->pump();
    queue.spend(net::HandshakeQueue::budget);  // as if so many had been answered in this turn
    return queue.waiting();
  }));
  EXPECT_LT(std::count_if(storm.begin(), storm.end(), [](auto& one) { return one->open(); }), 60);
  there.send("x\n");
  EXPECT_TRUE(world.until([&] { return there.pump().received == "x\n"; }));
  EXPECT_TRUE(world.until(
      [&] { return std::all_of(storm.begin(), storm.end(), [](auto& one) { return one->pump().open(); }); }));
  for (auto& one : storm) one->send("y\n");
  EXPECT_TRUE(world.until([&] {
    return std::all_of(storm.begin(), storm.end(), [](auto& one) { return one->pump().received == "y\n"; });
  }));
}

TEST_F(TlsConnection, WhoWaitsForItsTurnAndGoesIsForgotten) {
  Worker worker("text://127.0.0.1:0");
  secure(worker, files);
  World world(worker);
  {
    std::vector<std::unique_ptr<SecureClient>> storm;
    for (int i = 0; i < 40; ++i) storm.push_back(std::make_unique<SecureClient>(world));
    EXPECT_TRUE(world.until([&] { return worker.connections().size() == 40; }));
    auto& queue = net::loop().handshakes;
    EXPECT_TRUE(world.until([&] {
      for (auto& one : storm) one->pump();
      queue.spend(net::HandshakeQueue::budget);
      return queue.waiting();
    }));
    for (auto& [id, one] : worker.connections())
      if (id % 2 == 0) one->destroy();
  }
  EXPECT_TRUE(world.until([&] { return worker.connections().empty(); }));
  SecureClient next(world);
  EXPECT_TRUE(world.until([&] { return next.pump().open(); }));
}

}  // namespace
}  // namespace artel::testing
