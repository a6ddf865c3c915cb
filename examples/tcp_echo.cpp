// Sends bytes back as they arrive. Raw TCP has no messages: one write may come in pieces, or several glued together.
// Try: tcp_echo start     then: nc 127.0.0.1 8085     and type.
#include <artel/artel.hpp>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker echo("tcp://127.0.0.1:8085");
  echo.name = "tcp_echo";
  echo.onMessage = [](TcpConnection& connection, std::string_view bytes) { connection.send(bytes); };
  return Worker::runAll(argc, argv);
}
