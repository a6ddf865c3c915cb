// Sessions that clients keep: what was asked of a client when its session was made is not asked again, so a session
// must not open what asks for more. The client is OpenSSL itself, which keeps sessions; ours does not.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "src/net/tls.hpp"
#include "tests/support/tls.hpp"

namespace artel::net {
namespace {

using State = TlsSession::State;
using testing::developmentCertificate;

struct Certified {
  std::string certificate, key;
};
Certified friendly() {
  const auto& made = developmentCertificate("friend.example");
  return {made.certificate, made.key};
}

struct TlsResume : ::testing::TestWithParam<int> {
  TicketKeys keys = TicketKeys::random();

  TlsSettings settings(VerifyPeer::Kind verify = VerifyPeer::off, const std::string& authorities = "") const {
    TlsSettings made;
    const auto& own = developmentCertificate("a.example");
    made.identities.push_back({"", own.certificate, own.key, "", ""});
    made.identities.push_back({"b.example", own.certificate, own.key, "", ""});
    made.verify = verify;
    made.authorities = authorities;
    made.scope = "tcp 0.0.0.0:443";
    return made;
  }
  /// With the same ticket keys, as if it were the same listener, whose settings have changed.
  std::shared_ptr<TlsContext> server(const TlsSettings& settings) const {
    auto made = TlsContext::server(settings);
    EXPECT_TRUE(made);
    (*made)->tickets = keys;
    return *made;
  }

  using Session = std::shared_ptr<SSL_SESSION>;
  struct Outcome {
    std::string said;  ///< "new CN=...", "resumed", or what the server found wrong
    Session session;
  };
  Outcome meet(const std::shared_ptr<TlsContext>& with, const Certified& own, const Session& kept = nullptr,
               const char* name = "a.example") const {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), GetParam());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    Session got;
    SSL_CTX_set_app_data(context.get(), &got);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<Session*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->reset(session, &SSL_SESSION_free);
      return 1;
    });
    const auto in = [](const std::string& pem) {
      return std::shared_ptr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    };
    if (!own.key.empty()) {
      X509* x = PEM_read_bio_X509(in(own.certificate).get(), nullptr, nullptr, nullptr);
      EVP_PKEY* key = PEM_read_bio_PrivateKey(in(own.key).get(), nullptr, nullptr, nullptr);
      SSL_CTX_use_certificate(context.get(), x);
      SSL_CTX_use_PrivateKey(context.get(), key);
      X509_free(x);
      EVP_PKEY_free(key);
    }
    std::shared_ptr<SSL> client(SSL_new(context.get()), &SSL_free);
    BIO* heard = BIO_new(BIO_s_mem());
    BIO* told = BIO_new(BIO_s_mem());
    SSL_set_bio(client.get(), heard, told);
    SSL_set_tlsext_host_name(client.get(), name);
    if (kept) {  // a copy: with TLS 1.3 OpenSSL uses one once
      SSL_SESSION* copy = SSL_SESSION_dup(kept.get());
      SSL_set_session(client.get(), copy);
      SSL_SESSION_free(copy);
    }
    SSL_set_connect_state(client.get());
    auto session = TlsSession::accept(with);
    std::vector<char> room(64 * 1024 + TlsSession::plainRoom);
    for (int round = 0; round < 10; ++round) {
      char plain[16];
      static_cast<void>(SSL_read(client.get(), plain, sizeof plain));
      std::string mine(BIO_ctrl_pending(told), '\0'), theirs;
      if (!mine.empty()) BIO_read(told, mine.data(), static_cast<int>(mine.size()));
      session->read({mine.data(), mine.size()}, room, theirs);
      BIO_write(heard, theirs.data(), static_cast<int>(theirs.size()));
      if (mine.empty() && theirs.empty()) break;
    }
    SSL_shutdown(client.get());  // else OpenSSL does not think much of its session
    if (session->state() == State::broken) return {session->error(), nullptr};
    return {(session->resumed() ? "resumed " : "new ") + session->peerSubject(), got};
  }
};

TEST_P(TlsResume, TellsWhoseCertificateWasShown) {
  const auto with = server(settings(VerifyPeer::required, friendly().certificate));
  const Outcome first = meet(with, friendly());
  EXPECT_EQ(first.said, "new CN=artel development");
  EXPECT_EQ(meet(with, {}, first.session).said, "resumed CN=artel development") << "it is not shown again";
}

TEST_P(TlsResume, NotWhereOtherCertificatesAreAskedFor) {
  const std::string friends = friendly().certificate, others = developmentCertificate("other.example").certificate;
  const auto off = server(settings());
  const auto optional = server(settings(VerifyPeer::optional, friends));
  const auto required = server(settings(VerifyPeer::required, friends));
  const auto stricter = server(settings(VerifyPeer::required, others));
  TlsSettings one = settings(VerifyPeer::required, friends);
  one.depth = 1;
  const auto shorter = server(one);
  const std::string refused = "peer did not return a certificate";

  const Outcome free = meet(off, {});
  EXPECT_EQ(meet(off, {}, free.session).said, "resumed ");
  EXPECT_EQ(meet(optional, {}, free.session).said, "new ");
  EXPECT_EQ(meet(required, {}, free.session).said, refused);

  const Outcome unknown = meet(optional, {});
  EXPECT_EQ(meet(optional, {}, unknown.session).said, "resumed ");
  EXPECT_EQ(meet(required, {}, unknown.session).said, refused) << "it has shown none";

  const Outcome known = meet(required, friendly());
  EXPECT_EQ(meet(required, {}, known.session).said, "resumed CN=artel development");
  EXPECT_EQ(meet(off, {}, known.session).said, "new ");
  EXPECT_EQ(meet(stricter, {}, known.session).said, refused) << "of an authority that is believed no more";
  EXPECT_EQ(meet(shorter, {}, known.session).said, refused);
  EXPECT_EQ(meet(required, {}, known.session, "b.example").said, refused) << "another name";
  TlsSettings elsewhere = settings(VerifyPeer::required, friends);
  elsewhere.scope = "tcp 0.0.0.0:444";
  EXPECT_EQ(meet(server(elsewhere), {}, known.session).said, refused) << "another listener";
}

TEST_P(TlsResume, NotLongerThanTheCertificateThatWasShown) {
  const auto with = server(settings(VerifyPeer::required, friendly().certificate));
  const Outcome first = meet(with, friendly());
  ASSERT_EQ(first.said, "new CN=artel development");
  EXPECT_EQ(meet(with, friendly(), first.session).said, "resumed CN=artel development");
  TlsSession::ahead = std::chrono::days(400);  // only for the look at the session, so it is believed when shown again
  EXPECT_EQ(meet(with, friendly(), first.session).said, "new CN=artel development") << "a handshake in full";
  EXPECT_EQ(meet(with, {}, first.session).said, "peer did not return a certificate");
  TlsSession::ahead = {};
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsResume, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

}  // namespace
}  // namespace artel::net
