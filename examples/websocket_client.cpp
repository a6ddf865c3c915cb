// A WebSocket client that echoes: it walks the cases of an Autobahn-style server, sends back what it gets, and asks for
// the report.
// Try: websocket_client start -- ws://127.0.0.1:9001          It stops by itself when the last case is done.
#include <artel/artel.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

using namespace artel;

int main(int argc, char** argv) {
  Worker walker;  // no listener
  walker.name = "websocket_client";
  std::string server;
  int cases = 0, current = 0;
  std::function<void()> next;

  const auto dial = [&](const std::string& path) {
    auto client = AsyncTcpConnection::to(server + path, {.websocketDeflate = true});
    client->maxPackageSize = client->maxSendBufferSize = 64 * 1024 * 1024;
    client->onError = [](TcpConnection&, const Error& error) { log::warn(error.message); };
    return client;
  };
  next = [&] {
    const bool done = ++current > cases;
    const auto client =
        dial(done ? "/updateReports?agent=artel" : "/runCase?case=" + std::to_string(current) + "&agent=artel");
    client->onMessage = [](TcpConnection& c, const websocket::Message& message) { c.send(message); };
    client->onClose = [&, done](TcpConnection&) {
      if (!done) return next();
      std::printf("%d cases walked\n", cases);
      std::fflush(stdout);
      Worker::stopService();
    };
    client->connect();
  };
  walker.onWorkerStart = [&](Worker&) {
    server = Worker::arguments().empty() ? "ws://127.0.0.1:9001" : Worker::arguments()[0];
    const auto client = dial("/getCaseCount");
    client->onMessage = [&](TcpConnection&, const std::string& count) { cases = std::atoi(count.c_str()); };
    client->onClose = [&](TcpConnection&) { next(); };
    client->connect();
  };
  return Worker::runAll(argc, argv);
}
