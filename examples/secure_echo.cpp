// HTTPS and WebSocket over TLS on one port, with a certificate for development.
// Try: secure_echo start     then curl --cacert development.pem https://127.0.0.1:8443/ in the same folder
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker web("https://127.0.0.1:8443");
  web.name = "secure_echo";
  web.ssl.development = true;  // in earnest: web.ssl.localCert and localPk, see docs/tls.md
  web.onMessage = [](TcpConnection& connection, const http::Request& request) {
    connection.send("over TLS: " + std::string(request.path()) + "\n");
  };
  web.onWebSocketMessage = [](TcpConnection& connection, std::string_view text) { connection.send(text); };
  return Worker::runAll(argc, argv);
}
