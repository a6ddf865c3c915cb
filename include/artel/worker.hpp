// Worker: one listening address (or none), how many processes serve it, and what happens there (manual 1.8).
//
//   int main(int argc, char** argv) {
//     Worker web("http://0.0.0.0:8080");
//     web.count = 4;
//     web.onMessage = [](TcpConnection& connection, const http::Request& request) { connection.send("hello " +
//     std::string(request.path())); }; return Worker::runAll(argc, argv);
//   }
//
// What stands before runAll runs once, in the master process. Callbacks run in the worker processes, which are forked
// copies: open files, databases and other connections in onWorkerStart, not before. On Windows there is one process.
// runAll returns the exit code in the process that the user started, and only there; so what callbacks captured from
// main by reference lives as long as they do.
#pragma once

#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artel/callback.hpp"
#include "artel/connection.hpp"
#include "artel/http.hpp"
#include "artel/loop.hpp"
#include "artel/protocol.hpp"
#include "artel/ssl.hpp"
#include "artel/timer.hpp"
#include "artel/udp.hpp"

namespace artel {

/// The open connections of one Worker in this process, by id, oldest first (row 1.8.2.7). Closing connections while
/// iterating is safe: one leaves the table after its onClose has returned.
class Connections {
 public:
  using value_type = std::pair<std::uint64_t, ConnectionPtr>;
  class iterator {
   public:
    using value_type = Connections::value_type;
    using difference_type = std::ptrdiff_t;
    iterator(value_type* at, value_type* end) noexcept : at_(at), end_(end) { skipGone(); }
    value_type& operator*() const noexcept { return *at_; }
    value_type* operator->() const noexcept { return at_; }
    iterator& operator++() noexcept {
      ++at_;
      skipGone();
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

   private:
    void skipGone() noexcept {
      while (at_ != end_ && !at_->second) ++at_;
    }
    value_type* at_;
    value_type* end_;
  };

  iterator begin() noexcept { return {entries_.data(), entries_.data() + entries_.size()}; }
  iterator end() noexcept { return {entries_.data() + entries_.size(), entries_.data() + entries_.size()}; }
  /// The first of a greater id: where a walk goes on that was left for a while.
  iterator after(std::uint64_t id) noexcept;
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Null when there is none of that id.
  TcpConnection* find(std::uint64_t id) noexcept;
  bool contains(std::uint64_t id) noexcept { return find(id) != nullptr; }

  /// For the framework.
  void add(ConnectionPtr connection);
  void remove(std::uint64_t id) noexcept;
  void clear() noexcept;

 private:
  std::vector<value_type> entries_;  // sorted by id; a removed one is null until the table is compacted
  std::size_t size_ = 0;
};

/// What the manual calls the socket context (row 1.8.1).
struct SocketOptions {
  int backlog = 102400;   ///< connections that wait to be accepted; the kernel caps it at somaxconn
  bool ipv6Only = false;  ///< "[::]" serves IPv4, too, unless this is set
  bool noDelay = true;    ///< small answers leave at once
  bool keepAlive = true;  ///< TCP keep-alive: a vanished peer is noticed after idle + probes * interval seconds,
                          ///< on Linux with the first probe after sendTimeout; 1 to 32767 s, 1 to 127 probes
  int keepAliveIdle = 55, keepAliveInterval = 55, keepAliveProbes = 1;
};

/// See Worker::reloadOrder.
enum class ReloadOrder { replacementFirst, predecessorFirst };

class Worker {
 public:
  /// `listen`: "<scheme>://<address>"; see docs/protocols.md for all forms. Empty: no listener, a group of processes
  /// for timers and clients. Nothing is opened here. Throws SetupError when the address cannot be read.
  explicit Worker(const std::string& listen = {}, SocketOptions options = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // ---- set before runAll (row 1.8.2); a later change has no effect, that of count, name, transport and reusePort is
  // logged

  /// Processes. Below 1 counts as 1. Windows: always 1. May be changed in onMasterReload, too.
  int count = 1;
  /// `worker.count = Worker::autoCount`, or `--count auto`: one for each processor that this process may use (row
  /// 1.16.7), also where its cgroup has fewer than the machine. With onlyOneProcess it is 1. runAll sets `count` to the
  /// number.
  static constexpr int autoCount = INT_MIN;
  /// For screens, logs and --listen NAME=...; "none" unless set.
  std::string name = "none";
  /// The codec: set by the scheme, or by hand on a tcp:// address. Copied to each connection at accept, so a later
  /// change affects new connections only.
  Protocol protocol;
  /// Why this Worker must have one process only; empty when it may have several. A larger count is then refused (E06)
  /// with this sentence.
  std::string onlyOneProcess;
  /// "tcp", "udp", "unix" or "ssl" (TLS); set by those schemes, "ssl" also by https, wss and tls. By hand: text:// over
  /// udp or ssl, for example (row 1.8.2.5).
  std::string transport = "tcp";
  /// With transport ssl: the certificate, its key, and what is asked of clients. See docs/tls.md.
  SslOptions ssl;
  /// One listening socket per process instead of a shared one: the kernel spreads connections by hash. While a process
  /// is missing or blocked (in one callback for a second, or stopped), a sibling serves its socket, too.
  bool reusePort = false;
  SocketOptions socket;
  /// Most connections at once in this process; 0 is no limit. At the limit: 503 from an http worker
  /// without TLS, else a close. May be changed at any time: it counts from the next connection that comes or goes.
  std::size_t maxConnections;

  /// Addresses and networks of proxies in front of this Worker that may say who their client is: "127.0.0.1",
  /// "10.0.0.0/8", "2001:db8::/32", or "unix" for those that come over a Unix socket. Nobody else is believed. Used by
  /// proxyProtocol and http::clientIp (row 1.16.38).
  std::vector<std::string> trustedProxies;
  /// Each connection begins with a PROXY header, version 1 or 2: getRemoteIp and getRemotePort are what it says, from
  /// onConnect on. A connection from elsewhere than trustedProxies, or without the header within headerTimeout, is
  /// closed, and onConnect never hears of it.
  bool proxyProtocol = false;

  /// The worker processes become this user (with all of its groups; or `group` instead of its own) after the master
  /// has bound the address and opened the files. Only root can; refused (E06) when it is unknown or may not be.
  std::string user, group;
  /// False: a reload leaves the processes and their connections, and calls onWorkerReload in them. For what keeps state
  /// that a new process would not have.
  bool reloadable = true;
  /// Whether, at a reload, the new process serves before the old one stops (no moment without a process; two with the
  /// same id at once for a while), or the old one has gone before the new one starts (clients wait in the queue).
  ReloadOrder reloadOrder = ReloadOrder::replacementFirst;
  /// A process that has handed so many messages to onMessage is replaced as by "reload -g": for code that leaks. Looked
  /// at whenever a connection comes or goes, and once a second; not while the process before it is still there, for
  /// which gracefulTimeout counts. 0: never.
  std::uint64_t maxRequests = 0;

  // ---- limits of connections, looked at once a second; zero turns a timeout off (lingerTimeout: no wait) ----

  std::chrono::milliseconds handshakeTimeout{10'000};  ///< TLS, from accepting, or the PROXY header, on: then it ends
  std::chrono::milliseconds headerTimeout{10'000};     ///< from the first byte of a message to its whole header; http
                                                    ///< answers 408. Of a new http connection as much before that byte
  std::chrono::milliseconds keepAliveTimeout{60'000};  ///< http: idle between two requests
  std::chrono::milliseconds bodyTimeout{30'000};       ///< a body, a WebSocket message that has begun, or the rest of a
                                                  ///< packet whose size is known: nothing came for that long, or less
                                                  ///< than minRate; http answers 408, websocket closes with 1008
  std::chrono::milliseconds sendTimeout{60'000};   ///< every protocol: something waits to be sent, and the peer took
                                                   ///< none of it for that long, or less than minRate: onError, end
  std::size_t minRate = 256;                       ///< bytes a second, on average, that bodyTimeout and sendTimeout
                                                   ///< ask for; 0: any byte will do
  std::chrono::milliseconds idleTimeout{0};        ///< every protocol: nothing received for that long, and no
                                                   ///< request waits for its answer
  std::chrono::milliseconds lingerTimeout{2'000};  ///< close(), send(websocket::Close): the peer's end is due
  std::chrono::milliseconds pingInterval{
      0};  ///< websocket: a ping after that much silence; after as much again the connection is destroyed
  http::Limits http;
  /// Compress WebSocket messages for clients that offer it (permessage-deflate, RFC 7692). Costs the processor far more
  /// than the message itself; for text over slow lines. See docs/protocols.md#compression.
  bool websocketDeflate = false;
  /// The wire log of new connections (row 1.14.4): every byte received and sent is in the log at level info, as
  /// hexadecimal and text, at most 512 bytes of what comes or goes at once; a WebSocket message once more as it was
  /// meant. For looking at a few clients: it has passwords in it, and it is slow. "--log-level trace" turns it on for
  /// all Workers. Of one connection: TcpConnection::logTraffic. Datagrams, too.
  bool logTraffic = false;

  // ---- callbacks (row 1.8.3), all on the loop's thread, never two at once ----

  /// In each process, before it accepts; again in every replacement.
  Callback<void(Worker&)> onWorkerStart;
  /// In each process when it stops in an orderly way, before its connections are closed.
  Callback<void(Worker&)> onWorkerStop;
  /// In each process when the service is reloaded: before it stops, or, with reloadable = false, instead of stopping.
  Callback<void(Worker&)> onWorkerReload;

  /// A connection was accepted; nothing of it has been read. `connection.protocol` may be set here.
  Callback<void(TcpConnection&)> onConnect;
  /// One message, in order, one at a time. For the types of the second parameter see callback.hpp.
  MessageCallback onMessage;
  /// The connection has ended, however it did: exactly once for each onConnect.
  Callback<void(TcpConnection&)> onClose;
  /// The send buffer has reached maxSendBufferSize: further messages are dropped until it drains.
  Callback<void(TcpConnection&)> onBufferFull;
  /// The send buffer had something in it and is empty again.
  Callback<void(TcpConnection&)> onBufferDrain;
  /// Something failed; row 1.8.3.8 has the codes.
  Callback<void(TcpConnection&, const Error&)> onError;
  /// The process is stopping: the last chance to send to this connection before it is closed. Not for http and
  /// websocket.
  Callback<void(TcpConnection&)> onDrain;

  /// On an http worker this turns WebSocket on for upgrade requests; it takes std::string_view or websocket::Message.
  MessageCallback onWebSocketMessage;
  /// An upgrade request. When set, it decides: acceptWebSocket(), or send(http::Response{401}). Unset: every valid one
  /// is accepted. Doing neither accepts on a websocket worker and on an http worker with onWebSocketMessage; an answer
  /// that may not be sent (a control character in a header) accepts nothing, the client gets 500.
  Callback<void(TcpConnection&, const http::Request&)> onWebSocketConnect;
  /// The handshake is done; messages may be sent.
  Callback<void(TcpConnection&, const http::Request&)> onWebSocketConnected;
  /// A ping came; it has been answered with a pong.
  Callback<void(TcpConnection&, std::string_view)> onWebSocketPing;
  Callback<void(TcpConnection&, std::string_view)> onWebSocketPong;
  /// The peer's Close frame; it has been answered. onClose follows.
  Callback<void(TcpConnection&, const websocket::Close&)> onWebSocketClose;

  // ---- at run time ----

  /// 0 ... count-1 inside this Worker; a replacement has the number of the one it replaces (row 1.8.2.1).
  int id() const noexcept;
  /// Of this process.
  Connections& connections() noexcept;
  /// As given, or as --listen replaced it; with port 0 the port that was taken.
  const std::string& listenAddress() const noexcept;
  /// Datagrams and messages handed to onMessage, and sends that failed, in this process.
  std::uint64_t totalRequests() const noexcept;
  std::uint64_t sendFails() const noexcept;
  /// Peers that sent what their port does not speak, in this process: each lost its connection.
  std::uint64_t protocolErrors() const noexcept;

  /// Binds and accepts now, in this process: for a Worker made inside a callback (row 1.8.4.3). It shares this
  /// process's loop; count, onWorkerStart and onWorkerStop mean nothing for it. Throws SetupError when it cannot bind.
  /// The master keeps a copy of the socket for the process that follows in this place: when that one calls listen() for
  /// the same address in its onWorkerStart it gets it, and no client was refused.
  void listen();
  /// Closes the listening socket, also for processes that follow; connections stay.
  void unlisten();
  /// New clients wait in the queue of the kernel until resumeAccept.
  void pauseAccept();
  void resumeAccept();

  // ---- the program ----

  /// Reads the command line, runs every Worker that exists, and returns the exit code (artel::Exit): the last line of
  /// main. Prints what went wrong on stderr.
  static int runAll(int argc, char** argv);
  /// Ends this worker process in an orderly way: answers are sent, onWorkerStop runs, a new process follows.
  static void stopAll(int exitCode = 0, std::string_view why = {});
  /// Ends the whole service from within a worker, or a hook of the master. Before the start it does nothing.
  static void stopService();
  /// The loop of this process; throws std::logic_error before a worker has started (in the master, in main).
  static Loop& globalEvent();
  /// The words after "--" on the command line: the application's own.
  static const std::vector<std::string>& arguments() noexcept;
  /// This process runs main up to runAll only, to see whether it could start: the command "check", or a reload that
  /// tries a new program file. Leave side effects out.
  static bool checking() noexcept;
  /// Every Worker of this process.
  static const std::vector<Worker*>& all() noexcept;
  /// The system's number of this process.
  static std::int64_t processId() noexcept;
  /// True in a worker process from onWorkerStart until it stops.
  static bool isRunning() noexcept;

  /// How long an ordered stop may take before the worker is killed. 0: at once, without onWorkerStop.
  static inline std::chrono::milliseconds stopTimeout{2'000};
  /// How long a graceful stop or reload (-g, signals QUIT and USR2) lets connections finish; 0: no limit. What is left
  /// then gets its last words (1001, onDrain) and 400 ms, or stopTimeout when that is less.
  static inline std::chrono::milliseconds gracefulTimeout{30'000};
  /// Reload onto a changed program file: how long the new program may take to come through Worker::runAll when it is
  /// tried, before it is refused.
  static inline std::chrono::milliseconds checkTimeout{5'000};
  /// A worker that does not come out of one callback for so long is killed, and a new one follows: an endless loop, a
  /// call that waits for ever. The log has its stack first. So is one that was stopped (signal STOP) for so long; not
  /// one that a debugger holds, and nothing before onWorkerStart has returned. Many callbacks that are short each are
  /// no reason. It may take a quarter longer. Its other connections are lost with it, so give it many times what a
  /// callback may take. 0: never. Windows: no effect, there is no master.
  static inline std::chrono::milliseconds workerTimeout{0};
  /// A callback that takes so long is named in the log, with its connection or timer and its time: nobody else was
  /// served meanwhile. All messages that one arrival of bytes brings count together; onWorkerStart and onWorkerStop do
  /// not count. One line a minute for each kind of callback. Read when onWorkerStart has returned. 0: never.
  static inline std::chrono::milliseconds slowCallback{500};
  /// Whether a process that crashes may leave a core file: a picture of its memory, and so of keys and passwords. The
  /// log has its stack anyway. true: as large as the limit of the system (ulimit -Hc). Read when the service starts.
  /// Windows: no effect, dumps are the system's there (Windows Error Reporting).
  static inline bool coreDumps = false;
  /// Memory of one process for what compressed WebSocket connections remember from message to message. Beyond it new
  /// ones remember nothing (no_context_takeover): their messages shrink less. Bytes.
  static inline std::size_t deflateMemory = std::size_t{64} * 1024 * 1024;
  /// An exception left a callback. `connection` is null for timers and worker callbacks. Return true to go on; false
  /// (and no handler) ends the process with code 250 after its answers are sent, and a new one follows.
  static inline Callback<bool(const std::exception_ptr&, Connection*)> onException;

  // ---- the service's files; relative to the directory it is started in (rows 1.8.2.8 to 1.8.2.10, 1.8.2.13) ----

  /// Holds the master's number while it runs; beside it lie the lock and the socket of the commands. Default:
  /// <program>.pid. Two services with different files may run side by side.
  static inline std::string pidFile;
  /// Default: standard error in the foreground, and in the background a log named after the pid
  /// file: <program>.log. Opened by the master only.
  static inline std::string logFile;
  /// Beyond this size, looked at every two seconds, the log becomes <logFile>.1 (the one before is lost); 0: never.
  static inline std::uint64_t logFileMaxSize = std::uint64_t{10} * 1024 * 1024;
  /// What standard output and standard error of a service in the background become. Default: nothing is kept.
  static inline std::string stdoutFile;
  /// As "start -d"; but not under a service manager ($NOTIFY_SOCKET), which wants to keep what it started.
  static inline bool daemonize = false;

  // ---- hooks of the master process: no loop there, no connections; what they throw is logged ----

  /// A worker process has ended: its Worker, its exit code (or 128 + the signal that ended it), its number.
  static inline Callback<void(Worker&, int status, std::int64_t pid)> onWorkerExit;
  /// Before the workers are replaced. A `count` that is changed here is followed by this reload: what is missing is
  /// started, what is too much is stopped as the others are. Where reloadable is false it can only grow.
  static inline Callback<void()> onMasterReload;
  /// All workers have ended; the files are still there, and a command that stops the service waits for this. Not after
  /// a start that failed.
  static inline Callback<void()> onMasterStop;

  struct Core;
  Core& core() noexcept { return *core_; }

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace artel
