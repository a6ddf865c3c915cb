// TLS 1.3 on the client's side. Only TLS_AES_128_GCM_SHA256 is offered, so that all servers do the same work.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace bench {

/// What all connections share. Certificates are not checked: whose they are is not what is measured.
class Tls {
 public:
  enum class Step { done, reads, writes, failed, notResumed };

  /// `resumes`: the first session that a server gives is shown by every later connection, which must be resumed.
  explicit Tls(bool resumes);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// For one connection; with end() its owner gives it back.
  ssl_st* begin(int fd);
  static void end(ssl_st* connection);
  /// Again when the socket is readable or writable, as the step says, until it is done.
  static Step shakeHands(ssl_st* connection);

  /// As send() and recv(): EAGAIN when there is nothing to do now.
  static ssize_t send(ssl_st* connection, std::string_view bytes);
  static ssize_t receive(ssl_st* connection, char* into, std::size_t room);
  /// Bytes have been taken from the socket and not been read: no event will tell.
  static bool holdsMore(const ssl_st* connection);

 private:
  ssl_ctx_st* context_;
  ssl_session_st* session_ = nullptr;
};

}  // namespace bench
