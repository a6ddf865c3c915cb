// The manual's third example: bytes over TCP, in four processes. What arrives together is answered together.
// Try: simple_tcp start     then: nc 127.0.0.1 2347     and type tom.
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker tcp("tcp://0.0.0.0:2347");
  tcp.count = 4;
  tcp.onMessage = [](TcpConnection& connection, std::string_view bytes) {
    connection.send("hello " + std::string(bytes));
  };
  return Worker::runAll(argc, argv);
}
