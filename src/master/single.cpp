#include "src/master/single.hpp"

#include <chrono>
#include <cstdio>

#include "src/log.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"

namespace artel {

int runSingle(const Plan& plan) {
  const auto began = std::chrono::steady_clock::now();
  Worker& worker = *plan.workers.front().worker;
  log::setWho(worker.name + "/" + std::to_string(platform::currentPid()));
  WorkerProcess::Setup setup;
  setup.worker = &worker;
  if (!worker.core().address.none()) setup.listener = worker.core().bind();
  setup.ready = [&] {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    std::fputs(startScreen(plan, platform::standardOutput(), took).c_str(), stdout);
    std::fflush(stdout);
  };
  return WorkerProcess(std::move(setup)).run();
}

}  // namespace artel
