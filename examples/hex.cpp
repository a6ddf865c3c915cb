// Hexadecimal data: devices send binary packets, people write them as hex. What comes is logged as hex; the answer is
// written as hex, too: the head aa55, then the packet, then the sum of its bytes.
// Try: hex start     then: printf '\001\377' | nc -q 1 127.0.0.1 5691 | xxd     (prints aa55 01ff 00)
#include <artel/artel.hpp>
#include <numeric>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker device("tcp://0.0.0.0:5691");
  device.name = "hex";
  device.onMessage = [](TcpConnection& connection, std::string_view packet) {
    log::info("received " + toHex(packet));
    const char sum = static_cast<char>(std::accumulate(packet.begin(), packet.end(), 0) & 0xff);
    connection.send(fromHex("aa55" + toHex(packet) + toHex({&sum, 1})).value_or(""));
  };
  return Worker::runAll(argc, argv);
}
