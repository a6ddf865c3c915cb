// The master process: binds, forks, supervises, stops. It runs no event loop and no user callback; it sleeps until a
// signal, the exit of a worker, or a worker's message.
//
//   slot: empty ──fork──► starting ──ready──► serving ──exit──► empty (again after a pause that grows while it dies
//   young)
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/plan.hpp"
#include "src/worker/process.hpp"

namespace artel {

class Cluster {
 public:
  explicit Cluster(Plan plan);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// The whole life of the service; the exit code.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    const PlannedWorker* planned = nullptr;
    int id = 0;
    std::size_t balance = 0;  ///< its place in the shared counters
    platform::NativeSocket listener = platform::noSocket;
    platform::Pid pid = 0;
    platform::Channel channel;
    bool ready = false;
    Clock::time_point started{}, due{};
    std::chrono::milliseconds pause{0};
    int exits = 0;
  };

  void bind();
  void fork(Slot& slot);
  int workerBody(Slot& slot, platform::Channel channel);
  void closeInChild(const Slot& own);
  bool awaitReady();
  /// Forks the slots whose pause is over; how long until the next one is due.
  std::chrono::milliseconds forkDue();
  void supervise();
  int stopAll(bool graceful);
  void handle(const platform::Wakeup& wakeup);
  void ended(const platform::ChildExit& exit);
  void heard(Slot& slot);
  Slot* find(platform::Pid pid) noexcept;
  std::vector<Slot*> channels(std::vector<platform::NativeSocket>& sockets);
  bool anyAlive() const noexcept;
  std::string nameOf(const Slot& slot) const;
  std::span<std::atomic<std::uint32_t>> counters(const Slot& slot);

  Plan plan_;
  platform::Supervisor supervisor_;
  platform::SharedMemory shared_;
  std::deque<Slot> slots_;
  std::vector<std::string> socketFiles_;
  std::string failure_;  ///< why the start failed
  bool starting_ = true, stopping_ = false, graceful_ = false, stopNow_ = false;
};

}  // namespace artel
