// The keys of session tickets. A ticket is a session in a sealed letter that the client keeps: with the key in every
// process, no process has to remember anything.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "src/net/tls.hpp"

namespace artel::net {

namespace {

// Of the 80 bytes of a key: its name (RFC 5077 section 4), the MAC's part, the cipher's.
constexpr std::size_t nameSize = 16, macAt = 16, macSize = 32, cipherAt = 48, vectorSize = 16;

/// The system's, not OpenSSL's: every Worker has keys, and who never speaks TLS is not to pay for OpenSSL's start.
void fillRandomly(unsigned char* into, std::size_t size) {
  if (uv_random(nullptr, nullptr, into, size, 0, nullptr) != 0)
    throw std::runtime_error("the system gives no random numbers");
}

}  // namespace

TicketKeys TicketKeys::random() {
  TicketKeys made;
  for (auto& key : made.keys) fillRandomly(key.data(), key.size());
  return made;
}

void TicketKeys::rotate() {
  std::rotate(keys.begin(), keys.end() - 1, keys.end());
  fillRandomly(keys.front().data(), keys.front().size());
}

TicketKeys TicketKeys::of(std::string_view listener) const {
  static EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(hkdf), &EVP_KDF_CTX_free);
  std::string info = "artel tickets " + std::string(listener);
  TicketKeys made = *this;
  for (auto& key : made.keys) {
    auto secret = key;
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
    const bool derived = context && EVP_KDF_derive(context.get(), key.data(), key.size(), parameters) == 1;
    OPENSSL_cleanse(secret.data(), secret.size());
    if (!derived) throw std::runtime_error("OpenSSL makes no keys for session tickets");
  }
  return made;
}

std::string TicketKeys::bytes() const {
  std::string all;
  all.reserve(keySize * kept);  // who wipes it wipes all of it
  for (const auto& key : keys) all.append(reinterpret_cast<const char*>(key.data()), key.size());
  return all;
}

bool TicketKeys::adopt(std::string_view bytes) {
  if (bytes.size() != keySize * kept) return false;
  for (auto& key : keys) {
    std::memcpy(key.data(), bytes.data(), key.size());
    bytes.remove_prefix(key.size());
  }
  return true;
}

int TlsContext::ticketKey(unsigned char* name, unsigned char* vector, evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac,
                          bool encrypt) const {
  static const EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  const auto* key = &tickets.keys.front();
  if (encrypt) {
    if (RAND_bytes(vector, vectorSize) != 1) return -1;
    std::memcpy(name, key->data(), nameSize);
  } else {
    key = std::find_if(tickets.keys.begin(), tickets.keys.end(),
                       [name](const auto& one) { return CRYPTO_memcmp(one.data(), name, nameSize) == 0; });
    if (key == tickets.keys.end()) return 0;
  }
  std::array<unsigned char, macSize> secret{};
  std::memcpy(secret.data(), key->data() + macAt, macSize);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
                                   OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
  if (EVP_CipherInit_ex(cipher, aes, nullptr, key->data() + cipherAt, vector, encrypt ? 1 : 0) != 1) return -1;
  return encrypt || key == &tickets.keys.front() ? 1 : 2;
}

}  // namespace artel::net
