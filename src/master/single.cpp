#include "src/master/single.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

#include "artel/version.hpp"
#include "src/log.hpp"
#include "src/master/metrics_text.hpp"
#include "src/master/start_screen.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"
#include "src/worker/stacks.hpp"

namespace artel {

SetupError runsAlready(const Plan& plan, platform::Pid owner) {
  return {Exit::alreadyRunning,
          plan.name + " is already running" + (owner > 0 ? ": process " + std::to_string(owner) : ""),
          {{"try", "Ctrl+C in its window, or close that"},
           {"or", plan.program + " start --pid-file FILE      (a second instance beside it)"}}};
}

int runSingle(const Plan& plan, const ServiceFiles& files) {
  const auto began = std::chrono::steady_clock::now();
  Worker& worker = *plan.workers.front().worker;
  // Several Workers of one program are as many processes.
  const std::string name = files.lock + ":" + worker.name;
  platform::ServiceLock lock;
  if (const auto taken = lock.take(name); !taken) {
    if (taken.error().code == Errc::addressInUse)
      throw runsAlready(plan, platform::ServiceLock::owner(name).value_or(0));
    throw SetupError(Exit::failed, plan.name + " cannot tell others that it runs: " + taken.error().message);
  }
  log::setWho(worker.name + "/" + std::to_string(platform::currentPid()));
  WorkerProcess::Setup setup;
  setup.worker = &worker;
  auto memory = platform::SharedMemory::create(sizeof(net::StatisticsBlock));
  if (!memory) throw SetupError(Exit::failed, "no memory: " + memory.error().message);
  setup.statistics = net::StatisticsBlock::prepare(memory->data(), buildId());
  setup.numbers = [&, startedAt = std::time(nullptr)] {
    MetricsReport report{std::string(version()), std::string(buildId()), static_cast<std::uint64_t>(startedAt), 0, {}};
    MetricsReport::Group group;
    group.worker = worker.core().metricsName();
    group.wanted = 1;
    addProcess(group, {static_cast<const std::byte*>(memory->data()), memory->size()}, monotonicMilliseconds(),
               platform::residentMemory());
    report.groups.push_back(std::move(group));
    return metricsText(report);
  };
  if (!worker.core().address.none()) setup.listener = worker.core().bind();
  setup.ready = [&] {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    std::fputs(startScreen(plan, platform::standardOutput(), took).c_str(), stdout);
    std::fflush(stdout);
  };
  stacks::reportAlone();
  const int code = WorkerProcess(std::move(setup)).run();
  platform::offCrash();
  return code;
}

}  // namespace artel
