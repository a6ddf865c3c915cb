// The object behind TcpConnection: handle, stream, parse state and count in one allocation.
//
//   received ─► parse ─► codec.input: needMore | packet | skip | invalid ─► codec.deliver ─► the user's onMessage
//   send ─► codec.encode ─► out() ─► one write when the parse, or the turn, ends
//
// Events that the user's own calls cause are marks here and are raised when the turn ends (turnEnds).
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "artel/client.hpp"
#include "artel/codec.hpp"
#include "artel/worker.hpp"
#include "platform/compiler.hpp"
#include "src/net/loop.hpp"
#include "src/net/stream.hpp"
#include "src/protocol/proxy_dialogue.hpp"

namespace artel {

class Conn;
struct Dial;

/// Counted, not atomic: what connections accepted under the same settings share.
struct SharedCallbacks final : detail::ConnectionCallbacks {
  std::uint32_t count = 1;
  Protocol protocol;
  std::weak_ptr<Conn> pipedTo, pipedFrom;
  std::shared_ptr<Dial> dial;  ///< of a dialled connection, which shares this with nobody
};
class CallbacksRef {
 public:
  explicit CallbacksRef(SharedCallbacks* made) noexcept : at_(made) {}
  CallbacksRef(const CallbacksRef& other) noexcept : at_(other.at_) { ++at_->count; }
  CallbacksRef& operator=(CallbacksRef other) noexcept {
    std::swap(at_, other.at_);
    return *this;
  }
  ~CallbacksRef() {
    if (--at_->count == 0) delete at_;
  }
  SharedCallbacks* operator->() const noexcept { return at_; }
  SharedCallbacks& operator*() const noexcept { return *at_; }

 private:
  SharedCallbacks* at_;
};

/// A codec of ours: it knows the connection behind the Peer.
class BuiltinCodec : public detail::Codec {
 public:
  /// Once a second: what has lasted too long? `now` in milliseconds of Conn::clock().
  virtual void tick(Conn&, std::uint32_t /*now*/) {}
  /// The process stops: say goodbye. False: the connection shall be closed like any other.
  virtual bool stopping(Conn&, bool /*graceful*/) { return false; }
  /// An exception left a callback of this connection: a request that waits for its answer gets one.
  virtual void callbackFailed(Conn&) {}
  /// The same, but onException has decided to go on.
  virtual void handlerThrew(Conn&) {}
  /// The send buffer is at its limit. Whether this message goes out all the same: the one answer that a request is
  /// owed. If not, it is dropped unless there is room after all.
  virtual bool exempt(detail::TypeId, const void* /*message*/) noexcept { return false; }
  /// maxSendBufferSize stands in the way of what is to be sent: as much is kept until it may be sent, or a part of an
  /// answer was dropped.
  virtual bool full(const Conn&) const noexcept { return false; }
  /// The peer waits for an answer, or for the rest of it: that it says nothing does not make it idle.
  virtual bool answers(const Conn&) const noexcept { return false; }
  /// The same, whether or not the peer can still be heard.
  virtual bool owes() const noexcept { return false; }
  /// Why the message that encode() has just refused cannot be sent; empty: because full().
  virtual std::string_view whyRefused(const Conn& connection) noexcept {
    return full(connection) ? std::string_view{} : "wrong type, or no request to answer";
  }
  /// Something was refused, and onError knows.
  virtual void afterRefusal(Conn&) {}
  /// True: close() has to wait, the codec will end the connection itself.
  virtual bool closesLater() { return false; }
  /// The kernel has taken everything: a body in pieces may go on.
  virtual void drained(Conn&) {}
  /// close(message): this is the last one.
  virtual void lastMessage() {}
  /// It has to agree with the peer before messages can be sent: calls Conn::usable() then.
  virtual bool handshakes() const noexcept { return false; }
  /// close() with our protocol's own goodbye.
  virtual void sayGoodbye(Conn&) {}
  /// The user has said it: nothing follows but the peer's.
  virtual bool goodbyeSaid() const noexcept { return false; }
};

inline bool needsStream(const detail::Codec* codec) noexcept {
  return dynamic_cast<const BuiltinCodec*>(codec) != nullptr;
}
inline bool isOfClients(const detail::Codec* codec) noexcept {
  const auto* builtin = dynamic_cast<const BuiltinCodec*>(codec);
  return builtin != nullptr && builtin->handshakes();
}

class Conn final : public AsyncTcpConnection, public net::Stream, public std::enable_shared_from_this<Conn> {
 public:
  using Clock = std::uint32_t;  ///< milliseconds, wraps after 49 days; only differences are used

  Conn(Worker& worker, const CallbacksRef& callbacks) noexcept;
  ~Conn() override;
  using net::Stream::flush;  // not TcpConnection::flush, which is made of it
  static Conn& of(TcpConnection& connection) noexcept { return static_cast<Conn&>(connection); }
  /// What a codec of ours is given.
  static Conn& of(Connection& connection) noexcept { return of(static_cast<TcpConnection&>(connection)); }
  static const Conn& of(const TcpConnection& connection) noexcept { return static_cast<const Conn&>(connection); }
  static Clock clock() noexcept;
  static std::uint32_t clockSeconds() noexcept;  ///< of the same clock

  /// A dialled one; it has not begun to connect.
  Conn(std::shared_ptr<Dial> dial, const Protocol& protocol);
  /// After open(): onConnect, then reading.
  void begin();
  /// After open(), instead of begin(): begins when the PROXY header has come (Worker::proxyProtocol).
  void beginBehindProxy();
  /// After open(), instead of begin(): there is no room. 503 for those who speak HTTP. Without `linger` it is not
  /// waited for their end, which may cost them the 503.
  void turnAway(bool http, bool linger);
  bool turnedAway() const noexcept { return turnedAway_; }
  bool peerEnded() const noexcept { return peerEnded_; }
  /// After open() failed.
  void discard();
  /// The Worker goes before its connection: onClose follows, without a worker().
  void orphan();
  void setProtocol(const Protocol& protocol);
  /// Throws std::invalid_argument when the handler does not fit what this connection speaks.
  void checkHandler(const MessageCallback& handler, bool ofWebSocket) const;
  /// Puts another codec in place; the old one lives until this turn ends.
  void switchCodec(detail::Codec* codec, bool owned);
  /// The protocol's onConnect.
  void protocolBegins();
  BuiltinCodec* builtin() const noexcept { return builtin_ ? static_cast<BuiltinCodec*>(codec_) : nullptr; }

  // -- for codecs
  SharedCallbacks& ownCallbacks();
  /// Appends what `append(out)` writes. `exempt`: beyond the send buffer's limit, too.
  template <class Append>
  SendStatus write(Append&& append, bool exempt);
  /// The codec is owed an answer: no further message is parsed until it lets go.
  void holdInput(bool hold) {
    if (has(barHeld) == hold) return;
    set(barHeld, hold);
    if (!corked()) inputReleased();  // the running parse looks for itself
  }
  bool inputHeld() const noexcept { return has(barHeld); }
  /// Illegal bytes: logged, destroyed.
  ARTEL_COLD void violated(std::string_view reason);
  /// Illegal bytes: logged. Its codec ends it.
  ARTEL_COLD void illegal(std::string_view reason);
  /// Like close(), without the codec's goodbye.
  void endAfterFlush();
  /// The same of one that connects, too.
  bool full() const noexcept;
  /// What was kept until now has been sent, or is behind: who was told that the buffer is full hears that it is not.
  void keptNoMore() {
    if (!gone_ && flush()) drained();
  }
  /// As much is kept as may be: onBufferFull.
  void keptEnough() noexcept { raise(eventFull); }
  /// The peer would miss something if this ended now: an answer, or what is queued.
  bool owes() const noexcept { return status_ < Status::ending && (queued() > 0 || (builtin_ && builtin()->owes())); }
  /// Never of an empty buffer, of which nobody would hear that it has drained.
  bool atLimit() const noexcept {
    if (quiet()) return false;
    const std::size_t waiting = queued();
    return waiting >= maxSendBufferSize && waiting > 0;
  }
  Clock lastReceived() const noexcept { return lastReceived_; }
  /// Since it was accepted, or made.
  std::chrono::seconds age() const noexcept;
  /// A message for onMessage.
  void countRequest() noexcept;
  /// What came is not what this port speaks.
  void countProtocolError() noexcept;
  /// It is the peer's turn: nothing here keeps its next message from being read.
  bool awaitsPeer() const noexcept { return mayDeliver(); }
  /// From now on counts the time to the next message.
  void touch() noexcept { messageSince_ = clock(); }
  Clock messageSince() const noexcept { return messageSince_; }
  bool messageBegun() const noexcept { return in_ != nullptr; }
  /// A message that has begun, and whose size is known, comes too slowly (bodyTimeout, minRate).
  bool messageStalled(Clock now) const noexcept { return tooSlow(now, messageSince_, buffered()); }
  /// The same of one that began at `since` and of which so many bytes have come.
  bool tooSlow(Clock now, Clock since, std::size_t bytes) const noexcept;
  Worker* acceptedBy() const noexcept { return worker_; }
  std::string_view logName();
  /// A line in the log about this connection; of one kind, one a minute.
  ARTEL_COLD void complain(std::string_view kind, const std::string& what);
  std::string_view transport() const noexcept { return encrypted() ? "ssl" : unixSocket() ? "unix" : "tcp"; }
  /// The wire log (Worker::logTraffic).
  void logTraffic(bool on) noexcept;
  bool logged() const noexcept { return has(barLogged); }
  /// What bytes say that are not readable as they came.
  ARTEL_COLD void logMessage(std::string_view text) noexcept;

  // -- for the process
  void tick(Clock now, std::uint32_t linger);
  void stop(bool graceful);
  void finish();

  // -- of a dialled one (conn_dial.cpp)
  bool isDialled() const noexcept { return dialled_; }
  Dial& dial() const noexcept { return *callbacks_->dial; }
  void startConnecting();
  void connectAgain(std::chrono::milliseconds after);
  /// False when it was not going to.
  bool cancelAgain() noexcept;
  /// Its user closes or destroys it: a reconnect that was asked for before is taken back.
  void endsForGood() noexcept;
  /// Nothing of it will be called any more: the process ends.
  void forgetDial();
  /// It could not be made, or not be used: onError, then onClose.
  ARTEL_COLD void connectFailed(Error error);
  /// The way is free, to the peer itself: onConnect.
  void reached();
  /// Messages can be sent: connectTimeout is over.
  void usable() noexcept;

  // -- behind TcpConnection's calls
  SendStatus sendMessage(detail::TypeId type, const void* message) override;
  std::uint64_t id() const noexcept { return id_; }
  Status status() const noexcept { return status_; }
  void pause(bool paused);
  bool paused() const noexcept { return has(barPaused) || pausesLater(); }
  void pipeTo(Conn& to);
  void closeWithMessage(detail::TypeId type, const void* message);
  void beginClose(bool goodbye);
  std::uint64_t bytesIn() const noexcept { return bytesIn_; }
  std::size_t buffered() const noexcept { return in_ != nullptr ? in_->size() : 0; }
  const SharedCallbacks& callbacks() const noexcept { return *callbacks_; }
  /// After open().
  void rememberPeer(const net::Incoming& incoming) noexcept;
  sockaddr_storage remote() const noexcept;

 private:
  static constexpr std::uint64_t notBehind = UINT64_MAX;
  enum Event : std::uint8_t {
    eventFull = 1,
    eventDropped = 2,
    eventPeerGone = 4,
    eventMisuse = 8,
    eventParse = 16,
    eventStalled = 32
  };
  /// What stands in the way of messages, in one byte: each message is checked against it, coming and going.
  enum Bar : std::uint8_t {
    barEnd = 1,  // no longer established
    barPaused = 2,
    barHeld = 4,          // a request waits for its answer
    barSendEnded = 8,     // of a pipe: nothing more to send
    barLook = 16,         // what comes next is not for codec_->take: it begins the connection, or packetSize_ is known
    barKept = 32,         // bytes wait in in_, which come first
    barLogged = 64,       // stands in nobody's way: a look at what comes
    barConnecting = 128,  // not connected yet: what is sent waits in dial().early
    bars = barEnd | barPaused | barHeld
  };
  bool has(std::uint8_t bars) const noexcept { return (bars_ & bars) != 0; }
  void set(Bar bar, bool on) noexcept { bars_ = static_cast<std::uint8_t>(on ? bars_ | bar : bars_ & ~bar); }
  void setStatus(Status status) noexcept {
    status_ = status;
    set(barEnd, status > Status::established);
    set(barConnecting, status < Status::established);
  }

  bool recordStalls(Clock now) noexcept;
  bool halfIsStill(Clock now) const noexcept;

  void received(std::span<char> bytes) override;
  void take(std::span<char> bytes);
  ARTEL_COLD void receivedTimed(std::span<char> bytes);
  void ended() override;
  void failed(int uvError, bool sending) override;
  void drained() override;
  void turnEnds() override;
  void handleClosed() override;
  void secured() override;
  void notSecure(const std::string& why, std::span<char> plain) override;
  void sending(std::string_view bytes) noexcept override;

  ARTEL_COLD void receivedRarely(std::span<char> bytes);
  void parse(std::span<char> rest);
  ARTEL_COLD void parseFirst(std::span<char> bytes);
  ARTEL_COLD void parseLeft(std::span<char> rest);
  bool begin(std::span<char> bytes, std::size_t& used);
  void takeRaw(std::span<char> bytes);
  ARTEL_COLD std::size_t nothingTaken(const Input& found, std::size_t available);
  ARTEL_COLD std::size_t takeThrew(detail::Taking& taking) noexcept;
  ARTEL_COLD void keepRest(std::span<char> rest);
  void parseBuffered();
  ARTEL_COLD void afterParse();
  bool mayDeliver() const noexcept { return !has(bars) && !answersWait(); }
  /// As much waits to be sent as may: no message is taken that would be answered. What a pipe takes goes elsewhere, but
  /// a built-in protocol has answers of its own: a pong to each ping.
  bool answersWait() const noexcept { return atLimit() && (!halfOpen_ || builtin_); }
  Input inputThrew() noexcept;
  void inputReleased();
  bool wrongProtocol(std::span<char> bytes);
  void updateReading() noexcept;
  void goOnClosing();
  void tickHandshake(Clock now);
  std::chrono::milliseconds sendLimit() const noexcept;
  bool sendStalled(Clock now, std::chrono::milliseconds timeout) noexcept;
  void giveUpSending();
  void passEnd();
  void readyToSend() noexcept;
  bool shakesHands() const noexcept;
  bool pausesLater() const noexcept;
  static std::uint64_t nextId() noexcept;
  void dialDone(Result<platform::NativeSocket> result);
  void dialTimedOut();
  void heardBefore(std::span<char> bytes);
  void heardHeader(std::span<char> bytes);
  void setRemote(const sockaddr_storage& address) noexcept;
  void beginWith(std::string_view first);
  void askProxy();
  bool secureDial();
  void heardProxy(std::span<char> bytes);
  void proxyStep(const protocols::ProxyDialogue::Step& step);
  bool endedTooEarly(std::string_view what);
  void dialEnds() noexcept;
  void dialAgain();
  void scheduleDial();
  void closedDialled();
  void cutCallbacks();
  void leaveTable();
  void letGoOfSocket();
  void makeCodec();
  bool renewCodec();
  ARTEL_COLD SendStatus keepEarly(std::string_view bytes);
  ARTEL_COLD SendStatus refused(std::uint8_t event);
  ARTEL_COLD SendStatus appended() noexcept;
  void raise(std::uint8_t event) noexcept;
  void raiseEvents();
  void dropIn() noexcept;

  std::uint64_t id_;
  std::uint64_t bytesIn_ = 0;
  Worker* worker_;
  CallbacksRef callbacks_;
  detail::Codec* codec_ = nullptr;
  std::string* in_ = nullptr;              // bytes of an incomplete message, or of a held one
  std::uint64_t takenBefore_ = notBehind;  // what the peer had taken at stalledSince_
  std::size_t packetSize_ = 0;             // once known, until the packet is there
  std::array<std::byte, 24> remote_{};     // the peer's sockaddr without its flow label
  Clock lastReceived_, messageSince_;
  std::uint32_t beganAt_;   // seconds of the loop's clock
  Clock stalledSince_ = 0;  // since when the peer owes us: to take what is queued, or (ending) its own end
  std::uint8_t bars_ = barLook;
  std::uint8_t events_ = 0;
  Status status_ : 3 = Status::established;
  bool codecOwned_ : 1 = false, builtin_ : 1 = false;
  bool peerEnded_ : 1 = false;
  bool halfOpen_ : 1 = false;  // of a pipe: one side may end before the other
  bool endPassed_ : 1 = false, shut_ : 1 = false;
  bool spoke_ : 1 = false, gone_ : 1 = false, endTold_ : 1 = false, turnedAway_ : 1 = false;
  bool dialled_ : 1 = false;
  bool letGo_ : 1 = true;     // the system has no handle of it any more
  bool begun_ : 1 = false;    // codec_ has heard of it, so it hears of its end
  bool unbegun_ : 1 = false;  // accepted, and its proxy has still to say whom it brings
};

template <class Append>
SendStatus Conn::write(Append&& append, bool exempt) {
  assert((net::processLoop == nullptr || net::processLoop->here()) &&
         "send belongs to the loop's thread: use Loop::post from another one");
  if (has(barEnd | barSendEnded | barConnecting)) {
    if (has(barEnd | barSendEnded) || unbegun_) return refused(0);
    std::string bytes;
    return append(bytes) ? keepEarly(bytes) : refused(eventMisuse);
  }
  if (!exempt && atLimit() && (behind() || (flush(), atLimit()))) return refused(eventDropped);
  std::string& buffer = out();
  const std::size_t before = buffer.size();
  bool encoded = false;
  pin();  // an encode that sends, too, must not move this buffer
  try {
    encoded = append(buffer);
  } catch (...) {
    unpin();
    buffer.resize(before);
    throw;
  }
  unpin();
  if (!encoded) {
    buffer.resize(before);
    return refused(eventMisuse);
  }
  const std::size_t size = buffer.size();
  if (size == before) return SendStatus::queued;
  // Nearly always: the running parse sends it when it ends.
  if (corked() && !behind() && size < corkLimit && size < maxSendBufferSize) return SendStatus::sent;
  return appended();
}

}  // namespace artel
