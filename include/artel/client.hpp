// AsyncTcpConnection: a connection that this process makes (manual 1.10). It is a TcpConnection with all that has, and
// beside it connect, reconnect and onConnect. Guide: docs/clients.md.
//
//   task.onWorkerStart = [&](Worker&) {
//     upstream = AsyncTcpConnection::to("text://127.0.0.1:5678");          // a std::shared_ptr
//     upstream->onConnect = [](TcpConnection& c) { c.send("hello"); };
//     upstream->onMessage = [](TcpConnection& c, std::string_view line) { ... };
//     upstream->onClose = [](TcpConnection& c) { c.dialled()->reconnect(1s); };
//     upstream->connect();
//   };
//
//   initial ──connect()──► connecting ──► established ──► closing, ending ──► closed
//      ▲                        └── failed: onError, onClose ───────────────────┘ │
//      └──────────────────────────── reconnect() ◄───────────────────────────────┘
//
// Lifetime: while it is connecting, connected or waits to reconnect it lives by itself; before and after only as long
// as somebody keeps the pointer. When onClose has returned without a reconnect its callbacks are gone, so one that
// captures the pointer to its own connection does no harm. worker() is null: no Worker has accepted it. It does not
// count for maxConnections.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "artel/connection.hpp"
#include "artel/http.hpp"
#include "artel/ssl.hpp"

namespace artel {

/// What the manual calls the context, and the properties that only clients have. Read by each connect(): a change
/// counts for the next one.
struct ClientOptions {
  /// Everything until messages can be sent: the name is looked up, all addresses are tried, the handshakes of a proxy
  /// and of WebSocket are done. Beyond it: onError(connectFail), onClose. Zero: as long as the system tries, and a
  /// proxy or a server that says nothing in a handshake is waited for without end.
  std::chrono::milliseconds connectTimeout{10'000};
  /// Nothing received for that long: the connection is closed. Zero: never.
  std::chrono::milliseconds idleTimeout{0};
  /// The address of this end, "203.0.113.7:0" or "[2001:db8::1]:4000" (the manual's bindto). Port 0: any. Empty: the
  /// system chooses.
  std::string bindTo{};
  bool noDelay = true;    ///< small messages leave at once
  bool keepAlive = true;  ///< a vanished peer is noticed by the system, as for Worker::socket

  // ---- TLS (row 1.10.4) ----

  /// "ssl": the scheme's protocol over TLS, "text://" for example; "tcp" of ssl, tls and wss. Empty: as the scheme
  /// says.
  std::string transport{};
  /// The server's certificate must be valid and for the host that is dialled, unless this says otherwise: caFile,
  /// verifyPeer, peerName, allowSelfSigned; localCert and localPk are the client's own. Files are read once a process
  /// for the same options.
  SslOptions ssl{};

  // ---- through a proxy (row 1.10): the name of the target is looked up there; not for Unix sockets ----

  std::string proxyHttp{};           ///< "host:port" of a proxy for HTTP CONNECT
  std::string proxyAuthorization{};  ///< the value of Proxy-Authorization, "Basic dXNlcjpwYXNz"
  std::string proxySocks5{};         ///< "host:port" of a SOCKS5 proxy
  std::string proxySocks5Username{}, proxySocks5Password{};

  // ---- ws (row 1.17.5) ----

  /// Lines of the handshake's request. A Host among them takes the place of ours. A name that is no token, a line break
  /// in a value, or a line of the handshake itself fails the connect.
  http::Headers headers{};
  std::string websocketOrigin{};          ///< the Origin line; empty: none
  std::string websocketClientProtocol{};  ///< subprotocols to offer, "chat, superchat"; the answer names the chosen one
  /// An empty ping each time; when nothing at all was received from one to the next the connection is destroyed. In
  /// steps of a second. Zero: none.
  std::chrono::milliseconds websocketPingInterval{55'000};
  bool websocketDeflate = false;  ///< offer to compress messages (permessage-deflate, RFC 7692)
};

class AsyncTcpConnection : public TcpConnection {
 public:
  /// "<scheme>://host:port", "unix:///path", "ws://host:port/path?query", "wss://..."; the other schemes are those of
  /// listen addresses without http and websocket, also over TLS (ssl, tls). The host may be a name. Without a port it
  /// is 80, over TLS 443. Nothing is looked up or opened here. Throws SetupError when the address cannot be read or the
  /// scheme is none of a client, std::logic_error before the loop runs.
  static std::shared_ptr<AsyncTcpConnection> to(const std::string& remoteAddress, ClientOptions options = {});

  /// Begins to connect and returns. Whatever becomes of it is told in a later turn of the loop: onConnect (over TLS,
  /// too, when the connection stands; what is sent waits for the handshake, and when that fails onError follows), or
  /// onError
  /// (connectFail, with address, time and the system's words) and then onClose. What is sent before it stands is kept,
  /// as far as maxSendBufferSize goes, and leaves first. No effect while it connects or is connected (row 1.10.2).
  void connect();
  /// Connects again after that time: the same object, id and callbacks, with its protocol from the beginning. Its place
  /// is onClose, or onError of a connect that failed (no onClose follows then). One that is still connected is
  /// destroyed first. A later call takes the place of an earlier one; close() and destroy() after it take it back. No
  /// effect when the process stops (row 1.10.3).
  void reconnect(std::chrono::milliseconds after = std::chrono::milliseconds{0});
  /// The same with seconds, as in the manual.
  void reconnect(double seconds);
  /// Takes reconnect back; false when none was pending.
  bool cancelReconnect();

  /// What to() was given, to be changed before a connect.
  ClientOptions& options();
  /// The host as given; path and query as given, "/" without.
  const std::string& getRemoteHost() const;
  const std::string& getRemoteURI() const;

 protected:
  AsyncTcpConnection() noexcept = default;
  ~AsyncTcpConnection() override = default;
};

using AsyncTcpConnectionPtr = std::shared_ptr<AsyncTcpConnection>;

}  // namespace artel
