// Active push: a timer in each process sends something to all of its clients, who need not ask.
// Try: active_push start     then: python3 -m websockets ws://127.0.0.1:5686/
#include <artel/artel.hpp>
#include <chrono>
#include <string>

using namespace artel;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Worker push("websocket://0.0.0.0:5686");
  push.name = "active_push";
  push.count = 2;
  push.onWorkerStart = [](Worker& self) {
    Timer::add(1s, [&self] {
      const auto now = std::chrono::system_clock::now().time_since_epoch() / 1s;
      for (auto& [id, connection] : self.connections()) connection->send("the time is " + std::to_string(now));
    });
  };
  return Worker::runAll(argc, argv);
}
