#include "src/worker/websocket_codec.hpp"

#include <utility>

#include "src/worker/dial.hpp"
#include "src/worker/process.hpp"

namespace artel {

Input WebsocketCodec::input(std::span<char> bytes, Connection& connection) {
  Conn& self = Conn::of(connection);
  if (!client_) pinged_ = false;
  const Input input = reader_.input({bytes.data(), bytes.size()}, self.maxPackageSize);
  if (input.kind != Input::Kind::invalid) return input;
  self.illegal(input.reason);
  closeWith(self, reader_.violationCode(), input.reason);
  return Input::skip(bytes.size());
}

std::size_t WebsocketCodec::take(std::span<char> bytes, Connection& connection, detail::Taking& taking) {
  Conn& self = Conn::of(connection);
  websocket::Event event;
  if (const std::size_t size = reader_.takeWhole(bytes, self.maxPackageSize, event); size != 0) {
    pinged_ = false;
    taking.delivered = size;
    happened(self, event);
    return size;
  }
  taking.found = WebsocketCodec::input(bytes, connection);
  if (!taking.found.isPacketIn(bytes.size())) return 0;
  taking.delivered = taking.found.size;
  WebsocketCodec::deliver(bytes.first(taking.delivered), connection, taking.handler);
  return taking.delivered;
}

void WebsocketCodec::deliver(std::span<char> packet, Connection& connection, const MessageCallback&) {
  happened(Conn::of(connection), reader_.decode(packet, Conn::of(connection).maxPackageSize));
}

void WebsocketCodec::happened(Conn& self, const websocket::Event& event) {
  using Kind = websocket::Event::Kind;
  switch (event.kind) {
    case Kind::none:
      return;
    case Kind::message:
      return message(self, event);
    case Kind::ping:
      controlFrameCame();
      self.write([&](std::string& out) { return appendControl(out, websocket::opcode::pong, event.payload), true; },
                 true);
      if (const auto& onPing = self.callbacks().onWebSocketPing) onPing(self, event.payload);
      return;
    case Kind::pong:
      controlFrameCame();
      if (const auto& onPong = self.callbacks().onWebSocketPong) onPong(self, event.payload);
      return;
    case Kind::close: {
      // Answered first: whatever the callback does, the peer gets its Close (RFC 6455 section 5.5.1).
      if (!closeSent_) self.write([&](std::string& out) { return appendClose(out, event.code, {}), true; }, true);
      closeSent_ = true;
      if (const auto& onClose = self.callbacks().onWebSocketClose)
        onClose(self, websocket::Close{event.code, event.payload});
      return self.endAfterFlush();
    }
    case Kind::violation:
      self.illegal(event.payload);
      return closeWith(self, event.code, event.payload);
  }
}

/// What has begun since is another frame.
void WebsocketCodec::controlFrameCame() noexcept { watched_ = watched_ && reader_.unfinished(); }

void WebsocketCodec::message(Conn& connection, const websocket::Event& event) {
  connection.countRequest();
  if (connection.logged()) connection.logMessage(event.payload);  // unmasked, and unpacked
  watched_ = false;
  struct Release {  // also when the callback throws
    websocket::Reader& reader;
    ~Release() { reader.release(); }
  } release{reader_};
  const SharedCallbacks& callbacks = connection.callbacks();
  const MessageCallback& handler = callbacks.onWebSocketMessage ? callbacks.onWebSocketMessage : callbacks.onMessage;
  if (!handler) return;
  if (handler.takes<std::string_view>()) {
    std::string_view text = event.payload;
    return handler.call(connection, &text);
  }
  if (!handler.takes<websocket::Message>()) return;  // an http worker's onMessage, without onWebSocketMessage
  websocket::Message typed{event.payload, event.type};
  handler.call(connection, &typed);
}

void WebsocketCodec::append(std::string& out, websocket::Type type, std::string_view payload) {
  if (client_) return websocket::appendMaskedMessage(out, type, payload, reader_.compression());
  if (auto* compression = reader_.compression()) return websocket::appendFrame(out, type, payload, *compression);
  websocket::appendFrame(out, type, payload);
}

void WebsocketCodec::appendControl(std::string& out, std::uint8_t opcode, std::string_view payload) const {
  if (!client_) return websocket::appendControl(out, opcode, payload);
  websocket::appendMaskedFrame(out, opcode, payload, websocket::maskKey());
}

void WebsocketCodec::appendClose(std::string& out, std::uint16_t code, std::string_view reason) const {
  appendControl(out, websocket::opcode::close, websocket::closePayload(code, reason));
}

bool WebsocketCodec::encode(detail::TypeId type, const void* message, Connection& connection, std::string& out) {
  if (closeSent_) return false;
  if (type == detail::typeId<std::string_view>()) {
    append(out, Conn::of(connection).websocketType, *static_cast<const std::string_view*>(message));
    return true;
  }
  if (type == detail::typeId<websocket::Message>()) {
    const auto& typed = *static_cast<const websocket::Message*>(message);
    append(out, typed.type, typed.payload);
    return true;
  }
  if (type == detail::typeId<websocket::Close>()) {
    const auto& close = *static_cast<const websocket::Close*>(message);
    appendClose(out, close.code, close.reason);
    return closeWasSent(), true;
  }
  return false;
}

void WebsocketCodec::closeWasSent() noexcept {
  since_ = Conn::clock();
  closeSent_ = true;
}

bool WebsocketCodec::delivers(detail::TypeId type) const noexcept {
  return type == detail::typeId<std::string_view>() || type == detail::typeId<websocket::Message>();
}

/// A frame, or a message in fragments, that does not come to its end (bodyTimeout, minRate). Seen by the ticks only: a
/// message that comes at once costs nothing for it.
bool WebsocketCodec::unfinishedTooLong(Conn& connection, std::uint32_t now) {
  const bool unfinished = connection.messageBegun() || reader_.unfinished();
  const bool limited = connection.acceptedBy()->bodyTimeout.count() > 0;
  if (!unfinished || !limited || !connection.awaitsPeer()) return watched_ = false;
  if (!std::exchange(watched_, true)) since_ = now;
  pinged_ = false;
  return connection.tooSlow(now, since_, connection.buffered() + reader_.arrived());
}

/// The user has sent a Close: the peer's own is due in lingerTimeout from when ours has left, whatever else comes.
void WebsocketCodec::tickOfClosing(Conn& connection, std::uint32_t now) {
  closeLeft_ = closeLeft_ || !connection.behind();
  if (!closeLeft_ || connection.paused()) {  // who takes nothing is given up elsewhere; or its Close would not be seen
    since_ = now;
    return;
  }
  if (static_cast<std::int32_t>(now - since_) >= connection.acceptedBy()->lingerTimeout.count())
    connection.endAfterFlush();
}

void WebsocketCodec::tick(Conn& connection, std::uint32_t now) {
  if (closeSent_) return tickOfClosing(connection, now);
  if (unfinishedTooLong(connection, now))
    return closeWith(connection, websocket::closeCode::policyViolation, "the message comes too slowly");
  if (client_) return tickOfClient(connection, now);
  if (watched_) return;  // it has a limit of its own: no ping is needed
  const auto interval = static_cast<std::uint64_t>(connection.acceptedBy()->pingInterval.count());
  if (interval == 0) return;
  if (!connection.awaitsPeer()) {  // we do not read: its pong would not be seen
    pinged_ = false;
    return;
  }
  if (now - connection.lastReceived() < interval) {  // bytes of a long frame count, too
    pinged_ = false;
    return;
  }
  if (pinged_) {
    if (now - since_ >= interval) connection.finish();  // silent for two intervals: nobody is there
    return;
  }
  pinged_ = true;
  since_ = now;
  ping(connection);
}

void WebsocketCodec::ping(Conn& connection) {
  connection.write([&](std::string& out) { return appendControl(out, websocket::opcode::ping, {}), true; }, true);
}

/// A client pings at its interval whatever comes: servers and what stands before them end a connection that is silent
/// on this side. Nothing received from one ping to the next: nobody is there.
void WebsocketCodec::tickOfClient(Conn& connection, std::uint32_t now) {
  Dial& dial = connection.dial();
  const auto interval = static_cast<std::uint64_t>(dial.options.websocketPingInterval.count());
  if (interval == 0) return;
  const std::uint32_t since = dial.pingedAt.value_or(dial.openedAt);
  if (now - since < interval) return;
  if (dial.pingedAt && connection.awaitsPeer() && static_cast<std::int32_t>(connection.lastReceived() - since) < 0)
    return connection.finish();
  dial.pingedAt = now;
  ping(connection);
}

bool WebsocketCodec::stopping(Conn& connection, bool graceful) {
  if (!graceful) closeWith(connection, websocket::closeCode::goingAway, {});
  return true;
}

void WebsocketCodec::callbackFailed(Conn& connection) {
  closeWith(connection, websocket::closeCode::internalError, {});
}

void WebsocketCodec::sayGoodbye(Conn& connection) {
  if (closeSent_) return;
  closeSent_ = true;
  const auto code = WorkerProcess::stopping() ? websocket::closeCode::goingAway : websocket::closeCode::normal;
  connection.write([&](std::string& out) { return appendClose(out, code, {}), true; }, true);
}

void WebsocketCodec::closeWith(Conn& connection, std::uint16_t code, std::string_view reason) {
  if (!closeSent_) connection.write([&](std::string& out) { return appendClose(out, code, reason), true; }, true);
  closeSent_ = true;
  connection.endAfterFlush();
}

}  // namespace artel
