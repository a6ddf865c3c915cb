// The manual's second example: a WebSocket service in four processes.
// Try: simple_websocket start     then, in a browser's console:
//   ws = new WebSocket("ws://127.0.0.1:2000"); ws.onmessage = e => alert(e.data); ws.onopen = () => ws.send("tom");
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker ws("websocket://0.0.0.0:2000");
  ws.count = 4;
  ws.onMessage = [](TcpConnection& connection, std::string_view text) {
    connection.send("hello " + std::string(text));
  };
  return Worker::runAll(argc, argv);
}
