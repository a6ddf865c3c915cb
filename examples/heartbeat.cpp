// Heartbeat: a client that says nothing for 55 seconds is closed; a timer looks round every 10 seconds. Clients send
// anything at all, at least once a minute, and connect again when they were closed.
// Try: heartbeat start -- 5     (5 seconds instead of 55)     then: nc 127.0.0.1 5689
// Without a line of code: worker.idleTimeout closes the silent, worker.pingInterval finds vanished WebSocket clients.
#include <artel/artel.hpp>
#include <chrono>
#include <string>
#include <string_view>

using namespace artel;
using Clock = std::chrono::steady_clock;

struct Heard {
  Clock::time_point last = Clock::now();
};

int main(int argc, char** argv) {
  Worker worker("text://0.0.0.0:5689");
  worker.name = "heartbeat";
  worker.onConnect = [](TcpConnection& connection) { connection.context<Heard>(); };
  worker.onMessage = [](TcpConnection& connection, std::string_view) {
    connection.context<Heard>().last = Clock::now();
  };
  worker.onWorkerStart = [](Worker& self) {
    const double limit = Worker::arguments().empty() ? 55 : std::stod(Worker::arguments().front());
    Timer::add(limit / 5.5, [&self, limit] {
      for (auto& [id, connection] : self.connections()) {
        const std::chrono::duration<double> silent = Clock::now() - connection->context<Heard>().last;
        if (silent.count() > limit) connection->close();
      }
    });
  };
  return Worker::runAll(argc, argv);
}
