// What a master leaves to the program that takes its place: everything that cannot be found out again. Written into a
// sealed file by one program and read by another, so the form has a version. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_files.hpp"
#include "src/master/socket_files.hpp"

namespace artel {

struct HandoverState {
  /// Raised with every change of the fields, and of the memory that processes share (Balance): programs of different
  /// versions do not take each other's place.
  static constexpr int version = 8;

  /// Short hashes of the program that leaves and of the one that comes.
  struct Programs {
    int version = 0;  ///< of the one that comes; 0: not known yet
    std::string running, tried;
  };
  enum class Place { serving, predecessor };
  /// One that goes on, whoever its master is. Times here are of the monotonic clock, in milliseconds.
  struct Process {
    std::string worker;  ///< see workerKeys()
    std::string label;   ///< for the log, should the new program not have that Worker
    int id = 0;
    Place place = Place::serving;
    platform::Pid pid = 0;
    platform::NativeSocket channel = platform::noSocket, statistics = platform::noSocket;
    std::size_t record = 0;
    std::uint64_t generation = 0;
    std::int64_t started = 0, deadline = 0, given = 0;
    bool ready = false, told = false, graceful = false, killed = false, late = false;
  };
  struct Ended {
    std::string reason;
    std::uint64_t count = 0;
    std::int64_t last = 0;
  };
  /// What all processes of a Worker share.
  struct Crew {
    std::string worker;
    int count = 0;
    platform::NativeSocket balance = platform::noSocket;
    std::vector<Ended> ended;
    std::string past;     ///< Totals of the processes that have ended, as they lie in memory
    std::string tickets;  ///< net::TicketKeys
    std::int64_t ticketsRotated = 0;
  };
  /// Bound by Worker::listen() in a process of that slot.
  struct RunTime {
    std::string worker;
    int id = 0;
    std::string name;
    platform::NativeSocket socket = platform::noSocket;
  };
  struct Listener {
    std::string address;                          ///< PlannedWorker::listener
    std::vector<platform::NativeSocket> sockets;  ///< one for each slot with reusePort, else one
    bool inherited = false;                       ///< a service manager had bound it
  };

  /// What the trial of the program that comes has read for a Worker: encodeCertificates() in shared memory.
  struct Certificates {
    std::string worker;  ///< Core::tlsKey()
    std::size_t size = 0;
    platform::NativeSocket memory = platform::noSocket;
  };

  Programs programs;
  ServiceFiles files;  ///< but for log and output, which are the new program's own
  std::string programIdentity, pidIdentity, controlIdentity;
  platform::NativeSocket lock = platform::noSocket, control = platform::noSocket;
  bool background = false, hangupStops = true;
  std::int64_t startedAt = 0, began = 0;  ///< the first in seconds, of the wall clock
  std::uint64_t generation = 0;
  bool graceful = false;  ///< the reload for which this happens, and what one before it, still draining, has done
  std::int64_t timeout = 0;
  int replaced = 0, added = 0, gone = 0, kept = 0, killedLate = 0, cut = 0;
  std::vector<platform::NativeSocket> clients;  ///< commands that wait for it
  std::vector<SocketFile> socketFiles;
  std::vector<Listener> listeners;
  std::vector<Crew> crews;
  std::vector<Process> processes;

  std::vector<RunTime> runTime;
  std::vector<Certificates> certificates;

  std::string text() const;
  /// Nothing when it is of another version, or not whole.
  static std::optional<HandoverState> parse(std::string_view text);
  /// All that are in here, none of them noSocket.
  std::vector<platform::NativeSocket> descriptors() const;
};

/// How the Workers of a plan are known to another program: by name and address, and among equal ones by their order.
std::vector<std::string> workerKeys(const Plan& plan);

}  // namespace artel
