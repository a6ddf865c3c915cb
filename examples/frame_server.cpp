// The frame protocol: four bytes say how long the whole packet is (most significant first, themselves included), then
// come that many bytes of anything. Each frame is answered by one with its bytes in reverse.
// Try: frame_server start     then: printf '\0\0\0\011artel' | nc -q 1 127.0.0.1 5679 | xxd
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker frame("frame://0.0.0.0:5679");
  frame.name = "frame_server";
  frame.onMessage = [](TcpConnection& connection, std::string_view payload) {
    connection.send(std::string(payload.rbegin(), payload.rend()));
  };
  return Worker::runAll(argc, argv);
}
