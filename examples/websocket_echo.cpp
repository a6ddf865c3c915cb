// Sends every WebSocket message back, text as text and binary as binary; fragments come back joined. Compressed where
// the client offers it.
// Try: websocket_echo start     then: python3 -m websockets ws://127.0.0.1:8083/
#include <artel/artel.hpp>

using namespace artel;

int main(int argc, char** argv) {
  Worker echo("websocket://127.0.0.1:8083");
  echo.name = "websocket_echo";
  echo.websocketDeflate = true;
  echo.onMessage = [](TcpConnection& connection, const websocket::Message& message) { connection.send(message); };
  return Worker::runAll(argc, argv);
}
