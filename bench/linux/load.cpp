// artel-load: a load generator that checks every answer. One thread; pin it to a core that the server does not use.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "bench/linux/engine.hpp"
#include "bench/linux/flood.hpp"
#include "bench/linux/options.hpp"
#include "bench/linux/patterns.hpp"
#include "bench/linux/process_times.hpp"
#include "bench/linux/protocol.hpp"

namespace {

using namespace bench;

struct Moment {
  explicit Moment(const std::vector<int>& pids)
      : time(now()), server(cpuOf(pids)), self(cpuOfThisProgram()), machine(cpuOfTheMachine()) {}
  std::uint64_t time;
  double server, self, machine;
};

void print(const Tally& tally, const Moment& from, const Moment& to) {
  const double seconds = static_cast<double>(to.time - from.time) / 1e9;
  const double server = to.server - from.server;
  const double self = to.self - from.self;
  const double foreign = to.machine - from.machine - server - self;
  const auto answers = static_cast<double>(tally.answers);
  auto count = [](const char* name, std::uint64_t value) {
    std::printf(", \"%s\": %llu", name, static_cast<unsigned long long>(value));
  };
  auto latency = [&](const char* name, double percent) {
    std::printf(", \"%s\": %.1f", name, static_cast<double>(tally.latency.percentile(percent)) / 1e3);
  };
  std::printf("{\"seconds\": %.3f", seconds);
  count("answers", tally.answers);
  std::printf(", \"per_second\": %.0f", answers / seconds);
  std::printf(", \"cpu_us\": %.4f", tally.answers ? server * 1e6 / answers : 0);
  latency("p50_us", 50);
  latency("p90_us", 90);
  latency("p99_us", 99);
  latency("p999_us", 99.9);
  std::printf(", \"max_us\": %.1f", static_cast<double>(tally.latency.largest()) / 1e3);
  std::printf(", \"server_cpu\": %.3f, \"load_cpu\": %.3f, \"foreign_cpu\": %.3f", server / seconds, self / seconds,
              foreign / seconds);
  count("wrong", tally.wrong);
  count("lost", tally.lost);
  count("refused", tally.refused);
  count("bytes", tally.bytes);
  std::puts("}");
}

constexpr std::uint64_t seconds(double value) { return static_cast<std::uint64_t>(value * 1e9); }

int hold(Engine& engine, const Hold& pattern) {
  const auto deadline = now() + seconds(120);
  while (!pattern.done(engine) && engine.tally.wrong == 0 && engine.tally.lost == 0 && now() < deadline)
    engine.runUntil(now() + seconds(0.02));
  if (!pattern.done(engine)) return 3;
  std::puts("READY");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

void allowManyDescriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without asking for that
  const Options options = parseOptions(argc, argv);
  allowManyDescriptors();
  Protocol protocol(options);
  if (options.mode == "flood") return flood(options, protocol);

  const auto pattern = makePattern(options);
  Engine engine(options, protocol, *pattern);
  const auto pids = processTree(options.pids);
  Moment from(pids);
  if (!engine.connectAll()) {
    std::fprintf(stderr, "artel-load: only %zu of %zu connections\n", engine.liveCount(), options.connections);
    return engine.tally.wrong ? 1 : 3;
  }
  if (const auto* silent = dynamic_cast<const Hold*>(pattern.get())) return hold(engine, *silent);

  if (options.requests) {
    engine.runUntil(now() + seconds(120), options.requests);
  } else {
    engine.runUntil(now() + seconds(options.warmup));
    from = Moment(pids);
    engine.tally = Tally();
    engine.runUntil(from.time + seconds(options.seconds));
  }
  print(engine.tally, from, Moment(pids));
  if (engine.tally.wrong) return 1;
  return engine.tally.answers > 0 && engine.tally.answers >= options.requests ? 0 : 3;
}
