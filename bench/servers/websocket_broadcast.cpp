// What one WebSocket client says, all hear. (The example `broadcast` does the same with lines.)
#include <artel/artel.hpp>

using namespace artel;

int main(int argc, char** argv) {
  Worker hall("websocket://127.0.0.1:8090");
  hall.name = "websocket_broadcast";
  hall.onMessage = [&](TcpConnection&, const websocket::Message& message) {
    for (auto& [id, connection] : hall.connections()) connection->send(message);
  };
  return Worker::runAll(argc, argv);
}
