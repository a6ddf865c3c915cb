// Close unauthenticated connections: who has not logged in within 30 seconds is closed.
// Try: close_unauthenticated start -- 5     (5 seconds)     then: nc 127.0.0.1 5690     The login is: login sesame
#include <artel/artel.hpp>
#include <string>
#include <string_view>

using namespace artel;

struct Session {
  bool known = false;
  Timer::Id deadline = 0;
};

int main(int argc, char** argv) {
  Worker worker("text://0.0.0.0:5690");
  worker.name = "close_unauthenticated";
  double seconds = 30;
  worker.onWorkerStart = [&](Worker&) {
    if (!Worker::arguments().empty()) seconds = std::stod(Worker::arguments().front());
  };
  worker.onConnect = [&](TcpConnection& connection) {
    connection.context<Session>().deadline = Timer::delay(seconds, [weak = connection.weak()] {
      if (const auto silent = weak.lock()) silent->close("no login, goodbye");
    });
  };
  worker.onMessage = [](TcpConnection& connection, std::string_view line) {
    auto& session = connection.context<Session>();
    if (!session.known && line != "login sesame") return connection.close("wrong login, goodbye");
    if (!session.known) Timer::del(session.deadline);
    connection.send(session.known ? "you said " + std::string(line) : "welcome");
    session.known = true;
  };
  // Who leaves early takes the timer along.
  worker.onClose = [](TcpConnection& gone) { Timer::del(gone.context<Session>().deadline); };
  return Worker::runAll(argc, argv);
}
