// Sends every line back. The text protocol cuts the stream at newlines, so a message is always one whole line.
// Try: text_echo start     then: nc 127.0.0.1 8084     and type.
#include <artel/artel.hpp>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker echo("text://127.0.0.1:8084");
  echo.name = "text_echo";
  echo.onMessage = [](TcpConnection& connection, std::string_view line) { connection.send(line); };
  return Worker::runAll(argc, argv);
}
