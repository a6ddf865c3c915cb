// How a connection that we make begins, fails and begins again (manual 1.10).
#include <uv.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "src/net/loop.hpp"
#include "src/net/statistics.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/client_tls.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/dial.hpp"
#include "src/worker/process.hpp"
#include "src/worker/traffic_log.hpp"

namespace artel {

namespace {

std::string seconds(std::uint64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(nanoseconds) / 1e9);
  return text;
}

CallbacksRef blockFor(std::shared_ptr<Dial> dial, const Protocol& protocol) {
  auto* block = new SharedCallbacks;
  block->dial = std::move(dial);
  block->protocol = protocol;
  return CallbacksRef(block);
}

/// New connections are made: the process does not stop.
bool mayDial() {
  const WorkerProcess* process = WorkerProcess::current();
  return process != nullptr && !WorkerProcess::stopping() && !process->ending();
}

/// Its bytes, if the host is a number.
std::string numberOf(const std::string& host) {
  char bytes[16];
  if (uv_inet_pton(AF_INET, host.c_str(), bytes) == 0) return {bytes, 4};
  if (uv_inet_pton(AF_INET6, host.c_str(), bytes) == 0) return {bytes, 16};
  return {};
}

}  // namespace

Conn::Conn(std::shared_ptr<Dial> dial, const Protocol& protocol)
    : id_(nextId()),
      worker_(nullptr),
      callbacks_(blockFor(std::move(dial), protocol)),
      lastReceived_(clock()),
      messageSince_(lastReceived_),
      beganAt_(clockSeconds()) {
  dialled_ = true;
  setStatus(Status::initial);
  makeCodec();
}

void Conn::makeCodec() {
  const auto& factory = callbacks_->protocol.factory();
  const auto made = factory ? factory->make() : detail::CodecFactory::Made{};
  switchCodec(made.codec, made.owned);
}

/// What one connection has left in it is not the next one's business. False: its protocol has thrown.
bool Conn::renewCodec() {
  if (dial().codecUsed) {
    net::userCode(this, [this] {
      makeCodec();
      dial().codecUsed = false;
    });
  }
  return !dial().codecUsed;
}

// ---- beginning ------------------------------------------------------------------------------------------------------

void Conn::startConnecting() {
  WorkerProcess& process = *WorkerProcess::current();
  if (process.ending()) return;
  Dial& dial = this->dial();
  process.waitsNoMore(id_);
  dial.timer.stop();
  dial.again = dial.over = false;
  dial.handshaking = true;
  worker_ = &process.clients();
  setStatus(Status::connecting);
  worker_->core().connections.add(shared_from_this());
  process.connectionsChanged();

  const ClientOptions& options = dial.options;
  net::Dialer::To to{dial.address.host, dial.port(), {}};
  to.options.kind = dial.address.kind;
  to.options.noDelay = options.noDelay;
  to.options.keepAlive.on = options.keepAlive;
  to.options.sendTimeout = worker_->sendTimeout;
  dial.began = uv_hrtime();
  if (options.connectTimeout.count() > 0) dial.timer.start(options.connectTimeout, [this] { dialTimedOut(); });
  const auto refuse = [&](const Error& error) {  // in a later turn, as everything
    dial.timer.start(std::chrono::milliseconds(1), [this, error] { dialDone(error); });
  };
  if (!renewCodec()) return refuse(Error{Errc::connectFail, "its protocol threw an exception when it was made", 0});
  if (dial.secure() && to.options.kind != platform::SocketKind::tcp)
    return refuse(Error{Errc::connectFail, "TLS travels over tcp, not over Unix sockets", 0});
  if (!options.transport.empty() && options.transport != "ssl" && options.transport != "tcp")
    return refuse(Error{Errc::connectFail, "transport \"" + options.transport + "\" is neither tcp nor ssl", 0});
  if (!options.bindTo.empty()) {
    auto from = addressToBind(options.bindTo);
    if (!from) return refuse(from.error());
    to.options.from = *from;
  }
  if (const std::string& proxy = dial.proxyAddress(); !proxy.empty()) {
    if (dial.address.kind == platform::SocketKind::unixStream ||
        (!options.proxyHttp.empty() && &proxy != &options.proxyHttp))
      return refuse(Error{Errc::connectFail, "one proxy, and not for Unix sockets", 0});
    try {
      const RemoteAddress place = parseRemoteAddress("tcp://" + proxy);
      if (!place.portGiven) return refuse(Error{Errc::badAddress, "the proxy's port is missing", 0});
      to.host = place.host;
      to.port = place.port;
    } catch (const SetupError&) {
      return refuse(Error{Errc::badAddress, "the proxy's address is no \"host:port\"", 0});
    }
  }
  dial.dialer = std::make_shared<net::Dialer>(
      std::move(to), [this](Result<platform::NativeSocket> result) { dialDone(std::move(result)); });
  dial.dialer->start();
}

void Conn::dialDone(Result<platform::NativeSocket> result) {
  const auto keep = shared_from_this();
  Dial& dial = this->dial();
  dial.dialer.reset();
  net::activity.enter(net::Running::connect, id_);
  if (!result) {
    Error error = result.error();
    error.message = dial.failure() + " after " + seconds(uv_hrtime() - dial.began) + ": " + error.message;
    return connectFailed(std::move(error));
  }
  net::Incoming incoming;
  incoming.socket = *result;
  if (const int status = open(incoming, dial.address.kind == platform::SocketKind::unixStream); status != 0)
    return connectFailed(Error{Errc::connectFail, dial.failure() + ": " + uv_strerror(status), status});
  rememberPeer(incoming);
  if (dial.proxyAddress().empty()) return reached();
  askProxy();
}

// ---- through a proxy ------------------------------------------------------------------------------------------------

void Conn::askProxy() {
  Dial& dial = this->dial();
  protocols::TunnelTo to{dial.address.host, dial.port(), numberOf(dial.address.host)};
  const ClientOptions& options = dial.options;
  dial.proxySaid.clear();
  dial.proxy = options.proxySocks5.empty()
                   ? protocols::httpConnect(std::move(to), options.proxyAuthorization)
                   : protocols::socks5(std::move(to), options.proxySocks5Username, options.proxySocks5Password);
  startReading();
  proxyStep(dial.proxy->hello());
}

void Conn::heardProxy(std::span<char> bytes) {
  Dial& dial = this->dial();
  const auto keep = shared_from_this();
  dial.proxySaid.append(bytes.data(), bytes.size());
  using Kind = protocols::ProxyDialogue::Step::Kind;
  std::size_t used = 0;
  const auto next = [&] { return dial.proxy->heard(std::string_view(dial.proxySaid).substr(used)); };
  for (auto step = next(); step.kind != Kind::needMore; step = next()) {
    used += step.used;
    if (step.kind != Kind::goOn) {
      dial.proxySaid.erase(0, used);
      return proxyStep(step);
    }
    proxyStep(step);
  }
  dial.proxySaid.erase(0, used);
}

void Conn::proxyStep(const protocols::ProxyDialogue::Step& step) {
  using Kind = protocols::ProxyDialogue::Step::Kind;
  Dial& dial = this->dial();
  if (step.kind == Kind::failed) return connectFailed(Error{Errc::connectFail, dial.failure() + ": " + step.say, 0});
  if (!step.say.empty()) {
    out().append(step.say);
    visitLater();
  }
  if (step.kind != Kind::tunnel) return;
  dial.proxy.reset();
  std::string rest = std::exchange(dial.proxySaid, {});
  reached();
  if (status_ != Status::established) return;
  if (!encrypted()) return beginWith(rest);
  if (!rest.empty() && isOpen()) receivedCipher(rest);
}

/// TLS from here on. False: it has failed.
bool Conn::secureDial() {
  const Dial& dial = this->dial();
  const SslOptions& ssl = dial.options.ssl;
  auto context = clientTls(ssl, dial.address.scheme == "ws" || dial.address.scheme == "wss");
  auto session = context ? net::TlsSession::connect(*context, ssl.peerName.empty() ? dial.address.host : ssl.peerName,
                                                    ssl.verifyPeerName)
                         : nullptr;
  if (session == nullptr) {
    connectFailed(Error{Errc::connectFail,
                        dial.failure() + ": " + (context ? "there is no memory for TLS" : context.error().message), 0});
    return false;
  }
  net::Stream::startTls(std::move(session));
  return true;
}

void Conn::reached() {
  Dial& dial = this->dial();
  if (dial.secure() && !secureDial()) return;
  setStatus(Status::established);
  lastReceived_ = messageSince_ = clock();
  if (traffic::loggedBy(*worker_)) logTraffic(true);
  const bool wasFull = dial.early.size() >= maxSendBufferSize;
  if (!dial.early.empty()) out().append(std::exchange(dial.early, {}));
  dial.codecUsed = true;
  if (const auto* codec = builtin(); !handshaking() && (codec == nullptr || !codec->handshakes())) usable();
  if (callbacks_->onConnect) net::userCode(this, [&] { callbacks_->onConnect(*this); });
  if (gone_) return;
  protocolBegins();
  if (gone_) return;
  // Who was told that the buffer is full waits to hear that it is not.
  if (wasFull && flush()) drained();
  visitLater();
  updateReading();
}

bool Conn::pausesLater() const noexcept { return dialled_ && dial().paused; }

void Conn::usable() noexcept {
  Dial& dial = this->dial();
  dial.handshaking = false;
  dial.timer.stop();
  if (std::exchange(dial.paused, false)) set(barPaused, true);
  readyToSend();
}

/// Before messages could be sent. False: it is an end like any other.
bool Conn::endedTooEarly(std::string_view what) {
  if (!dialled_ || !dial().handshaking || has(barEnd)) return false;
  connectFailed(Error{Errc::connectFail, dial().failure() + ": " + std::string(what), 0});
  return true;
}

/// While it connects: kept until it stands.
SendStatus Conn::keepEarly(std::string_view bytes) {
  std::string& early = dial().early;
  if (early.size() >= maxSendBufferSize) return refused(eventDropped);
  early.append(bytes);
  if (early.size() >= maxSendBufferSize) raise(eventFull);
  return SendStatus::queued;
}

bool Conn::full() const noexcept {
  if (builtin_ && builtin()->full(*this)) return true;
  return has(barConnecting) && dialled_ ? dial().early.size() >= maxSendBufferSize : atLimit();
}

// ---- failing --------------------------------------------------------------------------------------------------------

void Conn::dialTimedOut() {
  const auto keep = shared_from_this();
  if (has(barEnd)) {              // it is closing already
    if (handshaking()) finish();  // what is queued waits for that no longer
    return;
  }
  const Dial& dial = this->dial();
  net::activity.enter(net::Running::connect, id_);
  const std::string what = dial.dialer     ? dial.dialer->doing()
                           : dial.proxy    ? "the proxy"
                           : handshaking() ? "the TLS handshake"
                                           : "the handshake";
  connectFailed(Error{Errc::connectFail,
                      dial.failure() + ": " + what + " takes longer than connectTimeout, " +
                          seconds(static_cast<std::uint64_t>(dial.options.connectTimeout.count()) * 1'000'000),
                      0});
}

void Conn::connectFailed(Error error) {
  const auto keep = shared_from_this();
  Dial& dial = this->dial();
  error.code = Errc::connectFail;
  const bool begun = status_ == Status::established;  // onConnect was called, so onClose will be
  dial.timer.stop();
  dial.dialer.reset();
  dial.proxy.reset();
  setStatus(Status::closing);
  dial.failing = !begun;
  if (callbacks_->onError) {
    net::activity.enter(net::Running::error, id_);
    net::userCode(this, [&] { callbacks_->onError(*this, error); });
  }
  dial.failing = false;
  if (gone_) return;  // destroyed in there
  if (begun || !dial.again) return finish();
  // Nothing has ended, since it never was: no onClose.
  letGoOfSocket();
  leaveTable();
  scheduleDial();
}

void Conn::dialEnds() noexcept {
  Dial& dial = this->dial();
  dial.timer.stop();
  dial.dialer.reset();
  dial.proxy.reset();
  dial.early.clear();
}

// ---- again ----------------------------------------------------------------------------------------------------------

void Conn::connectAgain(std::chrono::milliseconds after) {
  Dial& dial = this->dial();
  if (!mayDial() && status_ != Status::initial) return;
  dial.again = true;
  dial.after = after;
  if (dial.failing) return;  // connectFailed() goes on with it
  if (status_ == Status::initial || dial.over) return scheduleDial();
  finish();  // nothing, when it is closed already and onClose is still to return
}

bool Conn::cancelAgain() noexcept {
  Dial& dial = this->dial();
  const bool waited = std::exchange(dial.again, false);
  if (status_ != Status::initial || !waited) return waited;
  dial.timer.stop();
  if (WorkerProcess* process = WorkerProcess::current()) process->waitsNoMore(id_);
  return true;
}

void Conn::endsForGood() noexcept {
  if (dialled_) dial().again = false;
}

/// Everything as in the beginning, but what is piped stays so; connects after the time.
void Conn::scheduleDial() {
  if (!mayDial()) return cutCallbacks();
  Dial& dial = this->dial();
  dial.over = false;
  dropIn();
  gone_ = endTold_ = begun_ = false;
  peerEnded_ = endPassed_ = shut_ = spoke_ = false;
  events_ = 0;
  bars_ = static_cast<std::uint8_t>(barLook | (bars_ & barLogged));
  takenBefore_ = notBehind;
  setStatus(Status::initial);
  static_cast<void>(renewCodec());
  WorkerProcess::current()->waits(shared_from_this());
  dial.timer.start(dial.after, [this] { dialAgain(); });
}

void Conn::dialAgain() {
  const auto keep = shared_from_this();
  if (!mayDial()) {
    if (WorkerProcess* process = WorkerProcess::current()) process->waitsNoMore(id_);
    return cutCallbacks();
  }
  // The system may take its time with what was closed.
  if (!letGo_) return dial().timer.start(std::chrono::milliseconds(1), [this] { dialAgain(); });
  startConnecting();
}

void Conn::forgetDial() {
  dialEnds();
  cutCallbacks();
}

/// After onClose.
void Conn::closedDialled() {
  leaveTable();
  dial().paused = false;
  if (dial().again) return scheduleDial();
  if (WorkerProcess* process = WorkerProcess::current()) process->waitsNoMore(id_);
  cutCallbacks();
}

/// A callback may hold its own connection: nothing calls it any more, so that circle is cut.
void Conn::cutCallbacks() {
  dial().over = true;
  callbacks_ = blockFor(callbacks_->dial, callbacks_->protocol);
}

// ---- the public calls -----------------------------------------------------------------------------------------------

std::shared_ptr<AsyncTcpConnection> AsyncTcpConnection::to(const std::string& remoteAddress, ClientOptions options) {
  if (WorkerProcess::current() == nullptr)
    throw std::logic_error(
        "AsyncTcpConnection::to before the loop runs: make connections inside callbacks, such as onWorkerStart");
  auto dial = std::make_shared<Dial>();
  dial->address = parseRemoteAddress(remoteAddress);
  dial->options = std::move(options);
  const Protocol protocol = clientProtocol(remoteAddress, dial->address);
  return std::make_shared<Conn>(std::move(dial), protocol);
}

namespace {
Conn& of(AsyncTcpConnection& connection) { return Conn::of(connection); }
}  // namespace

void AsyncTcpConnection::connect() {
  Conn& self = of(*this);
  if (!self.isDialled() || WorkerProcess::current() == nullptr) return;
  if (self.status() == Status::initial) return self.startConnecting();
  if (self.status() > Status::established) self.connectAgain(std::chrono::milliseconds(0));
}

void AsyncTcpConnection::reconnect(std::chrono::milliseconds after) {
  if (of(*this).isDialled()) of(*this).connectAgain(after);
}

void AsyncTcpConnection::reconnect(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9)
    throw std::invalid_argument("AsyncTcpConnection::reconnect: the time must not be negative");
  reconnect(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

bool AsyncTcpConnection::cancelReconnect() { return of(*this).isDialled() && of(*this).cancelAgain(); }

namespace {
Dial& dialOf(const AsyncTcpConnection& connection) {
  const Conn& self = Conn::of(connection);
  if (!self.isDialled()) throw std::logic_error("this connection was accepted: it has no address to connect to");
  return self.dial();
}
}  // namespace

ClientOptions& AsyncTcpConnection::options() { return dialOf(*this).options; }
const std::string& AsyncTcpConnection::getRemoteHost() const { return dialOf(*this).address.host; }
const std::string& AsyncTcpConnection::getRemoteURI() const { return dialOf(*this).address.uri; }

}  // namespace artel
