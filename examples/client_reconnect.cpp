// A client that stays connected: it logs in, keeps what it gets, and comes back a second after any end.
// Try: text_server start     then: client_reconnect start -- text://127.0.0.1:5678     and stop and start the server
#include <artel/artel.hpp>
#include <chrono>
#include <string>
#include <string_view>

using namespace artel;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  Worker task;  // no listener: a process that only dials out
  task.name = "client_reconnect";
  AsyncTcpConnectionPtr upstream;

  task.onWorkerStart = [&](Worker&) {
    upstream = AsyncTcpConnection::to(Worker::arguments().empty() ? "text://127.0.0.1:5678" : Worker::arguments()[0]);
    upstream->onConnect = [](TcpConnection& c) {
      log::info("connected to " + c.getRemoteAddress());
      c.send("sesame");
    };
    upstream->onMessage = [](TcpConnection&, std::string_view line) { log::info("got: " + std::string(line)); };
    upstream->onError = [](TcpConnection&, const Error& error) { log::warn(error.message); };
    upstream->onClose = [](TcpConnection& c) { c.dialled()->reconnect(1s); };  // after an error, too
    upstream->connect();
  };
  return Worker::runAll(argc, argv);
}
