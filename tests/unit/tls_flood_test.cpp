// A peer that keeps to the letter of TLS and sends what costs it nothing: key updates, hellos that are refused, empty
// records, alerts. OpenSSL as a client does not do that, so the records are made here, with the session's keys.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/net/tls.hpp"
#include "tests/support/tls.hpp"

namespace artel::net {
namespace {

using State = TlsSession::State;

std::string derived(const char* kdf, std::vector<OSSL_PARAM> parameters, std::size_t size) {
  parameters.push_back(OSSL_PARAM_construct_end());
  EVP_KDF* method = EVP_KDF_fetch(nullptr, kdf, nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(method);
  std::string out(size, '\0');
  EXPECT_EQ(EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), size, parameters.data()), 1);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(method);
  return out;
}

OSSL_PARAM text(const char* name, const char* value) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}
OSSL_PARAM bytes(const char* name, const std::string& value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
}

/// RFC 8446 section 7.1, without a context.
std::string expanded(const std::string& secret, const std::string& label, std::size_t size) {
  std::string info{static_cast<char>(size >> 8), static_cast<char>(size), static_cast<char>(label.size() + 6)};
  info += "tls13 " + label + '\0';
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  return derived("HKDF",
                 {text(OSSL_KDF_PARAM_DIGEST, "SHA256"), OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                  bytes(OSSL_KDF_PARAM_KEY, secret), bytes(OSSL_KDF_PARAM_INFO, info)},
                 size);
}

constexpr int alertType = 21, handshakeType = 22, dataType = 23, cipherSpecType = 20;
const std::string keyUpdate("\x18\0\0\1\0", 5), keyUpdateAsked("\x18\0\0\1\1", 5);

/// A client that has shaken hands with `server` and then writes its records itself.
class Forger {
 public:
  explicit Forger(int version) : version_(version) {
    TlsSettings settings;
    const auto& own = testing::developmentCertificate("a.example");
    settings.identities.push_back({"", own.certificate, own.key, "", ""});
    auto made = TlsContext::server(settings);
    EXPECT_TRUE(made);
    server = TlsSession::accept(*made);
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_cipher_list(context_, "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_keylog_callback(context_, [](const SSL* ssl, const char* line) {
      const std::string_view said(line), name("CLIENT_TRAFFIC_SECRET_0 ");
      if (!said.starts_with(name)) return;
      auto& self = *static_cast<Forger*>(SSL_get_app_data(ssl));
      const std::string_view hex = said.substr(said.rfind(' ') + 1);
      for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        self.secret_ += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    });
    client_ = SSL_new(context_);
    SSL_set_app_data(client_, this);
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(client_, in, out);
    SSL_set_connect_state(client_);
    while (SSL_do_handshake(client_) != 1 || server->state() == State::handshaking) {
      const std::string mine = taken(out);
      if (mine.empty()) break;
      take(mine);
      BIO_write(in, said.data(), static_cast<int>(said.size()));
      said.clear();
    }
    EXPECT_EQ(server->state(), State::open) << server->error();
    if (version == TLS1_3_VERSION) {
      newKeys();
      return;
    }
    unsigned char random[SSL3_RANDOM_SIZE];
    std::string master(48, '\0'), seed = "key expansion";
    SSL_SESSION_get_master_key(SSL_get_session(client_), reinterpret_cast<unsigned char*>(master.data()), 48);
    SSL_get_server_random(client_, random, sizeof random);
    seed.append(reinterpret_cast<char*>(random), sizeof random);
    SSL_get_client_random(client_, random, sizeof random);
    seed.append(reinterpret_cast<char*>(random), sizeof random);
    const std::string block = derived(
        "TLS1-PRF",
        {text(OSSL_KDF_PARAM_DIGEST, "SHA256"), bytes(OSSL_KDF_PARAM_SECRET, master), bytes(OSSL_KDF_PARAM_SEED, seed)},
        40);
    key_ = block.substr(0, 16);
    iv_ = block.substr(32, 4);
    number_ = 1;  // the first was its Finished
  }
  ~Forger() {
    SSL_free(client_);
    SSL_CTX_free(context_);
  }
  Forger(const Forger&) = delete;
  Forger& operator=(const Forger&) = delete;

  std::string record(int type, const std::string& content) {
    const bool new13 = version_ == TLS1_3_VERSION;
    std::string number(8, '\0'), nonce = iv_, begin, plain = content;
    for (int i = 0; i < 8; ++i) number[static_cast<std::size_t>(7 - i)] = static_cast<char>(number_ >> 8 * i);
    ++number_;
    const auto head = [](int kind, std::size_t size) {
      return std::string{static_cast<char>(kind), 3, 3, static_cast<char>(size >> 8), static_cast<char>(size)};
    };
    if (new13) {
      plain += static_cast<char>(type);
      begin = head(dataType, plain.size() + 16);
      for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ number[i]);
    } else {
      begin = number + head(type, content.size());
      nonce += number;
    }
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    const auto at = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
    EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, at(key_), at(nonce));
    int size = 0;
    EVP_EncryptUpdate(cipher, nullptr, &size, at(begin), static_cast<int>(begin.size()));
    std::string out(plain.size() + 16, '\0');
    auto* into = reinterpret_cast<unsigned char*>(out.data());
    EVP_EncryptUpdate(cipher, into, &size, at(plain), static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(cipher, into + plain.size(), &size);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, into + plain.size());
    EVP_CIPHER_CTX_free(cipher);
    const bool update = new13 && type == handshakeType && content[0] == keyUpdate[0];
    if (update) {
      secret_ = expanded(secret_, "traffic upd", 32);
      newKeys();
    }
    if (new13) return begin + out;
    return head(type, number.size() + out.size()) + number + out;
  }
  void take(const std::string& cipher) {
    got.append(room_.data(), server->read({cipher.data(), cipher.size()}, room_, said));
  }
  std::unique_ptr<TlsSession> server;
  std::string got, said;

 private:
  static std::string taken(BIO* from) {
    std::string all(BIO_ctrl_pending(from), '\0');
    if (!all.empty()) BIO_read(from, all.data(), static_cast<int>(all.size()));
    return all;
  }
  void newKeys() {
    key_ = expanded(secret_, "key", 16);
    iv_ = expanded(secret_, "iv", 12);
    number_ = 0;
  }
  int version_;
  SSL_CTX* context_;
  SSL* client_;
  std::string secret_, key_, iv_;
  std::uint64_t number_ = 0;
  std::vector<char> room_ = std::vector<char>(300 * 1024 + TlsSession::plainRoom);
};

constexpr int bothVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
const std::string warning("\1\x5a", 2), hello("\1\0\0\0", 4);

/// How many of what `make` gives the server took before it had enough; all `most` of them when it never had.
template <class Make>
int taken(Forger& one, int most, Make make) {
  for (int i = 0; i < most; ++i) {
    one.take(make(one));
    if (one.server->state() != State::open) return i;
  }
  return most;
}

TEST(TlsFlood, KeyUpdatesWithoutEndAreTooMuch) {
  for (const std::string& kind : {keyUpdate, keyUpdateAsked}) {
    for (const bool withData : {false, true}) {
      Forger one(TLS1_3_VERSION);
      const int updates = taken(one, 1000, [&](Forger& f) {
        std::string both = f.record(handshakeType, kind);
        return withData ? both + f.record(dataType, "x") : both;
      });
      EXPECT_GE(updates, 10) << "who does it now and then is fine";
      EXPECT_LE(updates, 64);
      EXPECT_TRUE(one.server->flooded());
      EXPECT_EQ(one.server->error(), "it sends key updates or hellos, and hardly anything else");
      if (withData) {
        EXPECT_GE(one.got.size(), static_cast<std::size_t>(updates));
      }
    }
  }
}

/// All that is in one read is not done first.
TEST(TlsFlood, ManyKeyUpdatesAtOnceAreNotAllDone) {
  Forger one(TLS1_3_VERSION);
  std::string all;
  for (int i = 0; i < 5000; ++i) all += one.record(handshakeType, keyUpdateAsked);
  one.take(all);
  EXPECT_TRUE(one.server->flooded());
  EXPECT_LT(one.said.size(), 1000 * 27U) << "each is answered with a record";
}

TEST(TlsFlood, RefusedHellosWithoutEndAreTooMuch) {
  Forger one(TLS1_2_VERSION);
  const int hellos = taken(one, 1000, [](Forger& f) {
    std::string both = f.record(handshakeType, hello);
    return both + f.record(dataType, "x");
  });
  EXPECT_GE(hellos, 10);
  EXPECT_LE(hellos, 64);
  EXPECT_TRUE(one.server->flooded());
}

TEST(TlsFlood, SlowlyTheyMayComeForEver) {
  const auto before = std::exchange(TlsSession::talkTime, std::chrono::milliseconds(0));
  Forger one(TLS1_3_VERSION);
  EXPECT_EQ(taken(one, 500, [](Forger& f) { return f.record(handshakeType, keyUpdateAsked); }), 500);
  one.take(one.record(dataType, "still here"));
  EXPECT_EQ(one.got, "still here");
  TlsSession::talkTime = before;
}

TEST(TlsFlood, DataIsNotCounted) {
  for (const int version : bothVersions) {
    Forger one(version);
    EXPECT_EQ(taken(one, 2000, [](Forger& f) { return f.record(dataType, "x"); }), 2000);
    EXPECT_EQ(one.got.size(), 2000U);
  }
}

/// What OpenSSL bounds by itself: if that should ever change, it is for us to do.
TEST(TlsFlood, WhatOpenSslEndsByItself) {
  for (const int version : bothVersions) {
    const auto most = [&](int type, const std::string& content) {
      Forger one(version);
      const int records = taken(one, 1000, [&](Forger& f) { return f.record(type, content); });
      EXPECT_FALSE(one.server->flooded());
      EXPECT_FALSE(one.said.empty()) << "an alert";
      return records;
    };
    EXPECT_EQ(most(dataType, ""), 32) << "empty records in a row";
    EXPECT_LE(most(handshakeType, ""), 32);
    EXPECT_EQ(most(alertType, warning), 4);
    EXPECT_EQ(most(alertType, ""), 0);
    EXPECT_EQ(most(cipherSpecType, "\1"), 0);
    Forger one(version);
    EXPECT_EQ(taken(one, 1000, [](Forger&) { return std::string("\x14\3\3\0\1\1", 6); }), 0) << "a plain one";
  }
}

TEST(TlsFlood, WarningsBetweenDataAreTooMuch) {
  for (const int version : bothVersions) {
    Forger one(version);
    const int warnings = taken(one, 1000, [](Forger& f) {
      std::string both = f.record(alertType, warning);
      return both + f.record(dataType, "x");
    });
    EXPECT_GE(warnings, 10);
    EXPECT_LE(warnings, 200);
    EXPECT_TRUE(one.server->flooded());
  }
}

TEST(TlsFlood, ChangeCipherSpecInTheHandshakeHasAnEnd) {
  TlsSettings settings;
  const auto& own = testing::developmentCertificate("a.example");
  settings.identities.push_back({"", own.certificate, own.key, "", ""});
  const auto context = TlsContext::server(settings);
  ASSERT_TRUE(context);
  auto server = TlsSession::accept(*context);
  TlsSettings believing;
  believing.authorities = own.certificate;
  auto client = TlsSession::connect(*TlsContext::client(believing), "a.example", true);
  std::string said, answer;
  std::vector<char> room(64 * 1024 + TlsSession::plainRoom);
  client->start(said);
  server->read({said.data(), said.size()}, room, answer);
  ASSERT_EQ(server->state(), State::handshaking);
  int taken = 0;
  for (; taken < 1000 && server->state() == State::handshaking; ++taken) {
    const std::string one("\x14\3\3\0\1\1", 6);
    server->read({one.data(), one.size()}, room, answer);
  }
  EXPECT_LE(taken, 40);
  EXPECT_EQ(server->state(), State::broken);
}

}  // namespace
}  // namespace artel::net
