// Broadcast: what one client says, all clients hear, itself included.
// Try: broadcast start     then, in two terminals: nc 127.0.0.1 5684
// connections() holds the clients of one process: with --count 2 only those who share the speaker's process hear it.
// (Across processes that is a job for the Channel component.)
#include <artel/artel.hpp>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker hall("text://0.0.0.0:5684");
  hall.name = "broadcast";
  hall.onMessage = [&](TcpConnection&, std::string_view text) {
    for (auto& [id, connection] : hall.connections()) connection->send(text);
  };
  return Worker::runAll(argc, argv);
}
