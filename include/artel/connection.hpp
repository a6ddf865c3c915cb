// TcpConnection: one stream (manual 1.9), also of a Unix socket; accepted, or dialled (client.hpp).
//
// Lifetime, the whole rule:
// - A reference given to a callback is valid until the callback returns. Message views too.
// - The worker's table owns connections. To keep one, keep `share()` (it stays), `weak()` (it may go), or its `id()`
// and
//   look it up in worker.connections(). Never capture `&connection` in a timer.
// - A closed connection is a husk: every call on it is harmless, send answers `dropped`, the peer's address stays.
// - Nothing you call calls you back: onBufferFull, onError and onClose that a call causes come before this turn of the
//   loop ends. Closing marks; the connection leaves the table after its onClose has returned. So
//   `for (auto& [id, c] : worker.connections()) c->close();` is safe.
// Every call belongs to the loop's thread; from another one use Loop::post.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "artel/callback.hpp"
#include "artel/error.hpp"
#include "artel/protocol.hpp"
#include "artel/websocket.hpp"

namespace artel {

class AsyncTcpConnection;
class Worker;

/// Something one can answer to: a TcpConnection, or the sender of a datagram. A handler that takes Connection& serves
/// both kinds of worker.
class Connection : public Peer {
 public:
  /// Through the protocol (manual 1.9.3.1): text always works where the protocol has an encoding for text.
  SendStatus send(std::string_view text) { return sendMessage(detail::typeId<std::string_view>(), &text); }
  /// A message or reply type of the protocol: http::Response, websocket::Message, your own.
  template <class M>
  requires(!std::convertible_to<const M&, std::string_view>) SendStatus send(const M& message) {
    return sendMessage(detail::typeId<M>(), &message);
  }
  using Peer::close;
  /// Address and port of the other end, such as "203.0.113.7" and "2001:db8::1" (no brackets; IPv4 seen through an IPv6
  /// socket is shown as IPv4). Empty and 0 for Unix sockets. They stay readable after the end.
  virtual std::string getRemoteIp() const = 0;
  virtual std::uint16_t getRemotePort() const = 0;
  /// "203.0.113.7:5000", "[2001:db8::1]:5000"; empty for Unix sockets.
  std::string getRemoteAddress() const;
  virtual Worker* worker() const noexcept = 0;

 protected:
  virtual SendStatus sendMessage(detail::TypeId type, const void* message) = 0;
};

namespace detail {

/// The callbacks of a connection. Connections of one worker share the block that holds the worker's callbacks at the
/// time they were accepted; the first assignment to a connection's own slot gives it a copy.
struct ConnectionCallbacks {
  MessageCallback onMessage, onWebSocketMessage;
  Callback<void(TcpConnection&)> onClose, onBufferFull, onBufferDrain, onDrain;
  Callback<void(TcpConnection&, const Error&)> onError;
  Callback<void(TcpConnection&, const http::Request&)> onWebSocketConnect, onWebSocketConnected;
  Callback<void(TcpConnection&, std::string_view)> onWebSocketPing, onWebSocketPong;
  Callback<void(TcpConnection&, const websocket::Close&)> onWebSocketClose;
  // of dialled ones
  Callback<void(TcpConnection&)> onConnect;
  Callback<void(TcpConnection&, const http::Answer&)> onWebSocketAnswer;
};

/// `connection.onClose = ...`: a slot knows its connection, nothing else; all slots of a connection share one word.
template <class C, C ConnectionCallbacks::*Member>
class CallbackSlot {
 public:
  explicit CallbackSlot(TcpConnection* self) noexcept : self_(self) {}
  CallbackSlot(const CallbackSlot&) = delete;
  CallbackSlot& operator=(const CallbackSlot& other) { return *this = other.get(); }  // NOLINT: copies the callback
  template <class F>
  requires std::constructible_from<C, F&&> CallbackSlot& operator=(F&& f) {
    assign(C(std::forward<F>(f)));
    return *this;
  }
  explicit operator bool() const noexcept { return static_cast<bool>(get()); }
  const C& get() const noexcept;

 protected:
  TcpConnection* self() const noexcept { return self_; }

 private:
  void assign(C callback);
  TcpConnection* self_;
};

/// `connection.onWebSocketConnect = ...`: the second parameter says which side it is for.
class WebSocketConnectSlot : public CallbackSlot<Callback<void(TcpConnection&, const http::Request&)>,
                                                 &ConnectionCallbacks::onWebSocketConnect> {
 public:
  using Base =
      CallbackSlot<Callback<void(TcpConnection&, const http::Request&)>, &ConnectionCallbacks::onWebSocketConnect>;
  using OfClients = Callback<void(TcpConnection&, const http::Answer&)>;
  using Base::Base;
  using Base::operator=;
  template <class F>
  requires(std::constructible_from<OfClients, F&&> &&
           !std::constructible_from<Callback<void(TcpConnection&, const http::Request&)>, F&&>) WebSocketConnectSlot&
  operator=(F&& f) {
    CallbackSlot<OfClients, &ConnectionCallbacks::onWebSocketAnswer> slot(self());
    slot = OfClients(std::forward<F>(f));
    return *this;
  }
};

class ProtocolSlot {
 public:
  explicit ProtocolSlot(TcpConnection* self) noexcept : self_(self) {}
  ProtocolSlot(const ProtocolSlot&) = delete;
  ProtocolSlot& operator=(const ProtocolSlot& other) { return *this = other.get(); }  // NOLINT: copies the protocol
  ProtocolSlot& operator=(const Protocol& protocol);
  const Protocol& get() const noexcept;
  const std::string& name() const noexcept { return get().name(); }

 private:
  TcpConnection* self_;
};

struct ContextBox {
  ContextBox() = default;
  ContextBox(const ContextBox&) = delete;
  ContextBox& operator=(const ContextBox&) = delete;
  virtual ~ContextBox() = default;
  TypeId type = nullptr;
};
template <class T>
struct ContextOf final : ContextBox {
  T value{};
};

}  // namespace detail

class TcpConnection : public Connection {
 public:
  /// States of manual 1.9. `ending`: our side is shut, what still comes is read and thrown away.
  enum class Status : std::uint8_t { initial, connecting, established, closing, ending, closed };

  static constexpr std::size_t defaultSendBuffer = 1024 * 1024, defaultPackage = 10 * 1024 * 1024;
  /// Read when a connection is made; later changes affect new connections only (rows 1.9.1.5, 1.9.1.6). Bytes.
  static inline std::size_t defaultMaxSendBufferSize = defaultSendBuffer;
  static inline std::size_t defaultMaxPackageSize = defaultPackage;

  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  /// From 1 upward, unique in this process for its whole life (row 1.9.1.1).
  std::uint64_t id() const noexcept;
  /// The Worker that accepted it; null of a dialled one, and after onClose has returned (row 1.9.1.3).
  Worker* worker() const noexcept override;
  /// The same connection as the AsyncTcpConnection it is; null when it was accepted.
  AsyncTcpConnection* dialled() noexcept;
  Status getStatus() const noexcept;
  /// "ESTABLISHED", as the manual's screens spell it.
  std::string_view getStatusName() const noexcept;
  /// "tcp", "unix" or "ssl".
  std::string_view transport() const noexcept;

  using Connection::send;
  SendStatus sendRaw(std::string_view bytes) override;
  /// Hands what is buffered to the kernel now instead of at the end of the turn.
  void flush();

  /// Ends the connection: what is buffered is sent, then our side is shut and what the peer still sends is thrown away
  /// until it ends too or Worker::lingerTimeout has passed; then onClose. No further message is delivered.
  void close() override;
  /// The same after one last message, which the send buffer's limit does not drop.
  void close(std::string_view lastWords);
  template <class M>
  requires(!std::convertible_to<const M&, std::string_view>) void close(const M& lastMessage) {
    closeWith(detail::typeId<M>(), &lastMessage);
  }
  /// Ends it at once; what is buffered is lost. onClose follows before the turn ends.
  void destroy();
  bool closing() const noexcept override;

  /// Stops reading: no message comes until resumeRecv, the peer is slowed down by TCP, and its end is not noticed.
  void pauseRecv();
  /// Messages that had already arrived come first, in their order, before this turn ends.
  void resumeRecv();
  /// What this connection receives goes to `to` (both codecs stay active: raw to raw for a plain proxy), at the pace
  /// `to` can take it. An end of this side is passed on to `to` as an end of its sending side; when both sides have
  /// ended both close. Replaces this connection's onMessage, onWebSocketMessage and onClose, and onBufferFull and
  /// onBufferDrain of `to`. Between two WebSockets messages keep their type; raw bytes and frames become binary
  /// messages (it sets `websocketType` of `to`). Twice, crosswise, makes a proxy (row 1.9.3.8). For good: an onMessage
  /// that is assigned later is called instead, but the half-closes, and reading while the own send buffer is full,
  /// stay.
  void pipe(TcpConnection& to);

  /// On an http worker, inside onWebSocketConnect or onMessage: answers the upgrade request with 101. `subprotocol` is
  /// one that the client offered, or empty. False when this is not a valid upgrade request (it was answered then), when
  /// the client did not offer this subprotocol, or a header may not be sent: of these two the log tells, and unless
  /// you answer otherwise the client gets 400 or 500, and the end.
  bool acceptWebSocket(std::string_view subprotocol = {}, const http::Headers& headers = {});

  std::string getRemoteIp() const override;
  std::uint16_t getRemotePort() const override;
  std::string getLocalIp() const;
  std::uint16_t getLocalPort() const;
  std::string getLocalAddress() const;
  bool isIpV4() const noexcept;
  bool isIpV6() const noexcept;
  /// Over TLS, once the handshake is done: whose certificate the peer has shown, as "CN=friend,O=Example" (RFC 2253).
  /// It was checked, unless verifyPeer is off. "" when it has shown none, without TLS, and after the end.
  std::string getPeerCertificate() const;

  /// Bytes accepted by send and not yet taken by the kernel; received and not yet delivered.
  std::size_t getSendBufferQueueSize() const noexcept;
  std::size_t getRecvBufferQueueSize() const noexcept;
  bool bufferIsEmpty() const noexcept { return getSendBufferQueueSize() == 0; }
  std::uint64_t bytesRead() const noexcept;
  std::uint64_t bytesWritten() const noexcept;
  std::size_t packageLimit() const noexcept override { return maxPackageSize; }

  /// From now on (no longer) every byte of this connection is in the log: see Worker::logTraffic.
  void logTraffic(bool on);

  /// Keeps this object alive, connected or not.
  std::shared_ptr<TcpConnection> share();
  std::weak_ptr<TcpConnection> weak();

  /// Your own data, made on first use and destroyed with the connection. One type per connection: asking for another
  /// one throws std::logic_error.
  template <class T>
  T& context() {
    if (!context_) {
      auto box = std::make_unique<detail::ContextOf<T>>();
      box->type = detail::typeId<T>();
      context_ = std::move(box);
    }
    if (context_->type != detail::typeId<T>())
      throw std::logic_error("context<T>(): this connection holds a context of another type");
    return static_cast<detail::ContextOf<T>&>(*context_).value;
  }

  /// Soft limit of the send buffer in bytes (row 1.9.1.4): at the limit further messages are dropped with onError, and
  /// the peer is not read from until it has taken what is there. A piped raw, text or frame connection is read all the
  /// same: what it receives goes elsewhere.
  std::size_t maxSendBufferSize = defaultMaxSendBufferSize;
  /// The largest packet a protocol may announce, in bytes (row 1.9.1.6).
  std::size_t maxPackageSize = defaultMaxPackageSize;
  /// The type that send(text) gives a WebSocket message.
  websocket::Type websocketType = websocket::Type::text;

  // This connection's own callbacks; unassigned ones are the worker's as they were when it was accepted. Meaning and
  // order as in worker.hpp. A handler that does not fit the protocol throws std::invalid_argument.
  union {
    detail::CallbackSlot<MessageCallback, &detail::ConnectionCallbacks::onMessage> onMessage;
    detail::CallbackSlot<MessageCallback, &detail::ConnectionCallbacks::onWebSocketMessage> onWebSocketMessage;
    detail::CallbackSlot<Callback<void(TcpConnection&)>, &detail::ConnectionCallbacks::onClose> onClose;
    /// Of a dialled connection: it stands. Of an accepted one it is never called: that has begun already.
    detail::CallbackSlot<Callback<void(TcpConnection&)>, &detail::ConnectionCallbacks::onConnect> onConnect;
    detail::CallbackSlot<Callback<void(TcpConnection&)>, &detail::ConnectionCallbacks::onBufferFull> onBufferFull;
    detail::CallbackSlot<Callback<void(TcpConnection&)>, &detail::ConnectionCallbacks::onBufferDrain> onBufferDrain;
    detail::CallbackSlot<Callback<void(TcpConnection&)>, &detail::ConnectionCallbacks::onDrain> onDrain;
    detail::CallbackSlot<Callback<void(TcpConnection&, const Error&)>, &detail::ConnectionCallbacks::onError> onError;
    /// Of an accepted connection as in worker.hpp. Of a dialled one with ws it takes (TcpConnection&, const
    /// http::Answer&): the handshake is done. What was sent before leaves first.
    detail::WebSocketConnectSlot onWebSocketConnect;
    detail::CallbackSlot<Callback<void(TcpConnection&, const http::Request&)>,
                         &detail::ConnectionCallbacks::onWebSocketConnected>
        onWebSocketConnected;
    detail::CallbackSlot<Callback<void(TcpConnection&, std::string_view)>,
                         &detail::ConnectionCallbacks::onWebSocketPing>
        onWebSocketPing;
    detail::CallbackSlot<Callback<void(TcpConnection&, std::string_view)>,
                         &detail::ConnectionCallbacks::onWebSocketPong>
        onWebSocketPong;
    detail::CallbackSlot<Callback<void(TcpConnection&, const websocket::Close&)>,
                         &detail::ConnectionCallbacks::onWebSocketClose>
        onWebSocketClose;
    /// The protocol of this connection; may be changed at any time and takes effect for the next parse and the next
    /// send (row 1.9.1.2). Assigning "websocket" while an upgrade request is being handled accepts it.
    detail::ProtocolSlot protocol;
  };

 protected:
  TcpConnection() noexcept : onMessage(this) {}
  ~TcpConnection() override = default;
  void closeWith(detail::TypeId type, const void* message);

 private:
  std::unique_ptr<detail::ContextBox> context_;
};

using ConnectionPtr = std::shared_ptr<TcpConnection>;

namespace detail {
ConnectionCallbacks& writableCallbacks(TcpConnection& connection);
const ConnectionCallbacks& callbacksOf(const TcpConnection& connection) noexcept;
/// Throws std::invalid_argument when the handler does not fit what the connection speaks.
void checkHandler(TcpConnection& connection, const MessageCallback& handler, bool ofWebSocket);

template <class C, C ConnectionCallbacks::*Member>
const C& CallbackSlot<C, Member>::get() const noexcept {
  return callbacksOf(*self_).*Member;
}
template <class C, C ConnectionCallbacks::*Member>
void CallbackSlot<C, Member>::assign(C callback) {
  if constexpr (std::same_as<C, MessageCallback>) {
    if (callback) checkHandler(*self_, callback, Member == &ConnectionCallbacks::onWebSocketMessage);
  }
  writableCallbacks(*self_).*Member = std::move(callback);
}
}  // namespace detail

}  // namespace artel
