// A Worker without a listener: one process that does something every 2.5 seconds.
// Try: simple_timer start     or, for every half second: simple_timer start -- 0.5
#include <artel/artel.hpp>
#include <cstdio>
#include <string>

using namespace artel;

int main(int argc, char** argv) {
  Worker task;
  task.name = "task";
  task.onWorkerStart = [](Worker&) {
    const double seconds = Worker::arguments().empty() ? 2.5 : std::stod(Worker::arguments().front());
    Timer::add(seconds, [run = 0]() mutable {
      std::printf("task run %d\n", ++run);
      std::fflush(stdout);
    });
  };
  return Worker::runAll(argc, argv);
}
