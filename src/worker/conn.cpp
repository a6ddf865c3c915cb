#include "src/worker/conn.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "artel/log.hpp"
#include "src/net/loop.hpp"
#include "src/net/statistics.hpp"
#include "src/net/user_code.hpp"
#include "src/protocol/bounded_append.hpp"
#include "src/protocol/sniff.hpp"
#include "src/worker/core.hpp"
#include "src/worker/dial.hpp"
#include "src/worker/http_codec.hpp"
#include "src/worker/http_common_lines.hpp"
#include "src/worker/process.hpp"
#include "src/worker/traffic_log.hpp"

namespace artel {

namespace {
std::uint64_t lastId = 0;
/// A peer whose request waits for its answer is read ahead this far and no further.
constexpr std::size_t heldInputLimit = 64 * 1024;
/// A server that does not take a client's certificate says so by then, in milliseconds since the handshake.
constexpr Conn::Clock mostOfRefusal = 10'000;

bool isHead(std::span<const char> request) noexcept {
  return std::string_view(request.data(), request.size()).starts_with("HEAD ");
}
}  // namespace

Conn::Conn(Worker& worker, const CallbacksRef& callbacks) noexcept
    : id_(nextId()),
      worker_(&worker),
      callbacks_(callbacks),
      lastReceived_(clock()),
      messageSince_(lastReceived_),
      beganAt_(clockSeconds()) {}

std::uint64_t Conn::nextId() noexcept { return ++lastId; }

Conn::~Conn() {
  dropIn();
  if (codecOwned_) delete codec_;
}

std::uint32_t Conn::clockSeconds() noexcept { return static_cast<std::uint32_t>(net::loop().now() / 1000); }

Conn::Clock Conn::clock() noexcept { return static_cast<Clock>(net::loop().now()); }

std::chrono::seconds Conn::age() const noexcept { return std::chrono::seconds(clockSeconds() - beganAt_); }

void Conn::begin() {
  const auto made =
      callbacks_->protocol.factory() ? callbacks_->protocol.factory()->make() : detail::CodecFactory::Made{};
  switchCodec(made.codec, made.owned);
  net::activity.enter(net::Running::connect, id_);
  if (worker_->onConnect) net::userCode(this, [&] { worker_->onConnect(*this); });
  protocolBegins();
  updateReading();
}

void Conn::turnAway(bool http, bool linger) {
  turnedAway_ = true;
  if (http) answerError(*this, 503, "Service Unavailable: too many connections", false);
  if (!linger) {
    flush();
    return finish();
  }
  beginClose(false);
  updateReading();
}

void Conn::discard() {
  endTold_ = true;
  worker_ = nullptr;
  finish();
}

void Conn::orphan() {
  worker_ = nullptr;
  finish();
}

SharedCallbacks& Conn::ownCallbacks() {
  if (callbacks_->count > 1) {
    auto* copy = new SharedCallbacks(*callbacks_);
    copy->count = 1;
    callbacks_ = CallbacksRef(copy);
  }
  return *callbacks_;
}

// ---- receiving ------------------------------------------------------------------------------------------------------

inline void Conn::take(std::span<char> bytes) {
  net::activity.received(bytes.size());
  bytesIn_ += bytes.size();
  lastReceived_ = static_cast<Clock>(net::activity.now());
  if (has(barEnd | barLook | barKept | barLogged)) return receivedRarely(bytes);
  messageSince_ = lastReceived_;
  parse(bytes);
}

void Conn::received(std::span<char> bytes) {
  if (net::activity.readEvent(id_)) return receivedTimed(bytes);
  take(bytes);
}

void Conn::receivedTimed(std::span<char> bytes) {
  const std::uint64_t began = uv_hrtime();
  take(bytes);
  net::activity.recordCallback(uv_hrtime() - began);
}

void Conn::receivedRarely(std::span<char> bytes) {
  if (has(barLogged)) traffic::write(logName(), "received", {bytes.data(), bytes.size()});
  if (has(barEnd)) return;  // lingering: read and thrown away
  if (has(barConnecting)) return heardBefore(bytes);
  if (in_ == nullptr) {
    messageSince_ = lastReceived_;
    parseFirst(bytes);
  } else {
    appendBounded(*in_, {bytes.data(), bytes.size()}, packetSize_ != 0 ? packetSize_ : maxPackageSize);
    parseBuffered();
  }
}

void Conn::parseBuffered() {
  if (in_ == nullptr)
    afterParse();
  else if (has(barLook))
    parseFirst({in_->data(), in_->size()});
  else
    parse({in_->data(), in_->size()});
}

/// Delivers all packets that may be delivered now; their answers leave in one write. `rest` are fresh bytes when in_ is
/// null, else the last ones of in_. What is left waits in in_.
void Conn::parse(std::span<char> rest) {
  corked() = true;
  while (!rest.empty() && mayDeliver()) {
    if (codec_ == nullptr) {
      takeRaw(rest);
      rest = {};
      break;
    }
    static Input found;  // of this process: for when nothing is delivered
    detail::Taking taking{callbacks_->onMessage, maxPackageSize, found, worker_->core().totalRequests};
    std::size_t size = 0;
    try {
      size = codec_->take(rest, *this, taking);
    } catch (...) {
      size = takeThrew(taking);
    }
    if (size == 0) {
      size = nothingTaken(found, rest.size());
      if (size == 0) break;
    }
    rest = rest.subspan(size);
  }
  corked() = false;
  if (rest.empty()) {
    if (flush() && !has(bars | barKept)) return;  // nearly always
    keepRest(rest);
    afterParse();
  } else {
    parseLeft(rest);
  }
}

/// Of fresh bytes, or of those in in_, some are left.
void Conn::parseLeft(std::span<char> rest) {
  const bool full = answersWait();
  flush();
  keepRest(rest);
  afterParse();
  if (full && in_ != nullptr && mayDeliver()) raise(eventParse);  // all was sent at once: no drained() comes
}

void Conn::keepRest(std::span<char> rest) {
  if (in_ == nullptr) {
    if (rest.empty() || has(barEnd)) return;
    in_ = net::loop().buffers.take();
    in_->assign(rest.data(), rest.size());
    set(barKept, true);
  } else if (rest.size() < in_->size()) {
    touch();  // of the next message
    if (rest.empty()) return dropIn();
    in_->erase(0, in_->size() - rest.size());
  }
}

/// Something was left, or stands in the way of more.
void Conn::afterParse() {
  if (status_ == Status::closing) visitLater();
  if (peerEnded_ && mayDeliver() && !halfOpen_) beginClose(false);  // it ended while something waited here
  updateReading();
}

/// The same, beginning with the first bytes of a connection or with a packet whose size is known.
void Conn::parseFirst(std::span<char> bytes) {
  std::size_t used = 0;
  corked() = true;
  const bool more = begin(bytes, used);
  corked() = false;
  if (more) return parse(bytes.subspan(used));
  parseLeft(bytes.subspan(used));
}

/// False: nothing more can be done now.
bool Conn::begin(std::span<char> bytes, std::size_t& used) {
  if (!mayDeliver()) return false;
  if (packetSize_ == 0 && !spoke_ && codec_ != nullptr && wrongProtocol(bytes)) return false;
  if (bytes.size() < packetSize_) return false;
  set(barLook, false);
  if (packetSize_ == 0) return true;
  const auto packet = bytes.first(std::exchange(packetSize_, 0));
  used = packet.size();
  if (!builtin_) countRequest();
  net::userCode(this, [&] { codec_->deliver(packet, *this, callbacks_->onMessage); });
  return true;
}

void Conn::takeRaw(std::span<char> bytes) {
  countRequest();
  net::userCode(this, [&] {
    std::string_view text(bytes.data(), bytes.size());
    if (callbacks_->onMessage) callbacks_->onMessage.call(*this, &text);
  });
}

/// No whole packet was there. Returns how many bytes are skipped; 0: nothing more can be done with them now.
std::size_t Conn::nothingTaken(const Input& found, std::size_t available) {
  const std::size_t limit = builtin_ ? std::numeric_limits<std::size_t>::max() : maxPackageSize;
  switch (found.kind) {
    case Input::Kind::needMore:
      if (available > limit) violated("more than maxPackageSize bytes without a packet");
      return 0;
    case Input::Kind::skip:
      if (found.size - 1 < available) return found.size;
      violated("no bytes to skip, or more than there are");
      return 0;
    case Input::Kind::invalid:
      violated(found.reason);
      return 0;
    case Input::Kind::packet:
      break;
  }
  if (found.size == 0) return violated("a packet of no bytes"), 0;
  if (found.size > limit) return violated("a packet longer than maxPackageSize"), 0;
  packetSize_ = found.size;
  set(barLook, true);
  return 0;
}

/// In a catch block. Returns the size of the packet whose handler threw; 0: it was the protocol's input.
std::size_t Conn::takeThrew(detail::Taking& taking) noexcept {
  if (taking.delivered != 0)
    net::exceptionLeft(this);
  else
    taking.found = inputThrew();
  return taking.delivered;
}

/// In a catch block.
Input Conn::inputThrew() noexcept {
  try {
    throw;
  } catch (const std::exception& e) {
    complain("protocol's exception", std::string("exception in the protocol's input: ") + e.what());
  } catch (...) {
    complain("protocol's exception", "exception in the protocol's input");
  }
  return Input::invalid("exception in the protocol's input");
}

void Conn::countRequest() noexcept {
  if (worker_ != nullptr) ++worker_->core().totalRequests;
}

void Conn::countProtocolError() noexcept {
  if (worker_ != nullptr) ++worker_->core().protocolErrors;
}

/// Strangers at a text or frame port who speak HTTP or TLS get told so.
bool Conn::wrongProtocol(std::span<char> bytes) {
  const Protocol& protocol = callbacks_->protocol;
  if (worker_ == nullptr || dialled_ || builtin_ || (!isBuiltin(protocol, "text") && !isBuiltin(protocol, "frame")))
    return spoke_ = true, false;
  const std::string& speaks = protocol.name();
  const auto spoken = protocols::sniff({bytes.data(), bytes.size()});
  if (spoken == protocols::Spoken::needMore) return true;  // the protocol might misread its beginning
  spoke_ = true;
  if (spoken == protocols::Spoken::unknown) return false;
  countProtocolError();
  worker_->core().hint("wrong protocol", protocols::wrongProtocolHint(spoken, worker_->listenAddress(), speaks));
  if (spoken != protocols::Spoken::tls) {
    write(
        [&](std::string& out) {
          return protocols::appendWrongProtocolPage(speaks, worker_->listenAddress(), lastAnswer(isHead(bytes)), out),
                 true;
        },
        true);
  }
  endAfterFlush();
  return true;
}

void Conn::violated(std::string_view reason) {
  illegal(reason);
  flush();  // answers to what was legal
  finish();
}

void Conn::illegal(std::string_view reason) {
  log::debug(std::string(logName()) + " illegal data: " + std::string(reason));
  countProtocolError();
  if (worker_ != nullptr)
    worker_->core().hint("illegal data", std::string(logName()) + " sent illegal data: " + std::string(reason));
}

// ---- flow -----------------------------------------------------------------------------------------------------------

/// Held or let go, outside of a parse.
void Conn::inputReleased() {
  if (!has(barHeld)) raise(eventParse);
  updateReading();
}

void Conn::pause(bool paused) {
  if (this->paused() == paused || has(barEnd)) return;
  if (dialled_ && shakesHands()) {  // what is agreed on until it is usable() is none of its messages
    dial().paused = paused;
    return;
  }
  set(barPaused, paused);
  if (!paused) {
    touch();  // the peer could not go on
    raise(eventParse);
  }
  updateReading();
}

void Conn::updateReading() noexcept {
  const bool wanted = status_ == Status::ending || status_ == Status::closing || handshaking() ||
                      (!has(barEnd | barPaused) && !answersWait() && !(has(barHeld) && buffered() >= heldInputLimit));
  if (wanted && !peerEnded_)
    startReading();
  else
    stopReading();
}

/// Until now the peer had no chance to say anything.
void Conn::secured() {
  lastReceived_ = messageSince_ = clock();
  if (dialled_) {
    dial().bytesBefore = bytesIn_;
    const auto* codec = builtin();
    if (codec == nullptr || !codec->handshakes()) usable();
  } else {
    readyToSend();
  }
  updateReading();
}

void Conn::notSecure(const std::string& why, std::span<char> plain) {
  if (dialled_ && !has(barEnd)) {
    // With TLS 1.3 a server says only now that it does not take our certificate: nothing else has come of it then.
    const bool late = bytesIn_ != dial().bytesBefore || clock() - lastReceived_ >= mostOfRefusal;
    if (!dial().handshaking && (late || (plain.empty() && tls()->flooded()))) {
      log::debug(std::string(logName()) + " TLS failed: " + why);
      return finish();
    }
    connectFailed(
        Error{Errc::connectFail,
              dial().failure() + ": TLS failed: " + (plain.empty() ? why : "what answers there speaks no TLS"), 0});
    return;
  }
  countProtocolError();
  if (worker_ != nullptr) {
    const std::string& speaks = callbacks_->protocol.name();
    if (plain.empty()) {
      worker_->core().hint(tls()->flooded() ? "TLS flood" : "TLS failed",
                           std::string(logName()) + " " + worker_->listenAddress() + ": TLS failed: " + why);
    } else {
      worker_->core().hint("wrong protocol",
                           protocols::plainOnTlsHint({plain.data(), plain.size()}, worker_->listenAddress(), speaks));
      if (isBuiltinHttp(callbacks_->protocol) && protocols::beginsLikeHttp({plain.data(), plain.size()}))
        answerError(*this, 400, "Bad Request: this port speaks TLS, ask with https:// or wss://", isHead(plain));
    }
  }
  beginClose(false);
  visitLater();  // one that closes already had waited for the handshake
}

void Conn::ended() {
  peerEnded_ = true;
  if (status_ == Status::ending || gone_) return finish();
  if (unbegun_) return finish();
  if (endedTooEarly("the other end closed the connection in the handshake")) return;
  if (status_ != Status::established) return visitLater();  // it closes: what had to wait for this goes on
  if (halfOpen_) return raise(eventParse);                  // what is buffered goes on before the end does
  if ((events_ & eventParse) != 0) return;                  // the same, and then afterParse() ends it
  if (has(barHeld | barPaused) || atLimit()) return;        // its answer is still to come
  beginClose(false);
}

void Conn::failed(int uvError, bool sending) {
  if (gone_ || endedTooEarly(uv_strerror(uvError))) return;
  if (sending && uvError == UV_ETIMEDOUT) return giveUpSending();  // the kernel was quicker than our tick
  if (sending) {
    if (worker_ != nullptr) ++worker_->core().sendFails;
    raise(eventPeerGone);
  }
  finish();
}

// ---- sending --------------------------------------------------------------------------------------------------------

SendStatus Conn::sendMessage(detail::TypeId type, const void* message) {
  if (codec_ == nullptr) {
    if (type != detail::typeId<std::string_view>()) return refused(eventMisuse);
    return sendRaw(*static_cast<const std::string_view*>(message));
  }
  return write([&](std::string& out) { return codec_->encode(type, message, *this, out); },
               !atLimit() || (builtin_ && builtin()->exempt(type, message)));
}

SendStatus Conn::refused(std::uint8_t event) {
  if (worker_ != nullptr) ++worker_->core().sendFails;
  if (event == 0 || has(barEnd)) return SendStatus::dropped;  // a husk has no onError after its onClose
  if (event == eventMisuse) {
    const std::string_view why = builtin_ ? builtin()->whyRefused(*this) : "wrong type";
    if (why.empty())
      event = eventDropped;
    else
      complain("message dropped", "a message was dropped: " + callbacks_->protocol.name() + " cannot send it now (" +
                                      std::string(why) + ")");
  }
  raise(event);
  return SendStatus::dropped;
}

SendStatus Conn::appended() noexcept {
  bool ahead = flushLater() && !handshaking();
  if (ahead && atLimit()) ahead = flush();
  if (!ahead && atLimit()) {
    raise(eventFull);
    if (!corked()) updateReading();
  }
  return ahead ? SendStatus::sent : SendStatus::queued;
}

void Conn::drained() {
  // A full buffer may have emptied within one turn: onBufferFull comes first all the same, else a pipe would pause for
  // good.
  raiseEvents();
  if (!flush()) return;
  net::activity.enter(net::Running::bufferDrain, id_);
  if (callbacks_->onBufferDrain) net::userCode(this, [&] { callbacks_->onBufferDrain(*this); });
  if (auto* codec = builtin(); codec != nullptr && status_ == Status::established) codec->drained(*this);
  if (status_ == Status::established) {
    touch();
    raise(eventParse);
  }
  visitLater();
  updateReading();
}

void Conn::raise(std::uint8_t event) noexcept {
  events_ |= event;
  if (net::processLoop != nullptr) visitLater();  // one that never connected may outlive the loop
}

void Conn::raiseEvents() {
  const std::uint8_t events = std::exchange(events_, static_cast<std::uint8_t>(events_ & eventParse));
  const auto error = [&](std::uint8_t event, Errc code, const char* text) {
    if ((events & event) == 0 || !callbacks_->onError) return;
    net::activity.enter(net::Running::error, id_);
    net::userCode(this, [&] { callbacks_->onError(*this, Error{code, text, 0}); });
  };
  if ((events & eventFull) != 0 && callbacks_->onBufferFull) {
    net::activity.enter(net::Running::bufferFull, id_);
    net::userCode(this, [&] { callbacks_->onBufferFull(*this); });
  }
  error(eventDropped, Errc::sendFail, "send buffer full and drop package");
  if ((events & eventMisuse) != 0) {
    error(eventMisuse, Errc::sendFail, "the protocol cannot send this message now");
    if (auto* codec = builtin(); codec != nullptr && status_ == Status::established) codec->afterRefusal(*this);
  }
  error(eventPeerGone, Errc::sendFail, "client closed");
  error(eventStalled, Errc::sendFail, "client takes nothing");
}

void Conn::dropIn() noexcept {
  if (in_ == nullptr) return;
  net::loop().buffers.give(in_);
  in_ = nullptr;
  set(barKept, false);
  packetSize_ = 0;
}

void Conn::logTraffic(bool on) noexcept {
  set(barLogged, on);
  watchSending(on);
}

void Conn::sending(std::string_view bytes) noexcept { traffic::write(logName(), "sent", bytes); }
void Conn::logMessage(std::string_view text) noexcept { traffic::write(logName(), "message of", text); }

void Conn::complain(std::string_view kind, const std::string& what) {
  const std::string line = std::string(logName()) + " " + what;
  if (worker_ != nullptr)
    worker_->core().hint(kind, line);
  else
    log::warn(line);
}

std::string_view Conn::logName() {
  static std::string name;
  name = "#" + std::to_string(id_);
  if (const std::string peer = getRemoteAddress(); !peer.empty()) name += " " + peer;
  return name;
}

/// Where a sockaddr keeps what follows the port: IPv6 has a flow label in between, which nobody asks for.
static std::size_t addressAt(const sockaddr_storage& address) noexcept { return address.ss_family == AF_INET6 ? 8 : 4; }

/// At once: the system does not tell it any more after a reset.
void Conn::rememberPeer(const net::Incoming& incoming) noexcept {
  if (unixSocket()) return;
  sockaddr_storage address{};
  const std::span bytes(reinterpret_cast<std::byte*>(&address), sizeof address);
  std::memcpy(bytes.data(), incoming.peer.data(), incoming.peer.size());
  if (address.ss_family == 0) platform::peerAddress(native(), bytes);
  setRemote(address);
}

void Conn::setRemote(const sockaddr_storage& address) noexcept {
  const auto* bytes = reinterpret_cast<const std::byte*>(&address);
  std::memcpy(remote_.data(), bytes, 4);  // family and port
  std::memcpy(remote_.data() + 4, bytes + addressAt(address), remote_.size() - 4);
}

sockaddr_storage Conn::remote() const noexcept {
  sockaddr_storage address{};
  auto* bytes = reinterpret_cast<std::byte*>(&address);
  std::memcpy(bytes, remote_.data(), 4);
  std::memcpy(bytes + addressAt(address), remote_.data() + 4, remote_.size() - 4);
  return address;
}

}  // namespace artel
