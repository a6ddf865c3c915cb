// pipe: what one connection receives another sends, at the pace of the slower, half-closes included.
#include <memory>
#include <string_view>
#include <utility>

#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/dial.hpp"

namespace artel {

namespace {

bool speaksWebSocket(const Conn& connection) noexcept {
  return connection.builtin() != nullptr && connection.builtin()->delivers(detail::typeId<websocket::Message>());
}

template <class Message>
void pass(Conn& to, TcpConnection& from, const Message& message) {
  to.send(message);
  // Now, not at the turn's end: more may arrive in this turn, and a full buffer would drop it.
  if (to.full()) from.pauseRecv();
}

/// Between two WebSockets text stays text, and what is binary binary.
MessageCallback passMessages(const std::weak_ptr<Conn>& target) {
  return [target](TcpConnection& self, const websocket::Message& message) {
    const auto other = target.lock();
    if (!other) return;
    if (speaksWebSocket(*other))
      pass(*other, self, message);
    else
      pass(*other, self, message.payload);
  };
}

MessageCallback passBytes(const std::weak_ptr<Conn>& target) {
  return [target](TcpConnection& self, std::string_view data) {
    if (const auto other = target.lock()) pass(*other, self, data);
  };
}

}  // namespace

void Conn::pipeTo(Conn& to) {
  const std::weak_ptr<Conn> target = to.weak_from_this(), source = weak_from_this();
  MessageCallback pass = speaksWebSocket(*this) ? passMessages(target) : passBytes(target);
  checkHandler(pass, false);
  // Any bytes may come, cut anywhere: no text (RFC 6455 section 8.1).
  if (codec_ == nullptr || isBuiltin(callbacks_->protocol, "frame")) to.websocketType = websocket::Type::binary;
  SharedCallbacks& mine = ownCallbacks();
  mine.pipedTo = target;
  mine.onWebSocketMessage = {};
  mine.onMessage = std::move(pass);
  mine.onClose = [target](TcpConnection&) {
    if (const auto other = target.lock()) other->close();
  };
  SharedCallbacks& theirs = to.ownCallbacks();
  theirs.onBufferFull = [source](TcpConnection&) {
    if (const auto other = source.lock()) other->pauseRecv();
  };
  theirs.onBufferDrain = [source](TcpConnection&) {
    if (const auto other = source.lock()) other->resumeRecv();
  };
  theirs.pipedFrom = source;
  halfOpen_ = true;
  to.flush();  // what is only corked is no reason to pause: nobody would be told that it has gone
  if (to.full()) pause(true);
  raise(eventParse);  // what has waited for room in its own buffer, or its end
  updateReading();
}

/// This side's peer has ended and all it sent was passed on: the other side's sending ends.
void Conn::passEnd() {
  const auto other = callbacks_->pipedTo.lock();
  if (other && other->shakesHands()) return;  // what was passed on waits for that, and so does the end: readyToSend()
  endPassed_ = true;
  if (!other || other->has(barEnd)) return beginClose(false);
  other->set(barSendEnded, true);
  other->visitLater();
  if (other->peerEnded_) {
    other->set(barSendEnded, false);  // closing ends it
    other->beginClose(false);
    beginClose(false);
  }
}

/// Messages cannot be sent yet: it connects, or a handshake is under way.
bool Conn::shakesHands() const noexcept {
  return !has(barEnd) && (handshaking() || (dialled_ && (has(barConnecting) || dial().handshaking)));
}

/// Its handshakes are done: a source may have an end to pass on.
void Conn::readyToSend() noexcept {
  if (const auto source = callbacks_->pipedFrom.lock()) source->visitLater();
}

}  // namespace artel
