// One of three programs of a site: it pushes the time of the server to every browser, each second. See site_pages.
#include <artel/artel.hpp>
#include <chrono>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker clock("websocket://127.0.0.1:8091");
  clock.name = "clock";
  clock.onWorkerStart = [&](Worker& self) {
    Timer::add(1.0, [&] {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const auto text = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) + " s since 1970";
      for (auto& [id, browser] : self.connections()) browser->send(text);
    });
  };
  return Worker::runAll(argc, argv);
}
