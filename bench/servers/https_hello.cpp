// The example http_hello over TLS, with the certificate and the key of the directory it is started in.
#include <artel/artel.hpp>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("https://127.0.0.1:8443");
  web.name = "https_hello";
  web.ssl.localCert = "certificate.pem";
  web.ssl.localPk = "key.pem";
  const http::Response hello{.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "hello world"};
  web.onMessage = [&](TcpConnection& connection, const http::Request&) { connection.send(hello); };
  return Worker::runAll(argc, argv);
}
