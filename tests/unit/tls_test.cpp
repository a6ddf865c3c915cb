// The two roles of a TLS session, connected in memory.
#include "src/net/tls.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "src/net/tls_certificate.hpp"

namespace artel::net {
namespace {

using State = TlsSession::State;

struct Pair {
  std::string certificate, key;
};
const Pair& made(const std::string& name = "a.example") {
  static std::map<std::string, Pair> all;
  Pair& one = all[name];
  if (one.certificate.empty()) {
    auto fresh = makeDevelopmentCertificate({name}, 30);
    EXPECT_TRUE(fresh);
    one = {fresh->certificate, fresh->key};
  }
  return one;
}

TlsSettings serverSettings() {
  TlsSettings settings;
  settings.identities.push_back({"", made().certificate, made().key, "", ""});
  settings.scope = "tcp 0.0.0.0:443";
  return settings;
}
TlsSettings clientSettings() {
  TlsSettings settings;
  settings.authorities = made().certificate;
  return settings;
}
std::shared_ptr<TlsContext> server(const TlsSettings& settings = serverSettings()) {
  auto context = TlsContext::server(settings);
  EXPECT_TRUE(context) << context.error().message;
  return *context;
}
std::shared_ptr<TlsContext> client(const TlsSettings& settings = clientSettings()) {
  auto context = TlsContext::client(settings);
  EXPECT_TRUE(context) << context.error().message;
  return *context;
}

/// One side and what it has got and said.
struct Side {
  std::unique_ptr<TlsSession> session;
  std::string got, said;
  std::vector<char> room = std::vector<char>(300 * 1024 + TlsSession::plainRoom);
  void take(std::string_view cipher) {
    const std::size_t size = session->read({cipher.data(), cipher.size()}, room, said);
    got.append(room.data(), size);
  }
  std::string speak() { return std::exchange(said, {}); }
};

struct Both {
  Side c, s;
  std::size_t piece;
  explicit Both(std::unique_ptr<TlsSession> client, std::unique_ptr<TlsSession> server, std::size_t size = 1 << 20)
      : piece(size) {
    c.session = std::move(client);
    s.session = std::move(server);
    c.session->start(c.said);
  }
  static void pass(std::string bytes, Side& to, std::size_t piece) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) to.take(std::string_view(bytes).substr(at, piece));
  }
  void talk() {
    while (!c.said.empty() || !s.said.empty()) {
      pass(c.speak(), s, piece);
      pass(s.speak(), c, piece);
    }
  }
};

Both meet(const std::string& host = "a.example", std::size_t piece = 1 << 20) {
  return Both(TlsSession::connect(client(), host, true), TlsSession::accept(server()), piece);
}

TEST(Tls, BothRolesTalkInPiecesOfEverySize) {
  const auto ours = client();
  const auto theirs = server();
  for (std::size_t piece = 1; piece < 700; piece += piece < 40 ? 1 : 41) {
    Both both(TlsSession::connect(ours, "a.example", true), TlsSession::accept(theirs), piece);
    both.talk();
    ASSERT_EQ(both.c.session->state(), State::open) << both.c.session->error() << piece;
    ASSERT_EQ(both.s.session->state(), State::open) << both.s.session->error() << piece;
    EXPECT_EQ(both.c.session->version(), "TLSv1.3");
    ASSERT_TRUE(both.c.session->write("question", both.c.said));
    both.talk();
    EXPECT_EQ(both.s.got, "question");
    ASSERT_TRUE(both.s.session->write("answer", both.s.said));
    ASSERT_TRUE(both.s.session->write("s", both.s.said));
    both.talk();
    EXPECT_EQ(both.c.got, "answers");
  }
}

TEST(Tls, OneCutAnywhereInTheHandshakeChangesNothing) {
  const auto ours = client();
  const auto theirs = server();
  for (std::size_t cut = 1; cut < 1800; cut += 13) {
    Both both(TlsSession::connect(ours, "a.example", true), TlsSession::accept(theirs));
    std::string hello = both.c.speak();
    both.s.take(std::string_view(hello).substr(0, cut));
    if (cut < hello.size()) both.s.take(std::string_view(hello).substr(cut));
    std::string flight = both.s.speak();
    both.c.take(std::string_view(flight).substr(0, cut));
    if (cut < flight.size()) both.c.take(std::string_view(flight).substr(cut));
    both.talk();
    ASSERT_EQ(both.s.session->state(), State::open) << cut;
  }
}

TEST(Tls, MuchGoesThroughInOneCallAndLeavesNothingBehind) {
  Both both = meet();
  both.talk();
  std::string much(250'000, 'x');
  for (std::size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>(i * 31 % 251);
  ASSERT_TRUE(both.c.session->write(much, both.c.said));
  both.talk();
  EXPECT_EQ(both.s.got, much);
}

TEST(Tls, AnEndIsSaidAndHeard) {
  Both both = meet();
  both.talk();
  ASSERT_TRUE(both.c.session->write("last words", both.c.said));
  both.c.session->end(both.c.said);
  both.talk();
  EXPECT_EQ(both.s.got, "last words");
  EXPECT_EQ(both.s.session->state(), State::peerEnded);
  ASSERT_TRUE(both.s.session->write("mine", both.s.said));
  both.s.session->end(both.s.said);
  both.talk();
  EXPECT_EQ(both.c.got, "mine");
  EXPECT_EQ(both.c.session->state(), State::peerEnded);
}

TEST(Tls, AClientBelievesWhatItCanCheckOnly) {
  const auto state = [](const TlsSettings& settings, const std::string& host, bool name) {
    Both both(TlsSession::connect(client(settings), host, name), TlsSession::accept(server()));
    both.talk();
    EXPECT_EQ(both.c.session->state() == State::open, both.c.session->error().empty());
    if (both.c.session->state() == State::open) return std::string("open");
    EXPECT_EQ(both.s.session->state(), State::broken) << "it was not told why";
    return both.c.session->error();
  };
  EXPECT_EQ(state(clientSettings(), "a.example", true), "open");
  EXPECT_EQ(state(clientSettings(), "127.0.0.1", true), "open");
  EXPECT_EQ(state(clientSettings(), "::1", true), "open");
  EXPECT_EQ(state(clientSettings(), "::1%lo", true), "open") << "the zone is this machine's own business";
  EXPECT_EQ(state(clientSettings(), "b.example", true), "certificate verify failed: hostname mismatch");
  EXPECT_EQ(state(clientSettings(), "127.0.0.2", true), "certificate verify failed: IP address mismatch");
  EXPECT_EQ(state(clientSettings(), "b.example", false), "open");
  TlsSettings others = clientSettings();
  others.authorities = made("other.example").certificate;
  EXPECT_EQ(state(others, "a.example", true).substr(0, 26), "certificate verify failed:");
  others.allowSelfSigned = true;
  EXPECT_EQ(state(others, "a.example", true), "open");
  others.allowSelfSigned = false;
  others.verify = VerifyPeer::off;
  EXPECT_EQ(state(others, "a.example", true), "open");
}

TEST(Tls, PlainBytesAreNoTls) {
  for (const std::string plain : {"GET / HTTP/1.1\r\n", "x", "\x15\x03\x01"}) {
    Side side;
    side.session = TlsSession::accept(server());
    side.take(plain);
    EXPECT_EQ(side.session->state(), State::broken);
    EXPECT_TRUE(side.session->spokePlain());
    EXPECT_TRUE(side.said.empty());
  }
}

TEST(Tls, GarbageIsAnsweredWithAnAlertAndNothingMore) {
  Side side;
  side.session = TlsSession::accept(server());
  side.take(std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10));
  side.take(std::string(1000, 'x'));
  EXPECT_EQ(side.session->state(), State::broken);
  EXPECT_FALSE(side.session->spokePlain());
  ASSERT_GE(side.said.size(), 7U);
  EXPECT_EQ(side.said[0], 21) << "an alert";
  const std::size_t size = side.said.size();
  side.take(std::string(1000, 'x'));
  EXPECT_EQ(side.said.size(), size);
}

/// Anybody in between can say it: nobody has proved who he is.
TEST(Tls, AnEndInTheHandshakeIsNoSuccess) {
  for (const bool asServer : {false, true}) {
    Both both = meet();
    if (asServer) both.s.take(both.c.speak());
    Side& side = asServer ? both.s : both.c;
    side.take(std::string("\x15\x03\x03\x00\x02\x01\x00", 7));
    EXPECT_EQ(side.session->state(), State::broken) << asServer;
    EXPECT_NE(side.session->error(), "");
  }
}

// Each is a letter to seal: a client that comes back needs one.
TEST(Tls, AClientGetsOneTicket) {
  Both both = meet();
  both.s.take(both.c.speak());
  both.c.take(both.s.speak());
  both.s.take(both.c.speak());
  ASSERT_EQ(both.s.session->version(), "TLSv1.3");
  const std::string said = both.s.speak();
  std::size_t records = 0;
  for (std::size_t at = 0; at + 5 <= said.size(); ++records)
    at += 5 + (std::size_t{static_cast<unsigned char>(said[at + 3])} << 8 | static_cast<unsigned char>(said[at + 4]));
  EXPECT_EQ(records, 1U);
}

TEST(Tls, AChangedByteEndsTheSessionWhereverItIs) {
  for (std::size_t at = 0; at < 40; ++at) {
    Both both = meet();
    both.talk();
    ASSERT_TRUE(both.c.session->write("0123456789", both.c.said));
    std::string cipher = both.c.speak();
    if (at >= cipher.size()) break;
    cipher[at] = static_cast<char>(cipher[at] ^ 0x40);
    both.s.take(cipher);
    if (at == 3 || at == 4) both.s.take(std::string(17000, 'x'));  // a longer record was announced
    EXPECT_EQ(both.s.session->state(), State::broken) << at;
    EXPECT_EQ(both.s.got, "") << at;
  }
}

/// Feeds a client with the answers, so that the server's part of the handshake can be made to resume: OpenSSL keeps
/// sessions by itself only when asked, so the tickets are looked at from outside, by s_client and curl.
TEST(TicketKeys, RotateKeepsTheLastOnesAndBytesComeBack) {
  TicketKeys keys = TicketKeys::random();
  const TicketKeys before = keys;
  keys.rotate();
  EXPECT_EQ(keys.keys[1], before.keys[0]);
  EXPECT_EQ(keys.keys[2], before.keys[1]);
  EXPECT_NE(keys.keys[0], before.keys[0]);
  TicketKeys copy;
  ASSERT_TRUE(copy.adopt(keys.bytes()));
  EXPECT_EQ(copy.keys, keys.keys);
  EXPECT_FALSE(copy.adopt("too short"));
  EXPECT_EQ(copy.keys, keys.keys);
}

TEST(TicketKeys, EachListenerHasItsOwnAndEveryProcessTheSame) {
  TicketKeys keys = TicketKeys::random();
  const TicketKeys one = keys.of("tcp 0.0.0.0:443");
  EXPECT_EQ(one.keys, TicketKeys(keys).of("tcp 0.0.0.0:443").keys);
  std::set<std::array<unsigned char, TicketKeys::keySize>> all;
  for (const TicketKeys& some : {keys, one, keys.of("tcp 0.0.0.0:444"), keys.of("")})
    all.insert(some.keys.begin(), some.keys.end());
  EXPECT_EQ(all.size(), 4 * TicketKeys::kept);
  keys.rotate();
  EXPECT_EQ(keys.of("tcp 0.0.0.0:443").keys[1], one.keys[0]) << "sessions made before go on";
}

TEST(TlsServer, TheNameChoosesTheCertificate) {
  TlsSettings settings = serverSettings();
  settings.identities.push_back({"b.example", made("b.example").certificate, made("b.example").key, "", ""});
  settings.identities.push_back({"*.c.example", made("*.c.example").certificate, made("*.c.example").key, "", ""});
  const auto theirs = server(settings);
  const auto open = [&](const std::string& certificateOf, const std::string& host) {
    TlsSettings trust;
    trust.authorities = made(certificateOf).certificate;
    Both both(TlsSession::connect(client(trust), host, true), TlsSession::accept(theirs));
    both.talk();
    return both.c.session->state() == State::open;
  };
  EXPECT_TRUE(open("b.example", "b.example"));
  EXPECT_TRUE(open("b.example", "B.Example"));
  EXPECT_TRUE(open("*.c.example", "x.c.example"));
  EXPECT_FALSE(open("*.c.example", "c.example"));
  EXPECT_FALSE(open("*.c.example", "y.x.c.example"));
  EXPECT_TRUE(open("a.example", "a.example"));
  EXPECT_FALSE(open("b.example", "a.example"));
}

TEST(TlsServer, ClientCertificatesAreAskedForAsSaid) {
  const auto state = [](VerifyPeer::Kind verify, const std::string& own) {
    TlsSettings settings = serverSettings();
    settings.verify = verify;
    settings.authorities = made("friend.example").certificate;
    TlsSettings mine = clientSettings();
    if (!own.empty()) mine.identities.push_back({"", made(own).certificate, made(own).key, "", ""});
    Both both(TlsSession::connect(client(mine), "a.example", true), TlsSession::accept(server(settings)));
    both.talk();
    return both.s.session->state() == State::open ? "open " + both.s.session->peerSubject() : both.s.session->error();
  };
  EXPECT_EQ(state(VerifyPeer::byRole, ""), "open ");
  EXPECT_EQ(state(VerifyPeer::off, "friend.example"), "open ");
  EXPECT_EQ(state(VerifyPeer::optional, ""), "open ");
  EXPECT_EQ(state(VerifyPeer::optional, "friend.example"), "open CN=artel development");
  EXPECT_NE(state(VerifyPeer::optional, "stranger.example").substr(0, 4), "open");
  EXPECT_EQ(state(VerifyPeer::required, ""), "peer did not return a certificate");
  EXPECT_EQ(state(VerifyPeer::required, "friend.example"), "open CN=artel development");
  EXPECT_NE(state(VerifyPeer::required, "stranger.example").substr(0, 4), "open");
}

TEST(TlsServer, AlpnIsWhatBothSpeak) {
  const auto state = [](const std::vector<std::string>& ours, bool orNothing, const std::vector<std::string>& theirs) {
    TlsSettings settings = serverSettings();
    settings.alpn = ours;
    settings.alpnOrNothing = orNothing;
    TlsSettings asked = clientSettings();
    asked.alpn = theirs;
    Both both(TlsSession::connect(client(asked), "a.example", true), TlsSession::accept(server(settings)));
    both.talk();
    return both.s.session->state() == State::open ? std::string(both.c.session->alpn()) : "refused";
  };
  EXPECT_EQ(state({"http/1.1"}, true, {"h2", "http/1.1"}), "http/1.1");
  EXPECT_EQ(state({"http/1.1"}, true, {"h2"}), "refused");
  EXPECT_EQ(state({"http/1.1"}, true, {}), "");
  EXPECT_EQ(state({"b", "a"}, false, {"a", "b"}), "b");
  EXPECT_EQ(state({"b"}, false, {"a"}), "");
  EXPECT_EQ(state({}, false, {"h2"}), "");
}

TEST(TlsServer, OnlyEcdheWithAeadIsLeftOfAListOfCiphers) {
  TlsSettings settings = serverSettings();
  settings.ciphers = "ALL";
  EXPECT_TRUE(TlsContext::server(settings));
  settings.ciphers = "AES256-SHA:DHE-RSA-AES256-GCM-SHA384";
  EXPECT_FALSE(TlsContext::server(settings));
  settings.ciphers = "nonsense";
  EXPECT_FALSE(TlsContext::server(settings));
}

TEST(TlsCertificate, SaysWhatItIs) {
  const CertificateReport report = inspect({"", made().certificate, made().key, "", ""});
  EXPECT_EQ(report.fault, CertificateReport::Fault::none);
  EXPECT_EQ(report.subject, "CN=artel development");
  EXPECT_TRUE(report.selfSigned);
  EXPECT_EQ(report.key, "EC P-256");
  EXPECT_EQ(report.names, (std::vector<std::string>{"localhost", "a.example"}));
  EXPECT_GT(report.notAfter, report.notBefore);
}

TEST(TlsCertificate, WhatDoesNotFitIsFound) {
  using Fault = CertificateReport::Fault;
  const std::string& certificate = made().certificate;
  const std::string& key = made().key;
  const auto fault = [](const std::string& chain, const std::string& key) {
    return inspect({"", chain, key, "", ""}).fault;
  };
  EXPECT_EQ(fault("no PEM", key), Fault::noCertificate);
  EXPECT_EQ(fault(key, key), Fault::noCertificate);
  EXPECT_EQ(fault(certificate, "no PEM"), Fault::noKey);
  EXPECT_EQ(fault(certificate, ""), Fault::noKey);
  EXPECT_EQ(fault(certificate, certificate), Fault::noKey);
  EXPECT_EQ(fault(certificate + key, ""), Fault::none) << "one file with both";
  EXPECT_EQ(fault(certificate, made("other.example").key), Fault::notAPair);
  EXPECT_EQ(fault(certificate + certificate.substr(0, 200) + "\n-----END CERTIFICATE-----\n", key), Fault::noChain);
}

TEST(TlsCertificate, WhatIsNoOcspResponseIsFoundAndNotSent) {
  TlsIdentity identity{"", made().certificate, made().key, "", "no response"};
  EXPECT_EQ(inspectStaple(identity).fault, StapleReport::Fault::noResponse);
  EXPECT_TRUE(inspectStaple(identity).over(1'800'000'000));
  identity.staple = std::string("\x30\x03\x0a\x01\x03", 5);  // RFC 6960: OCSPResponse with tryLater
  EXPECT_EQ(inspectStaple(identity).fault, StapleReport::Fault::noAnswer);
  EXPECT_EQ(inspectStaple(identity).why, "trylater");
  identity.staple += '\0';
  EXPECT_EQ(inspectStaple(identity).fault, StapleReport::Fault::noResponse) << "there is something behind it";
  StapleReport good;
  good.from = 100;
  EXPECT_FALSE(good.over(99)) << "it is early, and will be good";
  EXPECT_FALSE(good.over(100)) << "it does not say until when";
  good.until = 200;
  EXPECT_FALSE(good.over(199));
  EXPECT_TRUE(good.over(200));
}

TEST(TlsCertificate, AKeyIsOverwrittenAndGone) {
  std::string secret = "a secret that is longer than what a string has in itself";
  const char* at = secret.data();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(secret.data(), at);
  secret.resize(20, 'x');
  EXPECT_EQ(at[30], '\0') << "still there behind the end";
  TlsSettings settings;
  settings.identities.push_back({"a.example", "chain", "key", "word", "staple"});
  wipe(settings);
  EXPECT_EQ(settings.identities[0].key + settings.identities[0].passphrase + settings.identities[0].chain, "");
}

}  // namespace
}  // namespace artel::net
