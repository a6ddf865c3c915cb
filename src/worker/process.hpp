// One worker process: its loop, the Worker it serves, its orderly end. There is one of these per process: in a forked
// worker on Linux, in the only process on Windows, in a test.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "artel/worker.hpp"
#include "platform/platform.hpp"
#include "src/net/statistics.hpp"
#include "src/worker/balance.hpp"
#include "src/worker/service_numbers.hpp"

namespace artel {

class WorkerProcess {
 public:
  struct Setup {
    Worker* worker = nullptr;
    int id = 0;
    platform::NativeSocket listener = platform::noSocket;
    platform::Channel channel;  ///< to the master; empty without one
    Balance balance;
    bool sharesListener = false;  ///< other processes accept from the same socket
    /// What processes of this slot before this one have bound by Worker::listen(), by Core::listenerName().
    std::map<std::string, platform::NativeSocket> kept;
    net::StatisticsBlock* statistics = nullptr;  ///< prepared; null: nobody reads it
    std::function<void()> ready;                 ///< without a channel: called when the worker serves
    std::function<std::string()> numbers;        ///< without a channel: the answer of http::serveMetrics
  };
  // Messages on the channel, to the master ...
  static constexpr char readyMessage = 'r', stopServiceMessage = 'S', replaceMessage = 'R', pageMessage = 'c',
                        metricsMessage = 'm', stackMessage = 't', crashMessage = 'x', keepMessage = 'L',
                        forgetMessage = 'U', cutMessage = 'D';
  // (cutMessage: how many connections a stop's end has cut; pageMessage: a Page, as the answer to the same kind with a
  // PageRequest; metricsMessage: a question, which comes back with an answer; stackMessage and crashMessage: see
  // stacks.hpp; keepMessage and forgetMessage: a listenerName(), the first with its socket and, behind a zero, the
  // identity of its file) ... and from it. The first two carry the milliseconds there are, and "service" when it is the
  // whole service that stops; the two after reloadMessage carry a descriptor; lendMessage the socket of a sibling's
  // slot and, like takeBackMessage, the slot's number. ticketsMessage: TicketKeys; certificatesMessage: the memory that
  // encodeCertificates() lies in, and its size.
  static constexpr char stopMessage = 's', stopGracefullyMessage = 'g', reloadMessage = 'w', logMessage = 'l',
                        outputMessage = 'o', lendMessage = 'H', takeBackMessage = 'h', ticketsMessage = 'k',
                        certificatesMessage = 'C';

  explicit WorkerProcess(Setup setup);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Start, serve, stop: the whole life; returns the exit code.
  int run();
  /// onWorkerStart, then accepting.
  void start();
  void stop(int exitCode, bool graceful, std::chrono::milliseconds timeout = Worker::stopTimeout);
  /// onWorkerReload.
  void reloaded();
  void stopService();
  bool done() const noexcept { return done_; }
  int exitCode() const noexcept { return exitCode_; }

  static WorkerProcess* current() noexcept;
  bool hasMaster() const noexcept { return static_cast<bool>(setup_.channel); }
  /// In the master: Worker::stopService() was called in a hook.
  static inline bool serviceToStop = false;
  /// This process is on its way out: no keep-alive any more.
  static bool stopping() noexcept;
  /// And not gracefully: connections are told to end.
  static bool endsNow() noexcept;
  /// It is not only this process that stops.
  static bool serviceStopping() noexcept;
  ServiceNumbers& numbers() noexcept { return numbers_; }
  /// The socket of a run-time listener that is there already; noSocket: none.
  platform::NativeSocket takeKept(const std::string& name);
  /// The master holds it for the process that follows, so that its clients wait instead of being refused. False: there
  /// is no master, or it could not be told.
  bool keep(const std::string& name, platform::NativeSocket socket);
  void forget(const std::string& name);
  /// Called by a Worker whose number of connections has changed.
  void connectionsChanged();
  /// Called by a Worker that is destroyed, without connections by then: what it has counted stays counted.
  void workerEnds(Worker& worker);
  const net::Activity::Counters& past() const noexcept { return past_; }
  /// What this process has dialled: its connections, counters and limits are kept as a Worker keeps those of accepted
  /// ones.
  Worker& clients();
  /// Every Worker of this process, and the one of clients() when there is one.
  template <class F>
  static void eachHolder(F&& f) {
    for (Worker* worker : Worker::all()) f(*worker);
    if (const WorkerProcess* process = current(); process != nullptr && process->clients_) f(*process->clients_);
  }
  /// A dialled connection that will connect again: nobody else need hold it.
  void waits(ConnectionPtr connection);
  bool ending() const noexcept { return ending_; }
  void waitsNoMore(std::uint64_t id) noexcept { waiting_.erase(id); }
  Balance& balance() noexcept { return setup_.balance; }
  bool sharesListener() const noexcept { return setup_.sharesListener; }
  Worker* worker() const noexcept { return setup_.worker; }

 private:
  static void callbackWasSlow(net::Running what, std::uint64_t subject, std::uint64_t milliseconds) noexcept;
  static void exceptionLeft(const std::exception_ptr& exception, Connection* connection);
  void watch();
  void told(const platform::ChannelMessage& message);
  void tellPage();
  void certificatesCame(const platform::ChannelMessage& message);
  void noticed(platform::Notice notice);
  void stopConnections();
  void stopClients();
  void sweep();
  void tellCut(std::size_t connections);
  void warnOfLateChanges();
  void askForReplacement();
  void setTicking();
  std::size_t openConnections() const noexcept;

  /// What has no effect once the process runs.
  struct Fixed {
    int count;
    std::string name, transport;
    bool reusePort;
    bool operator==(const Fixed&) const = default;
  };
  static Fixed fixedOf(const Worker& worker) { return {worker.count, worker.name, worker.transport, worker.reusePort}; }

  Setup setup_;
  Fixed fixed_;
  std::unique_ptr<Worker> clients_;
  std::map<std::uint64_t, ConnectionPtr> waiting_;
  ServiceNumbers numbers_;
  net::Activity::Counters past_;   ///< of Workers that are gone
  std::deque<std::string> pages_;  ///< asked for; one is told in a turn
  std::chrono::steady_clock::time_point stopBegan_{};
  std::chrono::steady_clock::time_point replacementAsked_{};
  std::chrono::milliseconds stopTimeout_{0};  ///< from then on
  /// When a graceful stop that no master has ordered gives the clients up.
  std::chrono::steady_clock::time_point leaveAt_ = std::chrono::steady_clock::time_point::max();
  int exitCode_ = 0;
  bool ending_ = false;          ///< the destructor runs: nothing begins any more
  std::uint64_t tickEvery_ = 0;  // milliseconds; 0: nothing ticks
  std::uint32_t sweptAt_ = 0;    ///< of Conn::clock()
  int sweepsMissed_ = 0;         ///< in a row
  bool running_ = false, stopping_ = false, stopBegun_ = false, graceful_ = false, done_ = false, warned_ = false,
       serviceStopping_ = false;
};

}  // namespace artel
