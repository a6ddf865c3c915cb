// Sends every datagram back to whom it came from. There are no connections: UdpConnection is just the sender's address.
// Try: udp_echo start     then: nc -u 127.0.0.1 8086     and type.
#include <artel/artel.hpp>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker echo("udp://127.0.0.1:8086");
  echo.name = "udp_echo";
  echo.onMessage = [](UdpConnection& sender, std::string_view datagram) { sender.send(datagram); };
  return Worker::runAll(argc, argv);
}
