#include "bench/linux/floor_tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace bench {
namespace {

SSL_CTX* context = nullptr;
BIO* bio = nullptr;  // of all connections: it holds nothing
std::string_view input;
std::string* output = nullptr;

int readInput(BIO* self, char* into, int room) {
  BIO_clear_retry_flags(self);
  const auto size = std::min(input.size(), static_cast<std::size_t>(room));
  if (size == 0) return BIO_set_retry_read(self), -1;
  std::memcpy(into, input.data(), size);
  input.remove_prefix(size);
  return static_cast<int>(size);
}

int writeOutput(BIO*, const char* bytes, int size) {
  output->append(bytes, static_cast<std::size_t>(size));
  return size;
}

long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH; }

}  // namespace

void floorTlsBegin() {
  context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, "certificate.pem") != 1 ||
      SSL_CTX_use_PrivateKey_file(context, "key.pem", SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    std::exit(1);
  }
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_num_tickets(context, 1);  // as artel
  SSL_CTX_set_read_ahead(context, 1);
  BIO_METHOD* method = BIO_meth_new(BIO_TYPE_MEM, "floor");
  BIO_meth_set_read(method, readInput);
  BIO_meth_set_write(method, writeOutput);
  BIO_meth_set_ctrl(method, control);
  bio = BIO_new(method);
  BIO_set_init(bio, 1);
}

ssl_st* floorTlsAccept() {
  SSL* connection = SSL_new(context);
  BIO_up_ref(bio);
  SSL_set_bio(connection, bio, bio);
  SSL_set_accept_state(connection);
  return connection;
}

void floorTlsEnd(ssl_st* connection) { SSL_free(connection); }

bool floorDecrypt(ssl_st* connection, std::string_view received, std::string& plain, std::string& out) {
  static std::vector<char> buffer(256 * 1024);
  input = received;
  output = &out;
  for (;;) {
    ERR_clear_error();
    const int size = SSL_read(connection, buffer.data(), static_cast<int>(buffer.size()));
    if (size <= 0) return SSL_get_error(connection, size) == SSL_ERROR_WANT_READ;
    plain.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

bool floorEncrypt(ssl_st* connection, std::string_view plain, std::string& out) {
  output = &out;
  return SSL_write(connection, plain.data(), static_cast<int>(plain.size())) > 0;
}

}  // namespace bench
