#include "bench/linux/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace bench {
namespace {

// What send() and recv() would have returned.
ssize_t outcome(SSL* connection, int result, std::size_t size) {
  if (result == 1) return static_cast<ssize_t>(size);
  const int why = SSL_get_error(connection, result);
  if (why == SSL_ERROR_ZERO_RETURN) return 0;
  errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
  return -1;
}

}  // namespace

Tls::Tls(bool resumes) : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_ || SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256") != 1) {
    ERR_print_errors_fp(stderr);
    std::exit(3);
  }
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  if (!resumes) return;
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context_, this);
  SSL_CTX_sess_set_new_cb(context_, [](SSL* connection, SSL_SESSION* given) {
    auto& self = *static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
    // A copy: a session that is given a newer one is not resumed any more. Nor is ours to be given one.
    if (!self.session_) self.session_ = SSL_SESSION_dup(given);
    SSL_CTX_set_session_cache_mode(self.context_, SSL_SESS_CACHE_OFF);
    return 0;
  });
}

Tls::~Tls() {
  SSL_SESSION_free(session_);
  SSL_CTX_free(context_);
}

ssl_st* Tls::begin(int fd) {
  SSL* connection = SSL_new(context_);
  SSL_set_fd(connection, fd);
  SSL_set_connect_state(connection);
  if (session_) SSL_set_session(connection, session_);
  SSL_set_app_data(connection, session_);
  return connection;
}

void Tls::end(ssl_st* connection) {
  SSL_set_shutdown(connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else its session is not resumed any more
  SSL_free(connection);
}

Tls::Step Tls::shakeHands(ssl_st* connection) {
  ERR_clear_error();
  const int result = SSL_do_handshake(connection);
  if (result == 1)
    return SSL_get_app_data(connection) && !SSL_session_reused(connection) ? Step::notResumed : Step::done;
  switch (SSL_get_error(connection, result)) {
    case SSL_ERROR_WANT_READ:
      return Step::reads;
    case SSL_ERROR_WANT_WRITE:
      return Step::writes;
    default:
      return Step::failed;
  }
}

ssize_t Tls::send(ssl_st* connection, std::string_view bytes) {
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_write_ex(connection, bytes.data(), bytes.size(), &size);
  return outcome(connection, result, size);
}

ssize_t Tls::receive(ssl_st* connection, char* into, std::size_t room) {
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_read_ex(connection, into, room, &size);
  return outcome(connection, result, size);
}

bool Tls::holdsMore(const ssl_st* connection) { return SSL_has_pending(connection) == 1; }

}  // namespace bench
