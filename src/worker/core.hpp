// What a Worker keeps for itself: its resolved address, its listening socket, its connections and counters.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "artel/worker.hpp"
#include "src/net/acceptor.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/connection_rows.hpp"
#include "src/worker/listen_address.hpp"
#include "src/worker/tls_files.hpp"

namespace artel {

struct Worker::Core {
  explicit Core(Worker& owner) : worker(owner) {}

  /// One that is not among Worker::all(): it holds what a process has dialled.
  static std::unique_ptr<Worker> unlisted();

  Worker& worker;
  ListenAddress address;
  std::string shown;       ///< the address for screens; the real port once it is bound
  Protocol fixedProtocol;  ///< the scheme's or the user's, resolved
  int id = 0;
  Connections connections;
  std::uint64_t totalRequests = 0, sendFails = 0, protocolErrors = 0;
  std::unique_ptr<net::Acceptor> acceptor;
  std::shared_ptr<detail::UdpListener> udp;
  /// What a sibling's slot listens with, while that sibling cannot (reusePort); by slot.
  struct Borrowed {
    std::unique_ptr<net::Acceptor> acceptor;
    std::shared_ptr<detail::UdpListener> udp;
  };
  std::map<int, Borrowed> borrowed;
  TlsFiles tlsFiles;                     ///< with transport ssl: as of resolve(), or of the last look at the files
  std::shared_ptr<net::TlsContext> tls;  ///< made of them; null without TLS
  std::string tlsScope;                  ///< sessions of others are not resumed here
  /// Alike in all processes of a Worker; those of its listeners, also of what its processes listen on at run time, are
  /// made from them.
  net::TicketKeys tickets = net::TicketKeys::random();
  std::string tlsIdentity;  ///< of the files, at the last look
  std::string tlsProblem;   ///< why the files could not be used at the last look
  bool tlsProblemTold = false, stapleProblemTold = false;
  /// In a program that takes another's place: the certificates that its trial has read, by tlsKey(), should the files
  /// have broken since.
  static inline std::map<std::string, std::string> triedTls;
  std::string tlsKey() const { return worker.name + "\t" + tlsScope; }
  std::chrono::steady_clock::time_point tlsLooked{}, ticketsRotated = std::chrono::steady_clock::now();
  std::unique_ptr<CallbacksRef> shared;  ///< the block that new connections get
  std::vector<PeerFilter> trusted;       ///< trustedProxies, read
  bool trustsUnix = false;
  std::size_t turnedAway = 0;  ///< connections beyond maxConnections that have not ended yet
  std::size_t served() const noexcept { return connections.size() - turnedAway; }
  Protocol checkedProtocol;     ///< worker.protocol when it was last looked at
  bool sharesListener = false;  ///< siblings accept from the same socket
  bool acceptPaused = false, full = false;
  bool inherited = false;  ///< the service manager has bound it
  bool boundHere = false;  ///< by listen() in this process, which therefore removes the socket file,
  std::string boundFile;   ///< if it is still the one with this identity
  std::string keptAs;      ///< ... unless the master keeps the socket under this name, for the process that follows

  /// Messages handed to onMessage of all Workers of this process; also in a signal handler, where it is 0 while the
  /// list of Workers is being changed.
  static std::uint64_t allRequests() noexcept;
  /// "worker chat" or "worker text://0.0.0.0:2347": for errors and logs.
  std::string label() const;
  /// "chat", or the address of one without a name: what tells it from others, alike in every process.
  std::string metricsName() const;
  /// Address, transport and protocol made to agree; handlers checked against the protocol; certificates read. Throws
  /// SetupError (E06).
  void resolve();
  /// Reads the certificates. Throws SetupError (E06), and then nothing has changed.
  void readTls();
  TlsFiles readTlsFiles() const;
  void warnOfStaple();
  /// Looks whether they have changed; then new connections get the new ones: true. What cannot be used is one line in
  /// the log, and what was there stays: at once when `now`, else when it is still so at the next look, for a
  /// certificate and its key are not renewed in the same moment.
  bool lookAtTls(bool now);
  void forgetTls() noexcept;
  /// In a process of another Worker, whose business they are not.
  void forgetSecrets() noexcept {
    forgetTls();
    tickets = {};
  }
  /// When it is time. True: there is a new key.
  bool rotateTickets();
  void useTickets(const net::TicketKeys& keys);
  /// What the master has read. False: it cannot be used here.
  bool renewTls(std::string_view certificates);
  /// Whether it can be spoken here, over datagrams for example; throws SetupError (E06).
  void checkProtocol(const Protocol& wanted) const;
  /// Whether onMessage and onWebSocketMessage take what the protocol delivers; throws SetupError (E06).
  void checkHandlers() const;
  bool lateCheck();
  void readTrustedProxies();
  platform::ListenOptions listenOptions() const;
  /// Binds, or takes what the service manager has bound; throws SetupError (E05). Also sets `shown` and, for port 0,
  /// address.port. `again` is asked when the address is in use: true tries once more.
  platform::NativeSocket bind(const std::function<bool()>& again = nullptr);
  /// What listen() does in a worker process: the socket that a process before this one has left, or a new one, which
  /// the master then keeps.
  platform::NativeSocket bindHere();
  /// What names its socket in a service: "tcp 0.0.0.0:80"; for any port the Worker's name is part of it. "": none.
  std::string listenerName() const;
  std::string sameBefore() const;
  /// The same for a socket that is open already.
  void bound(platform::NativeSocket socket);
  /// The same for one that a process before this one has bound, perhaps with other options.
  void held(platform::NativeSocket socket);
  /// Serves a bound socket, in this process.
  void serve(platform::NativeSocket socket);
  std::unique_ptr<net::Acceptor> acceptFrom(platform::NativeSocket socket, std::function<bool()> mayAccept);
  /// Serves the socket of that slot beside its own.
  void borrow(int slot, platform::NativeSocket socket);
  void giveBack(int slot);
  void closeListener();
  void accept(const net::Incoming& incoming);
  /// Of an accepted connection, if this Worker speaks TLS. False: it cannot be.
  bool startTls(Conn& connection);
  /// Whether a peer is one of trustedProxies.
  bool trusts(const Conn& connection) const;
  bool trusts(const std::string& ip) const;
  CallbacksRef callbacksForNew();
  void connectionGone(Conn& connection);
  struct LastHint {
    std::chrono::steady_clock::time_point at{};
    std::uint64_t kept = 0;
  };
  std::map<std::string, LastHint> lastHints;
  /// One log line a minute for each kind of trouble.
  void hint(std::string_view kind, const std::string& line);
};

/// Twice of it is soon enough after a change (lookAtTls). Of tickets: a client may resume for two hours, the keys of
/// the last three are kept.
inline std::chrono::milliseconds lookAtTlsEvery{2000};  // a test does not wait that long
constexpr std::chrono::hours rotateTicketsEvery{1};

/// The file of a Unix socket whose path is UTF-8, if it is still the one with that platform::socketIdentity().
void removeSocketFile(const std::string& utf8, const std::string& identity);

/// Null for raw bytes. Throws SetupError (E06) for an unknown scheme.
std::shared_ptr<const detail::CodecFactory> resolveProtocol(const Protocol& protocol);
/// Whether that resolved protocol is the built-in one of this name: a user's own may be called the same.
bool isBuiltin(const Protocol& protocol, std::string_view name);
inline bool isBuiltinHttp(const Protocol& protocol) {
  return isBuiltin(protocol, "http") || isBuiltin(protocol, "websocket");
}
/// What a client of that address speaks. Throws SetupError (E06, E07).
Protocol clientProtocol(const std::string& given, const RemoteAddress& address);

}  // namespace artel
