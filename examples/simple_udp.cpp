// The manual's UDP service: each datagram is answered to its sender.
// Try: simple_udp start     then: nc -u 127.0.0.1 9292     and type.
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker udp("udp://0.0.0.0:9292");
  udp.onMessage = [](UdpConnection& sender, std::string_view datagram) {
    sender.send("get message " + std::string(datagram));
  };
  return Worker::runAll(argc, argv);
}
