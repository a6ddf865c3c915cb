// The master process: binds, forks, supervises, replaces, stops. It runs no event loop and, but for the hooks named
// onMaster..., no user callback; it sleeps until a signal, the exit of a worker, a worker's message or a command.
//
//   slot: empty ──fork──► serving (starting, then ready) ──exit──► empty (again after a pause that grows while it dies
//         young)
//   reload: a successor is forked beside serving; when it is ready it takes its place, and what served before becomes
//         the predecessor, which is told to stop and has a deadline.
//   handover: the program file has changed. The new program is tried in a child; then it becomes this process, takes
//         the slots over, and reloads.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/candidate.hpp"
#include "src/master/connections_query.hpp"
#include "src/master/control.hpp"
#include "src/master/exit_counts.hpp"
#include "src/master/handover_state.hpp"
#include "src/master/metrics_text.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_files.hpp"
#include "src/master/socket_files.hpp"
#include "src/master/status_report.hpp"
#include "src/master/stuck_watch.hpp"
#include "src/worker/process.hpp"

namespace artel {

class Cluster {
 public:
  /// `launcher`: to the command that waits for a service in the background; empty in the foreground. Takes the
  /// service's lock; throws SetupError (E04) when another master holds it.
  Cluster(Plan plan, ServiceFiles files, platform::Channel& launcher);
  /// Takes over the service of the program that was this process before.
  Cluster(Plan plan, ServiceFiles files, platform::Channel& launcher, HandoverState state);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// The whole life of the service; the exit code.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  enum class Phase { starting, running, stopping };

  static constexpr std::size_t noRecord = SIZE_MAX;
  /// Messages of one process in a turn: one that floods us does not keep us from the others, nor from commands.
  static constexpr int mostHeard = 64;
  /// Of one that has ended: more than its channel holds.
  static constexpr int allHeard = 100 * mostHeard;
  struct Process {
    platform::Pid pid = 0;
    platform::Channel channel;
    platform::SharedMemory statistics;  ///< a net::StatisticsBlock, which the process writes
    std::size_t record = 0;             ///< which shared record is its own; see records(); noRecord: none of ours
    std::uint64_t generation = 0;
    Clock::time_point started{}, deadline = Clock::time_point::max();
    Milliseconds given{0};  ///< how long it was given to stop
    bool ready = false, told = false, graceful = false, killed = false;
    bool late = false;   ///< a graceful one whose time is over
    bool stuck = false;  ///< killed for workerTimeout
    StuckWatch watch;
    std::vector<std::string> opened;  ///< listeners of Slot::kept that were not there before it: a successor's
    bool alive() const noexcept { return pid != 0; }
  };
  struct Slot {
    const PlannedWorker* planned = nullptr;  ///< null: of a Worker that this program has not
    std::string label;                       ///< then: who it was
    int id = 0;
    platform::NativeSocket listener = platform::noSocket;
    std::map<std::string, platform::NativeSocket> kept;  ///< bound by Worker::listen() in its processes, by name
    Process serving, successor, predecessor;
    Clock::time_point due{};
    Milliseconds pause{0};
    // With reusePort: see cluster_lending.cpp.
    platform::Pid helper = 0;                              ///< a sibling that serves `listener`, too
    std::vector<platform::Pid> former;                     ///< who did, and could not be told yet that it is over
    Clock::time_point missing = Clock::time_point::max();  ///< since when no process serves
    bool blocked = false;                                  ///< its process is there, but does not come to accepting
    int exits = 0;
    bool worn = false;     ///< its process has served maxRequests
    bool counted = false;  ///< the process that comes now is part of a reload
    bool added = false;    ///< and the first in this slot
    bool leaves = false;   ///< it is in gone_
  };
  struct Reload {
    bool active = false, graceful = false;
    Milliseconds timeout{0};
    int replaced = 0, added = 0, gone = 0, kept = 0, killed = 0, cut = 0;
    std::string programs;  ///< "3f2a -> 9c1d" after a handover
    std::vector<std::string> failures;
    std::vector<std::weak_ptr<ControlClient>> waiting;
  };
  using Client = std::shared_ptr<ControlClient>;

  // cluster.cpp: start, the one sleep, forks and exits
  void begin();
  void announce();
  void fork(Slot& slot, Process& process);
  int workerBody(Slot& slot, Process& process, platform::Channel channel);
  void closeInChild(const Slot& own, const Process& process);
  void feedWatchdog();
  void turn();
  Clock::time_point nextDue() const;
  void forkDue();
  void allReady();
  void handle(platform::Notice notice);
  void ended(const platform::ChildExit& exit);
  void endedServing(Slot& slot, const Process& was, const platform::ChildExit& exit);
  /// To whom it belongs; who cannot be told stays as it is, and the log says so.
  static void pass(const Slot& slot, const Process& process, char kind, const std::string& body,
                   platform::NativeSocket file);
  void heard(Slot& slot, Process& process, int most = mostHeard);
  void becameReady(Slot& slot, Process& process);
  int finish();
  template <class F>
  void forEach(F&& f) {
    for (auto* slots : {&slots_, &gone_}) {
      for (Slot& slot : *slots) {
        for (Process* process : {&slot.serving, &slot.successor, &slot.predecessor}) {
          if (process->alive() || process->channel) f(slot, *process);
        }
      }
    }
  }
  bool anyAlive() const noexcept;
  static std::string nameOf(const Slot& slot);
  static std::string workerOf(const Slot& slot);
  static std::string describe(const Process& process, const platform::ChildExit& exit);
  /// Two for each slot of this Worker, so that a process and its successor do not share one. None for a Worker of
  /// another program.
  std::span<Balance::Record> records(const Slot& slot);
  void shareBalance(const PlannedWorker& planned, platform::SharedMemory memory);

  // cluster_listeners.cpp
  void bind();
  bool awaitOrphans();
  void keepListener(Slot& slot, Process* by, const std::string& what, platform::NativeSocket socket);
  static void notOpenedBy(Slot& slot, const std::string& name, const Process* but);
  void forgetListener(Slot& slot, const std::string& name);
  static std::string socketFileOf(const std::string& name);

  // cluster_stop.cpp
  /// `by` goes into the log.
  void beginStop(bool graceful, Milliseconds timeout, std::string_view by);
  void stopNow();
  void tell(Process& process, bool graceful, Milliseconds timeout);
  void killLate();
  void kill(Slot& slot, Process& process, const std::string& why);
  void endStop();
  void life(const std::string& line);
  void removeFiles();

  // cluster_reload.cpp
  void beginReload(bool graceful, Milliseconds timeout, const Client& client, bool execute = false);
  void replaceAll();
  bool replacing(const PlannedWorker& planned) const;
  void advanceReload();
  void startReplacing(Slot& slot, bool graceful, Milliseconds timeout);
  void replaceWorn();
  void successorReady(Slot& slot);
  void successorEnded(Slot& slot, const std::string& how);
  void reloadFailed(const std::string& why);
  void endReload();
  static void answerWaiting(const Reload& reload, const std::string& said, int code);

  // cluster_counts.cpp
  void followCounts();
  std::optional<std::string> changeCount(PlannedWorker& planned, int wanted);
  void retire(std::list<Slot>::iterator slot, bool ownSocket);

  // cluster_handover.cpp
  void beginHandover(bool graceful, Milliseconds timeout, const Client& client);
  void tryProgram();
  void advanceHandover();
  void candidateHeard();
  bool candidateEnded(const platform::ChildExit& exit);
  void dropCandidate(bool undo);
  void refuseProgram(const std::string& why);
  bool settled() const;
  void handOver();
  HandoverState stateToLeave();
  std::vector<HandoverState::Listener> listenersHeld() const;

  // cluster_takeover.cpp
  void takeOver();
  /// The sockets for that Worker that a program before this one had open.
  std::vector<platform::NativeSocket> heldFor(const PlannedWorker& planned);
  bool servesFile(const std::string& path) const;
  bool adoptCrew(const PlannedWorker& planned, const std::string& key);
  void adoptProcess(const HandoverState::Process& left, const PlannedWorker* planned, bool sameMemory);

  // cluster_control.cpp
  void asked(const Client& client, const ControlRequest& request);

  // cluster_metrics.cpp
  MetricsReport metrics();
  void metricsAsked(const Process& process, std::string_view question);

  // cluster_status.cpp
  static std::span<const std::byte> blockOf(const Process& process) noexcept {
    return {static_cast<const std::byte*>(process.statistics.data()), process.statistics.size()};
  }
  static std::optional<WorkerNumbers> numbersOf(const Process& process);
  StatusReport report();
  void statusAsked(const Client& client, const ControlRequest& request);
  void connectionsAsked(const Client& client, const ControlRequest& request);
  void pageHeard(platform::Pid pid, const std::string& body);
  void advanceQueries();
  void dropQueries();

  // cluster_stacks.cpp
  static void crashHeard(const Slot& slot, const Process& process, const std::string& body);
  void traceAsked(const Client& client, const ControlRequest& request);
  static void traceFailed(ControlClient& client, platform::Pid pid);
  void traceEnded(platform::Pid pid, const std::string& how);
  void stackHeard(Slot& slot, Process& process, const std::string& body);
  void advanceTraces();
  void watchStuck();
  void killStuck(Slot& slot, Process& process, const std::string& stack);

  // cluster_lending.cpp
  bool serves(const Slot& slot);
  static bool ownSocket(const Slot& slot);
  static bool blocked(const Process& process);
  void lendSockets();
  void lend(Slot& slot);
  void takeBack(Slot& slot);
  Slot* slotOf(platform::Pid serving);

  // cluster_tls.cpp
  void lookAfterTls();
  void lookAtCertificates(bool now);

  // cluster_logs.cpp
  void reopenLogs();
  void rotateLog();

  Plan plan_;
  ServiceFiles files_;
  platform::Channel& launcher_;
  platform::ServiceLock lock_;
  platform::Supervisor supervisor_;
  std::map<const PlannedWorker*, platform::SharedMemory> balances_;
  ControlServer control_;
  std::list<Slot> slots_;  ///< those of one Worker stand together
  std::list<Slot> gone_;   ///< no longer wanted: of a program before this one, or of a count that has shrunk
  SocketFiles socketFiles_;
  std::string failure_;  ///< why the start failed
  Phase phase_ = Phase::starting;
  bool graceful_ = false;
  int stopped_ = 0, killed_ = 0, cut_ = 0;  ///< of the stop: processes, and connections
  std::uint64_t generation_ = 0;
  std::string pidIdentity_;      ///< of our pid file, once it is written
  std::string programIdentity_;  ///< of the program's file at the start
  Reload reload_;
  struct FailedReload {
    std::string why;
    Clock::time_point when;
  };
  std::optional<FailedReload> failedReload_;  ///< the last one, when it failed: for status
  std::optional<Candidate> candidate_;
  std::optional<HandoverState> left_;  ///< by the program that was this process before; until it is adopted
  struct Wanted {
    bool graceful, execute;
    Milliseconds timeout;
    std::weak_ptr<ControlClient> client;
  };
  std::vector<Wanted> wanted_;  ///< reloads that came before the service was ready
  std::vector<std::weak_ptr<ControlClient>> stopWaiting_;
  bool crashed_ = false;  ///< a master before this one left its files: it did not end in order
  bool awaited_ = false;  ///< addresses of its workers
  Clock::time_point began_ = Clock::now(), nextRotation_{}, nextLook_{}, nextSocketLook_{}, nextTls_{};
  const std::optional<Milliseconds> watchdog_ = platform::watchdogTime();
  Clock::time_point nextWatchdog_ = watchdog_ ? began_ : Clock::time_point::max();
  std::time_t startedAt_ = std::time(nullptr);
  std::map<const PlannedWorker*, ExitCounts> exits_;
  std::map<const PlannedWorker*, Totals> past_;  ///< of processes that have ended: what was counted stays counted
  struct Query {
    std::weak_ptr<ControlClient> client;
    ConnectionsQuery query;
  };
  std::list<Query> queries_;
  std::uint64_t lastQuery_ = 0;
  struct Trace {
    std::weak_ptr<ControlClient> client;
    platform::Pid pid;
    Clock::time_point until;
  };
  std::vector<Trace> traces_;
};

/// 0 in gracefulTimeout means no limit.
std::chrono::milliseconds timeoutOf(bool graceful);

}  // namespace artel
