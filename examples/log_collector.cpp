// Log lines by UDP: one process collects the datagrams of many, and nobody waits for it. The other side, a process that
// sends a line each second, shows what a program does that logs there.
// Try: log_collector start                       Windows: two windows, with --worker collector and --worker sender
// Other addresses: --listen collector=udp://... -- udp://WHERE-THE-COLLECTOR-IS
#include <artel/artel.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

using namespace artel;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Worker collector("udp://127.0.0.1:5692");
  collector.name = "collector";
  collector.onMessage = [](UdpConnection& from, std::string_view line) {
    log::info(from.getRemoteAddress() + " says: " + std::string(line));
  };

  Worker sender;
  sender.name = "sender";
  std::shared_ptr<AsyncUdpConnection> logs;
  sender.onWorkerStart = [&](Worker&) {
    logs = AsyncUdpConnection::to(Worker::arguments().empty() ? "udp://127.0.0.1:5692" : Worker::arguments()[0]);
    Timer::add(1s, [&, count = 0]() mutable { logs->send("line " + std::to_string(++count)); });
  };
  return Worker::runAll(argc, argv);
}
