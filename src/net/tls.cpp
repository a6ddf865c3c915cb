#include "src/net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "platform/platform.hpp"
#include "src/net/tls_certificate.hpp"
#include "src/net/tls_pem.hpp"

namespace artel::net {

namespace {

// ---- the BIO --------------------------------------------------------------------------------------------------------

/// What the call that runs works on.
struct CallBytes {
  const char* in = nullptr;
  std::size_t size = 0;
  std::string* out = nullptr;
  bool wanting = false;    ///< more than there is: then the call ends, and nothing is wrong
  unsigned talk = 0;       ///< steps of the handshake's machine and warnings: what is no data
  unsigned mayTalk = ~0U;  ///< beyond it the rest of the bytes is nothing to take
} callBytes;

int takeCipher(BIO* bio, char* into, int room) {
  BIO_clear_retry_flags(bio);
  const std::size_t size = std::min(callBytes.size, static_cast<std::size_t>(room));
  if (size == 0) {
    BIO_set_retry_read(bio);
    callBytes.wanting = true;
    return -1;
  }
  std::memcpy(into, callBytes.in, size);
  callBytes.in += size;
  callBytes.size -= size;
  return static_cast<int>(size);
}

int putCipher(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  try {
    callBytes.out->append(from, static_cast<std::size_t>(size));
  } catch (...) {
    return -1;  // no memory: the session breaks
  }
  return size;
}

// The type of the third parameter is OpenSSL's.
long controlBio(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }  // lint-ok: OpenSSL's type

BIO* sharedBio() {
  static BIO* const bio = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "artel");
    BIO_meth_set_read(method, takeCipher);
    BIO_meth_set_write(method, putCipher);
    BIO_meth_set_ctrl(method, controlBio);
    BIO* made = BIO_new(method);
    BIO_set_init(made, 1);
    return made;
  }();
  return bio;
}

// ---- contexts -------------------------------------------------------------------------------------------------------

constexpr const char* suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* ciphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// Of those that the options name, the ones with ECDHE and AEAD, so that a wrong list cannot weaken anything.
std::string safeOnes(const std::string& wanted) {
  if (wanted.empty()) return ciphers12;
  std::string safe;
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  if (context == nullptr) return safe;
  if (SSL_CTX_set_cipher_list(context, wanted.c_str()) == 1) {
    const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
      const SSL_CIPHER* one = sk_SSL_CIPHER_value(all, i);
      const char* name = SSL_CIPHER_get_name(one);
      if (SSL_CIPHER_is_aead(one) == 1 && std::strncmp(name, "ECDHE-", 6) == 0)
        safe += (safe.empty() ? "" : ":") + std::string(name);
    }
  }
  SSL_CTX_free(context);
  ERR_clear_error();
  return safe;
}

Error tlsError(std::string what) { return Error{Errc::system, std::move(what), 0}; }

bool isAddress(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return address != nullptr;
}

/// "*.a.example" is for one more label.
bool isFor(const std::string& pattern, std::string_view name) {
  if (pattern.empty() || name.empty()) return false;
  if (pattern == name) return true;
  if (pattern.rfind("*.", 0) != 0) return false;
  const auto dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && name.substr(dot) == std::string_view(pattern).substr(1);
}

/// What a ClientHello asks for, in lower case; "" when it asks for nothing that could be a name.
std::string askedFor(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  // RFC 6066 section 3: a list with its length, of which one entry is a name: type 0, its length, the name.
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1 || size < 5 || data[2] != 0) return {};
  const std::size_t length = std::size_t{data[3]} << 8 | data[4];
  if (length > size - 5 || length > 255) return {};
  std::string name(reinterpret_cast<const char*>(data) + 5, length);
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (name.ends_with('.')) name.pop_back();
  return name;
}

/// Those of others, which would be taken for ours. To clear the queue costs far more than to find it empty.
void forgetErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

int selfSignedIsFine(int verified, X509_STORE_CTX* store) {
  return verified == 1 || X509_STORE_CTX_get_error(store) == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ? 1 : 0;
}

}  // namespace

struct TlsContext::Callbacks {
  static TlsContext& of(SSL* ssl) { return *static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))); }

  /// Before anything is decided: which certificate, and which sessions may be resumed. One that was made for another
  /// name, or at another listener, is not (its context differs), so that what one has checked does not open the other.
  static int hello(SSL* ssl, int*, void*) {
    const TlsContext& self = of(ssl);
    const std::string name = askedFor(ssl);
    const Named* chosen = &self.named_.front();
    for (const Named& one : self.named_) {
      if (!isFor(one.name, name)) continue;
      chosen = &one;
      if (one.name == name) break;  // better than a pattern
    }
    if (chosen != &self.named_.front()) SSL_set_SSL_CTX(ssl, chosen->context);
    const std::string place = self.scope_ + "\n" + name;
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    if (EVP_Digest(place.data(), place.size(), hash.data(), &size, sha256, nullptr) != 1 ||
        SSL_set_session_id_context(ssl, hash.data(), size) != 1)
      return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  static int alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                  unsigned length, void*) {
    const TlsContext& self = of(ssl);
    const auto* ours = reinterpret_cast<const unsigned char*>(self.alpn_.data());
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, size, ours, static_cast<unsigned>(self.alpn_.size()), offered, length) ==
        OPENSSL_NPN_NEGOTIATED) {
      *chosen = found;
      return SSL_TLSEXT_ERR_OK;
    }
    return self.alpnOrNothing_ ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
  }

  static int staple(SSL* ssl, void*) {
    const SSL_CTX* context = SSL_get_SSL_CTX(ssl);
    for (const Named& one : of(ssl).named_) {
      if (one.context != context || one.staple.empty()) continue;
      const std::int64_t now = std::time(nullptr);
      if (now < one.stapleFrom || now >= one.stapleUntil) return SSL_TLSEXT_ERR_NOACK;
      void* copy = OPENSSL_memdup(one.staple.data(), one.staple.size());
      if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
      SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<int>(one.staple.size()));
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  /// Called for each message of the handshake's machine and each alert, so never for data.
  static void happened(const SSL*, int, int) {
    if (++callBytes.talk > callBytes.mayTalk) callBytes.size = 0;
  }

  static int ticket(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                    int encrypt) {
    const int found = of(ssl).ticketKey(name, vector, cipher, mac, encrypt != 0);
    // With TLS 1.3 a client uses a ticket once (RFC 8446 appendix C.4): who comes with one needs the next.
    return found == 1 && encrypt == 0 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : found;
  }

  /// A session can be renewed without end, the certificate that was shown for it cannot: past its time it is asked for
  /// anew, with a handshake in full.
  static SSL_TICKET_RETURN opened(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                                  SSL_TICKET_STATUS status, void*) {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
    const X509* peer = SSL_SESSION_get0_peer(session);
    const std::time_t now = std::time(nullptr) + static_cast<std::time_t>(TlsSession::ahead.count());
    // A time that cannot be read is -2.
    if (peer != nullptr && ASN1_TIME_cmp_time_t(X509_get0_notAfter(peer), now) <= 0)
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
  }
};

Result<void> TlsContext::add(const TlsSettings& settings, const TlsIdentity* identity, bool asServer) {
  SSL_CTX* context = SSL_CTX_new(asServer ? TLS_server_method() : TLS_client_method());
  if (context == nullptr) return tlsError("OpenSSL does not work: " + pem::lastError());
  Named& named = named_.emplace_back(Named{identity != nullptr ? identity->name : "", "", 0, 0, context});
  if (identity != nullptr && !identity->staple.empty()) {
    if (const StapleReport report = inspectStaple(*identity); report.fault == StapleReport::Fault::none) {
      named.staple = identity->staple;
      named.stapleFrom = report.from;
      named.stapleUntil = report.until != 0 ? report.until : std::numeric_limits<std::int64_t>::max();
    }
  }
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_ciphersuites(context, suites13);
  const std::string ciphers = safeOnes(settings.ciphers);
  if (ciphers.empty() || SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
    ERR_clear_error();
    return tlsError("ciphers \"" + settings.ciphers + "\" names none with ECDHE and AEAD");
  }
  SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_info_callback(context, &Callbacks::happened);
  if (identity != nullptr) {
    if (auto used = pem::use(context, identity->chain, identity->key, identity->passphrase); !used) return used;
  }
  // Whom to believe.
  const auto verify =
      settings.verify == VerifyPeer::byRole ? asServer ? VerifyPeer::off : VerifyPeer::required : settings.verify;
  SSL_CTX_set_verify(context,
                     verify == VerifyPeer::off                     ? SSL_VERIFY_NONE
                     : verify == VerifyPeer::optional || !asServer ? SSL_VERIFY_PEER
                                                                   : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     settings.allowSelfSigned ? selfSignedIsFine : nullptr);
  SSL_CTX_set_verify_depth(context, settings.depth);
  if (verify != VerifyPeer::off) {
    if (auto trusted = pem::trust(context, settings.authorities, asServer); !trusted) return trusted;
  }
  if (!asServer) {
    if (!alpn_.empty())
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn_.data()),
                              static_cast<unsigned>(alpn_.size()));
    return {};
  }
  SSL_CTX_set_num_tickets(context, 1);  // each costs as much as a twentieth of the handshake; a client uses one
  SSL_CTX_set_client_hello_cb(context, &Callbacks::hello, nullptr);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, &Callbacks::alpn, nullptr);
  SSL_CTX_set_tlsext_status_cb(context, &Callbacks::staple);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &Callbacks::ticket);
  SSL_CTX_set_session_ticket_cb(context, nullptr, &Callbacks::opened, nullptr);
  return {};
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->prepare(settings);
  made->tickets = TicketKeys::random();
  for (const TlsIdentity& identity : settings.identities) {
    if (const auto added = made->add(settings, &identity, true); !added) return added.error();
  }
  if (made->named_.empty()) return tlsError("there is no certificate");
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->prepare(settings);
  const TlsIdentity* own = settings.identities.empty() ? nullptr : &settings.identities.front();
  if (const auto added = made->add(settings, own, false); !added) return added.error();
  return made;
}

void TlsContext::prepare(const TlsSettings& settings) {
  for (const std::string& one : settings.alpn) {
    if (one.empty() || one.size() > 255) continue;
    alpn_ += static_cast<char>(one.size());
    alpn_ += one;
  }
  alpnOrNothing_ = settings.alpnOrNothing;
  // What was checked of a client belongs to its session: asked for more, it has to show more.
  scope_ = settings.scope + "\n" + std::to_string(static_cast<int>(settings.verify)) +
           (settings.allowSelfSigned ? "s" : "") + std::to_string(settings.depth) + "\n" + settings.authorities;
}

TlsContext::~TlsContext() {
  for (const Named& one : named_) SSL_CTX_free(one.context);
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

void wipe(TlsSettings& settings) noexcept {
  for (TlsIdentity& one : settings.identities) {
    for (std::string* field : {&one.chain, &one.key, &one.passphrase}) wipe(*field);  // a chain may have the key in it
  }
}

// ---- sessions -------------------------------------------------------------------------------------------------------

std::unique_ptr<TlsSession> TlsSession::make(std::shared_ptr<TlsContext> context, bool server) {
  SSL* ssl = SSL_new(context->named_.front().context);
  if (ssl == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  BIO* bio = sharedBio();
  BIO_up_ref(bio);
  BIO_up_ref(bio);
  SSL_set0_rbio(ssl, bio);
  SSL_set0_wbio(ssl, bio);
  server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(context), ssl, server));
}

std::unique_ptr<TlsSession> TlsSession::accept(std::shared_ptr<TlsContext> context) {
  return make(std::move(context), true);
}

std::unique_ptr<TlsSession> TlsSession::connect(std::shared_ptr<TlsContext> context, std::string host,
                                                bool verifyName) {
  if (host.ends_with('.')) host.pop_back();  // "a.example.": the dot is for the resolver
  // The zone of "fe80::1%eth0" means something to this machine only (RFC 6874).
  if (host.find(':') != std::string::npos) host.erase(std::min(host.find('%'), host.size()));
  auto made = make(std::move(context), false);
  if (!made) return nullptr;
  if (host.empty()) return verifyName ? nullptr : std::move(made);
  const bool address = isAddress(host);
  if (!address) SSL_set_tlsext_host_name(made->ssl_, host.c_str());
  if (!verifyName) return made;
  // RFC 9110 section 4.3.4: the names of a certificate, never its subject.
  SSL_set_hostflags(made->ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int named = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(made->ssl_), host.c_str())
                            : SSL_set1_host(made->ssl_, host.c_str());
  if (named == 1) return made;
  ERR_clear_error();
  return nullptr;  // what could not be asked for would not be checked
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::start(std::string& out) {
  if (server_ || state_ != State::handshaking) return;
  callBytes = {nullptr, 0, &out};
  shakeHands();
  callBytes = {};
}

/// True: it is done.
bool TlsSession::shakeHands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::open;
    return true;
  }
  stumbled(result);
  return false;
}

void TlsSession::stumbled(int result) {
  if (callBytes.wanting) return;  // the usual reason, told without a look at the queue of errors
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      if (state_ == State::handshaking) {  // anybody in between can say it, and nobody has proved anything yet
        error_ = "the other end ended it in the handshake";
        state_ = State::broken;
      } else {
        state_ = State::peerEnded;
      }
      return;
    default:
      break;
  }
  const auto verified = SSL_get_verify_result(ssl_);
  const bool unbelieved = state_ == State::handshaking && verified != X509_V_OK &&
                          ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  error_ = pem::lastError();
  if (unbelieved) error_ += std::string(": ") + X509_verify_cert_error_string(verified);
  state_ = State::broken;
}

std::size_t TlsSession::read(std::span<const char> cipher, std::span<char> plain, std::string& out) {
  if (state_ == State::broken || state_ == State::peerEnded || cipher.empty()) return 0;
  // A handshake record is what a hello is in (RFC 8446 section 5.1).
  if (server_ && !begun_ && cipher.front() != 22) {
    plain_ = true;
    error_ = "this is no TLS";
    state_ = State::broken;
    return 0;
  }
  begun_ = true;
  callBytes = {cipher.data(), cipher.size(), &out};
  std::size_t size = 0;
  if (state_ == State::open || shakeHands()) {
    forgetErrors();
    callBytes.talk = 0;
    if (talked_ > 0 && std::chrono::steady_clock::now() - talkBegan_ >= talkTime) talked_ = 0;
    callBytes.mayTalk = mostTalk - talked_;
    // A call that finds nothing costs as much as one that does: it is not made only to hear so.
    while (callBytes.size > 0 || SSL_has_pending(ssl_) == 1) {
      std::size_t got = 0;
      const int result = SSL_read_ex(ssl_, plain.data() + size, plain.size() - size, &got);
      if (result != 1) {
        stumbled(result);
        break;
      }
      size += got;
      if (callBytes.talk > callBytes.mayTalk) break;
    }
    if (callBytes.talk > 0) talked(callBytes.talk);
  }
  callBytes = {};
  return size;
}

/// Each key update, and each hello that is refused, costs as much as a screenful of data, and its sender nothing.
void TlsSession::talked(unsigned steps) {
  if (talked_ == 0) talkBegan_ = std::chrono::steady_clock::now();
  const bool tooMuch = talked_ + steps > mostTalk;
  talked_ = static_cast<std::uint16_t>(std::min(talked_ + steps, mostTalk));
  if (!tooMuch || state_ != State::open) return;
  flooded_ = true;
  error_ = "it sends key updates or hellos, and hardly anything else";
  state_ = State::broken;
}

bool TlsSession::write(std::string_view plain, std::string& out) {
  if (state_ == State::broken || state_ == State::handshaking) return false;
  if (plain.empty()) return true;
  callBytes = {nullptr, 0, &out};
  std::size_t written = 0;
  const bool done = SSL_write_ex(ssl_, plain.data(), plain.size(), &written) == 1;
  callBytes = {};
  if (done) return true;
  error_ = pem::lastError();
  state_ = State::broken;
  return false;
}

void TlsSession::end(std::string& out) {
  if (state_ == State::handshaking) state_ = State::broken;  // nobody waits for its outcome
  if (state_ != State::open && state_ != State::peerEnded) return;
  callBytes = {nullptr, 0, &out};
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  callBytes = {};
}

bool TlsSession::unfinished() const noexcept { return SSL_has_pending(ssl_) == 1; }

std::string_view TlsSession::version() const noexcept { return SSL_get_version(ssl_); }
std::string_view TlsSession::cipher() const noexcept { return SSL_get_cipher_name(ssl_); }
bool TlsSession::resumed() const noexcept { return SSL_session_reused(ssl_) == 1; }

std::string_view TlsSession::alpn() const noexcept {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string TlsSession::peerSubject() const {
  X509* peer = SSL_get0_peer_certificate(ssl_);
  return peer == nullptr ? "" : pem::subjectOf(peer);
}

}  // namespace artel::net
