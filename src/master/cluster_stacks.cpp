// Where a worker is: when it crashes, when `trace` asks, and when it is stuck (Worker::workerTimeout). The worker tells
// it from a signal handler; nothing here waits for it.
#include <algorithm>
#include <string>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/human.hpp"
#include "src/worker/core.hpp"
#include "src/worker/stacks.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {

constexpr auto timeToAnswer = 2s;

/// Of a process that does not answer.
std::pair<std::string, std::string> whyAndTry(char state, platform::Pid pid) {
  const std::string number = std::to_string(pid);
  if (state == 'T') return {"it is stopped (signal STOP)", "kill -CONT " + number};
  if (state == 't') return {"a debugger holds it", "bt, in that debugger"};
  if (state == 'D')
    return {"it waits in the kernel, where no signal reaches it", "cat /proc/" + number + "/stack      (as root)"};
  return {"it does not take signals, or waits for the processor", "gdb -p " + number + " -batch -ex bt"};
}

}  // namespace

void Cluster::crashHeard(const Slot& slot, const Process& process, const std::string& body) {
  log::error(nameOf(slot) + " (pid " + std::to_string(process.pid) + ") crashed: " + platform::demangled(body));
}

void Cluster::traceAsked(const Client& client, const ControlRequest& request) {
  const auto pid = request.number("pid").value_or(0);
  bool found = false;
  std::string known;
  forEach([&](Slot& slot, Process& process) {
    if (!process.alive()) return;
    found = found || process.pid == pid;
    known += (known.empty() ? "" : ", ") + std::to_string(process.pid) + " (" + workerOf(slot) + ")";
  });
  if (!found)
    return client->refuse(SetupError(Exit::usage,
                                     files_.name + " has no worker process " + std::to_string(pid) +
                                         (pid == platform::currentPid() ? ": this is its master" : ""),
                                     {{"known", known.empty() ? "none runs at the moment" : known}}));
  if (const char state = platform::processState(pid); state == 'T' || state == 't') return traceFailed(*client, pid);
  if (const auto sent = platform::askTrace(pid); !sent)
    return client->refuse(SetupError(Exit::failed, "the process cannot be asked: " + sent.error().message));
  traces_.push_back({client, pid, Clock::now() + timeToAnswer});
}

void Cluster::traceFailed(ControlClient& client, platform::Pid pid) {
  const auto [why, remedy] = whyAndTry(platform::processState(pid), pid);
  client.refuse(SetupError(Exit::failed, "the process " + std::to_string(pid) + " does not show its stack: " + why,
                           {{"try", remedy}}));
}

void Cluster::stackHeard(Slot& slot, Process& process, const std::string& body) {
  const auto answer = StackAnswer::parse(body);
  if (!answer) return;
  const std::string stack = platform::demangled(answer->stack);
  const auto numbers = numbersOf(process);
  std::erase_if(traces_, [&](const Trace& trace) {
    if (trace.pid != process.pid) return false;
    if (const Client client = trace.client.lock()) {
      const bool idle = !numbers || numbers->inTurn == 0ms;
      client->out(workerOf(slot) + "/" + std::to_string(process.pid) +
                  (idle ? "  idle" : "  busy for " + human::duration(numbers->inTurn) + "  in " + numbers->callback()));
      for (std::size_t begin = 0; begin < stack.size();) {
        const auto end = std::min(stack.find('\n', begin), stack.size());
        client->out(std::string_view(stack).substr(begin, end - begin));
        begin = end + 1;
      }
      client->end(static_cast<int>(Exit::ok));
    }
    return true;
  });
  if (process.watch.heard(answer->progress) == StuckWatch::Advice::kill) killStuck(slot, process, stack);
}

void Cluster::advanceTraces() {
  std::erase_if(traces_, [&](const Trace& trace) {
    const Client client = trace.client.lock();
    if (!client || client->ended()) return true;  // the command has gone
    if (Clock::now() < trace.until) return false;
    traceFailed(*client, trace.pid);
    return true;
  });
}

void Cluster::traceEnded(platform::Pid pid, const std::string& how) {
  std::erase_if(traces_, [&](const Trace& trace) {
    if (trace.pid != pid) return false;
    if (const Client client = trace.client.lock())
      client->refuse(SetupError(Exit::failed, "the process " + std::to_string(pid) + " has ended: " + how));
    return true;
  });
}

void Cluster::watchStuck() {
  const auto timeout = Worker::workerTimeout;
  const auto now = Clock::now();
  if (timeout <= 0ms) {
    nextLook_ = Clock::time_point::max();
    return;
  }
  if (now < nextLook_ && nextLook_ != Clock::time_point::max()) return;
  nextLook_ = now + StuckWatch::interval(timeout);
  forEach([&](Slot& slot, Process& process) {
    // Who was told to stop has a deadline of its own, unless it may take for ever.
    const bool limited = process.told && process.deadline != Clock::time_point::max();
    if (!process.alive() || !process.ready || process.killed || limited) return;
    const char state = platform::processState(process.pid);
    const auto advice = process.watch.look(numbersOf(process), state, now, timeout);
    if (advice == StuckWatch::Advice::ask) static_cast<void>(platform::askTrace(process.pid));
    if (advice == StuckWatch::Advice::kill)
      killStuck(slot, process, "  (no stack: " + whyAndTry(state, process.pid).first + ")");
  });
}

void Cluster::killStuck(Slot& slot, Process& process, const std::string& stack) {
  const auto numbers = numbersOf(process);
  const bool stopped = process.watch.stopped();
  process.stuck = true;
  kill(slot, process,
       (stopped   ? "has been stopped"
        : numbers ? "has been in " + numbers->callback()
                  : "has been in one callback") +
           " for longer than workerTimeout (" + std::to_string(Worker::workerTimeout / 1ms) + " ms) and is killed" +
           (stopped ? "" : "\n" + stack));
}

}  // namespace artel
