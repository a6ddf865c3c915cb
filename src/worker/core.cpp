#include "src/worker/core.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "artel/log.hpp"
#include "src/net/loop.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/process.hpp"
#include "src/worker/traffic_log.hpp"
#include "src/worker/udp_listener.hpp"

namespace artel {

namespace {

[[noreturn]] void refuse(const Worker::Core& core, const std::string& what, SetupError::Hints hints = {}) {
  throw SetupError(Exit::configuration, core.label() + ": " + what, std::move(hints));
}

bool same(const detail::ConnectionCallbacks& block, const Worker& worker) {
  return block.onMessage == worker.onMessage && block.onWebSocketMessage == worker.onWebSocketMessage &&
         block.onClose == worker.onClose && block.onBufferFull == worker.onBufferFull &&
         block.onBufferDrain == worker.onBufferDrain && block.onDrain == worker.onDrain &&
         block.onError == worker.onError && block.onWebSocketConnect == worker.onWebSocketConnect &&
         block.onWebSocketConnected == worker.onWebSocketConnected && block.onWebSocketPing == worker.onWebSocketPing &&
         block.onWebSocketPong == worker.onWebSocketPong && block.onWebSocketClose == worker.onWebSocketClose;
}

detail::ConnectionCallbacks callbacksOf(const Worker& worker) {
  return {worker.onMessage,
          worker.onWebSocketMessage,
          worker.onClose,
          worker.onBufferFull,
          worker.onBufferDrain,
          worker.onDrain,
          worker.onError,
          worker.onWebSocketConnect,
          worker.onWebSocketConnected,
          worker.onWebSocketPing,
          worker.onWebSocketPong,
          worker.onWebSocketClose,
          {},
          {}};
}

std::string messageName(const MessageCallback& handler) {
  if (handler.takes<std::string_view>()) return "text (std::string_view)";
  if (handler.takes<http::Request>()) return "http::Request";
  if (handler.takes<websocket::Message>()) return "websocket::Message";
  return "another protocol's message";
}

/// Its callback may be running: it goes when this turn ends.
void end(std::unique_ptr<net::Acceptor>& acceptor, std::shared_ptr<detail::UdpListener>& udp) {
  if (acceptor) {
    acceptor->pause();
    net::loop().defer([gone = std::move(acceptor)] {});
  }
  if (udp) {
    udp->pause();
    udp->detach();
    net::loop().defer([gone = std::move(udp)] {});
  }
}

}  // namespace

std::string Worker::Core::label() const {
  return "worker " + (worker.name != "none" ? "\"" + worker.name + "\" (" + shown + ")" : shown);
}

std::string Worker::Core::metricsName() const { return worker.name != "none" ? worker.name : shown; }

void Worker::Core::resolve() {
  if (address.secure() && worker.transport == "tcp") worker.transport = "ssl";
  const std::string& transport = worker.transport;
  if (transport != "tcp" && transport != "udp" && transport != "unix" && transport != "ssl")
    refuse(*this, "Bad worker->transport \"" + transport + "\"", {{"try", "tcp, udp, unix or ssl"}});
  if (address.none()) return;
  if ((transport == "ssl" && address.kind != platform::SocketKind::tcp) || (address.secure() && transport != "ssl"))
    refuse(*this, "TLS travels over tcp, not over " + (transport == "ssl" ? address.scheme : transport),
           {{"try", "wss://0.0.0.0:8443"}});

  if (address.kind == platform::SocketKind::tcp && transport == "udp") address.kind = platform::SocketKind::udp;
  if (address.kind == platform::SocketKind::tcp && transport == "unix")
    refuse(*this, "transport unix needs a unix:// address",
           {{"try", "Worker(\"unix:///run/chat.sock\") with worker.protocol = \"" + address.scheme + "\""}});
  if (address.kind == platform::SocketKind::unixStream && !capabilities().unixSockets)
    throw SetupError(Exit::notOnThisSystem, label() + ": " + std::string(capabilities().whyLimited),
                     {{"try", "tcp://127.0.0.1:PORT"}});
  Protocol chosen = address.bare() ? worker.protocol : Protocol(address.plainScheme());
  try {
    fixedProtocol = Protocol(chosen.name(), resolveProtocol(chosen));
  } catch (const SetupError& e) {
    throw SetupError(e.exit(), label() + ": " + e.what(), e.hints());
  }

  checkProtocol(fixedProtocol);
  readTrustedProxies();
  checkHandlers();
  forgetTls();
  tlsScope = listenerName();  // later it may have its real port, and sessions go on
  if (address.port == 0) tlsScope += sameBefore();
  // At run time: all processes that do the same make the same of it.
  if (WorkerProcess* process = WorkerProcess::current(); process != nullptr && process->worker() != &worker)
    tickets = process->worker()->core().tickets;
  if (transport == "ssl") readTls();
}

void Worker::Core::readTls() {
  TlsFiles read = readTlsFiles();
  auto made = net::TlsContext::server(read.settings);
  if (!made) refuse(*this, made.error().message + " (certificate " + worker.ssl.localCert + ")");
  tls = *made;
  useTickets(tickets);
  net::wipe(tlsFiles.settings);
  tlsFiles = std::move(read);
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  // Its warning is among the others; what a trial has read comes without any.
  stapleProblemTold = tlsFiles.staple.over(now) && !tlsFiles.warnings.empty();
}

TlsFiles Worker::Core::readTlsFiles() const {
  try {
    return TlsFiles::read(worker.ssl, label(), isBuiltinHttp(fixedProtocol), tlsScope);
  } catch (const SetupError&) {
    // A service is not to end because a file broke within the last moment. The reload that follows looks again, and
    // has a line for it.
    const auto tried = triedTls.find(tlsKey());
    if (tried == triedTls.end()) throw;
    return TlsFiles::decode(worker.ssl, label(), isBuiltinHttp(fixedProtocol), tlsScope, tried->second);
  }
}

/// One whose time had not passed when it was read.
void Worker::Core::warnOfStaple() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const net::StapleReport& staple = tlsFiles.staple;
  if (stapleProblemTold || !staple.over(now)) return;
  stapleProblemTold = true;
  log::warn(label() + ": ssl.ocspFile " + worker.ssl.ocspFile + " " +
            stapleProblem(staple, tlsFiles.certificates.front().file, now));
}

bool Worker::Core::lookAtTls(bool now) {
  tlsLooked = std::chrono::steady_clock::now();
  warnOfStaple();
  std::string identity = TlsFiles::identity(worker.ssl);
  if (!now && !identity.empty() && identity == tlsIdentity && tlsProblem.empty()) return false;
  tlsIdentity = std::move(identity);
  try {
    TlsFiles read = TlsFiles::read(worker.ssl, label(), isBuiltinHttp(fixedProtocol), tlsScope);
    tlsProblem.clear();
    tlsProblemTold = false;
    const bool same = read.sameAs(tlsFiles);
    net::wipe(read.settings);
    if (same) {
      for (const std::string& warning : read.warnings) {
        if (now) log::warn(warning);
      }
      return false;
    }
    readTls();
    const TlsFiles::Certificate& first = tlsFiles.certificates.front();
    log::info(label() + ": the certificates have been read anew; " + first.file + " is valid until " +
              dateText(first.report.notAfter));
    for (const std::string& warning : tlsFiles.warnings) log::warn(warning);
    return true;
  } catch (const SetupError& refused) {
    const bool again = tlsProblem == refused.what();
    if (!again) tlsProblemTold = false;
    tlsProblem = refused.what();
    if (!now && (!again || tlsProblemTold)) return false;
    tlsProblemTold = true;
    log::error(tlsProblem + "; the certificate that was read before stays in use");
    return false;
  }
}

void Worker::Core::forgetTls() noexcept {
  tls.reset();
  net::wipe(tlsFiles.settings);
  tlsFiles = {};
}

bool Worker::Core::rotateTickets() {
  const auto now = std::chrono::steady_clock::now();
  if (now - ticketsRotated < rotateTicketsEvery) return false;
  ticketsRotated = now;
  tickets.rotate();
  useTickets(tickets);
  return true;
}

void Worker::Core::useTickets(const net::TicketKeys& keys) {
  tickets = keys;
  if (tls) tls->tickets = keys.of(tlsScope);
}

bool Worker::Core::renewTls(std::string_view certificates) {
  if (!tls || !decodeCertificates(certificates, tlsFiles.settings)) return false;
  auto made = net::TlsContext::server(tlsFiles.settings);
  net::wipe(tlsFiles.settings);
  if (!made) return false;
  tls = *made;
  useTickets(tickets);
  return true;
}

void Worker::Core::readTrustedProxies() {
  trusted.clear();
  trustsUnix = false;
  for (const std::string& one : worker.trustedProxies) {
    const auto network = PeerFilter::parse(one);
    if (one == "unix")
      trustsUnix = true;
    else if (network && network->isNetwork())
      trusted.push_back(*network);
    else
      refuse(*this, "trustedProxies: \"" + one + "\" is no address and no network",
             {{"try", "\"127.0.0.1\", \"10.0.0.0/8\", \"2001:db8::/32\" or \"unix\""}});
  }
  if (worker.proxyProtocol && worker.trustedProxies.empty())
    refuse(*this, "proxyProtocol needs trustedProxies: anybody could say that he is anybody",
           {{"try", "worker.trustedProxies = {\"127.0.0.1\"}"}});
  if (worker.proxyProtocol && address.kind == platform::SocketKind::udp)
    refuse(*this, "proxyProtocol is for streams", {{"try", "transport = \"tcp\""}});
}

bool Worker::Core::trusts(const Conn& connection) const {
  const std::string ip = connection.getRemoteIp();  // on a Unix socket: of whom a PROXY header has named
  return ip.empty() ? connection.unixSocket() && trustsUnix : trusts(ip);
}

bool Worker::Core::trusts(const std::string& ip) const {
  return std::any_of(trusted.begin(), trusted.end(), [&](const PeerFilter& one) { return one.matches(ip, {}); });
}

void Worker::Core::checkProtocol(const Protocol& wanted) const {
  const auto made = wanted.factory() ? wanted.factory()->make() : detail::CodecFactory::Made{};
  const std::unique_ptr<detail::Codec> owner(made.owned ? made.codec : nullptr);
  if (address.kind == platform::SocketKind::udp && needsStream(made.codec))
    refuse(*this, wanted.name() + " needs tcp", {{"try", "transport = \"tcp\""}});
  if (isOfClients(made.codec))
    refuse(*this, "its protocol is the one of a client", {{"try", "websocket://0.0.0.0:8080"}});
}

void Worker::Core::checkHandlers() const {
  const bool udp = address.kind == platform::SocketKind::udp;
  const std::string& speaks = fixedProtocol.name();
  const auto made = fixedProtocol.factory() ? fixedProtocol.factory()->make() : detail::CodecFactory::Made{};
  const std::unique_ptr<detail::Codec> owner(made.owned ? made.codec : nullptr);
  if (const MessageCallback& handler = worker.onMessage) {
    const bool fits =
        made.codec != nullptr ? made.codec->delivers(handler.messageType()) : handler.takes<std::string_view>();
    if (!fits)
      refuse(*this,
             "onMessage takes " + messageName(handler) + ", which is not what " +
                 (speaks == "tcp" ? address.scheme : speaks) + " delivers",
             {{"try", speaks == "http" ? "[](TcpConnection& connection, const http::Request& request) { ... }"
                      : udp            ? "[](UdpConnection& connection, std::string_view data) { ... }"
                                       : "[](TcpConnection& connection, std::string_view data) { ... }"}});
    const auto kind = handler.peerKind();
    if (kind == detail::PeerKind::udpClient)
      refuse(*this, "onMessage takes an AsyncUdpConnection, which no worker has",
             {{"try", "[](Connection& connection, std::string_view data) { ... }"}});
    if (udp && kind == detail::PeerKind::tcp)
      refuse(*this, "onMessage takes a TcpConnection, but this worker receives datagrams",
             {{"try", "[](UdpConnection& connection, std::string_view data) { ... }"}});
    if (!udp && kind == detail::PeerKind::udp)
      refuse(*this, "onMessage takes a UdpConnection, but this worker serves streams",
             {{"try", "[](TcpConnection& connection, std::string_view data) { ... }"}});
  }
  if (const MessageCallback& handler = worker.onWebSocketMessage) {
    if (!isBuiltinHttp(fixedProtocol))
      refuse(*this, "onWebSocketMessage needs an http or websocket worker",
             {{"try", "http://" + address.text().substr(address.scheme.size() + 3)}});
    if (!handler.takes<std::string_view>() && !handler.takes<websocket::Message>())
      refuse(*this, "onWebSocketMessage takes " + messageName(handler),
             {{"try", "[](TcpConnection& connection, std::string_view text) { ... }"}});
  }
}

platform::ListenOptions Worker::Core::listenOptions() const {
  const SocketOptions& s = worker.socket;
  platform::ListenOptions options;
  options.backlog = s.backlog;
  options.reusePort = worker.reusePort && capabilities().reusePort;
  options.ipv6Only = s.ipv6Only;
  options.noDelay = s.noDelay;
  options.sendTimeout = worker.sendTimeout;
  // What Linux takes; it would quietly keep its two hours with anything else.
  constexpr int mostSeconds = 32767, mostProbes = 127;
  options.keepAlive = {s.keepAlive, std::clamp(s.keepAliveIdle, 1, mostSeconds),
                       std::clamp(s.keepAliveInterval, 1, mostSeconds), std::clamp(s.keepAliveProbes, 1, mostProbes)};
  return options;
}

platform::NativeSocket Worker::Core::bind(const std::function<bool()>& again) {
  if (const auto passed = platform::inheritedListener(address.kind, address.host, address.port, listenOptions());
      passed != platform::noSocket) {
    inherited = true;
    return passed;
  }
  const auto open = [&] { return platform::openListener(address.kind, address.host, address.port, listenOptions()); };
  auto socket = open();
  while (!socket && socket.error().code == Errc::addressInUse && again && again()) socket = open();
  if (!socket) {
    const Error& error = socket.error();
    SetupError::Hints hints;
    const std::string listenOption = "--listen " + (worker.name != "none" ? worker.name + "=" : "");
    switch (error.code) {
      case Errc::addressInUse:
        if (address.kind == platform::SocketKind::unixStream) {
          hints.emplace_back("try", "stop the program that serves it, or " + listenOption + address.scheme + "://" +
                                        address.host + ".2");
          break;
        }
        if (const auto holder = platform::portHolder(address.port)) hints.emplace_back("held by", *holder);
        {
          ListenAddress next = address;
          next.port = static_cast<std::uint16_t>(address.port < 65535 ? address.port + 1 : 8080);
          hints.emplace_back("try", "stop that program, or " + listenOption + next.text());
        }
        break;
      case Errc::addressNotAvailable:
        hints.emplace_back(
            "try", "0.0.0.0 for every address of this machine, or one of: 127.0.0.1" + [] {
              std::string list;
              for (const auto& ip : platform::localAddresses()) list += ", " + ip;
              return list;
            }());
        break;
      case Errc::permissionDenied:
        hints.emplace_back("try", address.kind == platform::SocketKind::unixStream
                                      ? "a directory this user may write to"
                                      : "a port from 1024 on, or CAP_NET_BIND_SERVICE for this program");
        break;
      case Errc::staleSocketFile:
        hints.emplace_back("try", "rm " + address.host + "   (nobody serves it)");
        break;
      default:
        break;
    }
    throw SetupError(error.code == Errc::badAddress    ? Exit::configuration
                     : error.code == Errc::unsupported ? Exit::notOnThisSystem
                                                       : Exit::cannotListen,
                     label() + " cannot listen on " + address.text() + ": " + error.message, std::move(hints));
  }
  bound(*socket);
  return *socket;
}

platform::NativeSocket Worker::Core::bindHere() {
  boundHere = true;
  WorkerProcess* process = WorkerProcess::current();
  if (process == nullptr) return bind();
  const std::string name = listenerName();
  platform::NativeSocket socket = process->takeKept(name);
  if (socket != platform::noSocket) {
    keptAs = name;
    held(socket);  // its file is the master's to remove: what is at the path by now may be somebody else's
    return socket;
  }
  socket = bind();
  const bool hasFile = address.kind == platform::SocketKind::unixStream && !inherited;
  if (hasFile) boundFile = platform::socketIdentity(address.host);
  if (process->keep(hasFile ? name + '\0' + boundFile : name, socket)) keptAs = name;
  return socket;
}

std::string Worker::Core::listenerName() const {
  if (address.none()) return "";
  if (address.kind == platform::SocketKind::unixStream) return "unix " + address.host;
  const std::string text =
      (address.kind == platform::SocketKind::udp ? "udp " : "tcp ") + address.host + ":" + std::to_string(address.port);
  return address.port != 0 ? text : text + " " + worker.name;
}

/// Any port may be asked for by several of one name: which of them this one is, "" for the first.
std::string Worker::Core::sameBefore() const {
  std::size_t before = 0;
  for (const Worker* other : Worker::all()) {
    if (other == &worker) break;
    const std::string& scope = const_cast<Worker*>(other)->core().tlsScope;
    if (scope == tlsScope || scope.rfind(tlsScope + "\t", 0) == 0) ++before;
  }
  return before == 0 ? "" : "\t" + std::to_string(before);
}

void Worker::Core::bound(platform::NativeSocket socket) {
  if (address.kind == platform::SocketKind::unixStream || address.port != 0) return;
  address.port = platform::boundPort(socket);
  shown = address.text();
}

void Worker::Core::held(platform::NativeSocket socket) {
  bound(socket);
  if (address.kind == platform::SocketKind::tcp) platform::renewListener(socket, listenOptions(), !inherited);
}

void Worker::Core::serve(platform::NativeSocket socket) {
  if (address.kind == platform::SocketKind::udp) {
    udp = std::make_shared<detail::UdpListener>(worker, socket);
    return udp->start();
  }
  WorkerProcess* process = WorkerProcess::current();
  sharesListener = process != nullptr && process->worker() == &worker && process->sharesListener();
  acceptor = acceptFrom(
      socket, sharesListener ? [process] { return process->balance().mayAccept(); } : std::function<bool()>());
}

std::unique_ptr<net::Acceptor> Worker::Core::acceptFrom(platform::NativeSocket socket,
                                                        std::function<bool()> mayAccept) {
  net::Acceptor::Hooks hooks;
  hooks.accepted = [this](const net::Incoming& incoming) { accept(incoming); };
  hooks.mayAccept = std::move(mayAccept);
  hooks.failed = [this](const Error& error) {
    hint("accept", label() + " cannot accept: " + error.message +
                       "; it tries again until descriptors are free, clients wait in the queue");
  };
  hooks.again = [this] { return platform::openListener(address.kind, address.host, address.port, listenOptions()); };
  auto made = std::make_unique<net::Acceptor>(socket, worker.socket.backlog, std::move(hooks));
  if (acceptPaused) made->pause();
  if (const auto started = made->start(); !started)
    throw SetupError(Exit::cannotListen,
                     label() + " cannot listen on " + address.text() + ": " + started.error().message);
  return made;
}

void Worker::Core::borrow(int slot, platform::NativeSocket socket) {
  giveBack(slot);
  Borrowed& one = borrowed[slot];
  try {
    if (address.kind == platform::SocketKind::udp) {
      one.udp = std::make_shared<detail::UdpListener>(worker, socket);
      one.udp->start();
    } else {
      one.acceptor = acceptFrom(socket, nullptr);
    }
  } catch (const SetupError& failed) {
    log::error(std::string(failed.what()));
    giveBack(slot);
  }
}

void Worker::Core::giveBack(int slot) {
  auto given = borrowed.extract(slot);
  if (given) end(given.mapped().acceptor, given.mapped().udp);
}

void removeSocketFile(const std::string& utf8, const std::string& identity) {
  std::error_code ignored;
  if (!identity.empty() && platform::socketIdentity(utf8) == identity)
    std::filesystem::remove(std::filesystem::path(std::u8string(utf8.begin(), utf8.end())), ignored);
}

void Worker::Core::closeListener() {
  if (!keptAs.empty() && !WorkerProcess::stopping()) {
    if (WorkerProcess* process = WorkerProcess::current()) process->forget(keptAs);
    keptAs.clear();
  }
  if (acceptor && boundHere && keptAs.empty() && address.kind == platform::SocketKind::unixStream)
    removeSocketFile(address.host, boundFile);
  end(acceptor, udp);
  for (auto& [slot, one] : borrowed) end(one.acceptor, one.udp);
  borrowed.clear();
}

/// What was assigned since the start is checked here, before anything is called with it.
bool Worker::Core::lateCheck() {
  try {
    if (address.bare() && (worker.protocol.name() != fixedProtocol.name() ||
                           (worker.protocol.factory() && worker.protocol.factory() != fixedProtocol.factory()))) {
      const Protocol wanted(worker.protocol.name(), resolveProtocol(worker.protocol));
      checkProtocol(wanted);
      fixedProtocol = wanted;
    }
    checkHandlers();
    return true;
  } catch (const SetupError& misfit) {
    net::exceptionLeftCallback(std::make_exception_ptr(std::invalid_argument(misfit.what())), nullptr);
    return false;
  }
}

CallbacksRef Worker::Core::callbacksForNew() {
  const bool bareProtocol =
      worker.protocol.name() != checkedProtocol.name() || worker.protocol.factory() != checkedProtocol.factory();
  if (!shared || bareProtocol || !same(**shared, worker)) {
    const bool fits = lateCheck();
    checkedProtocol = worker.protocol;
    auto* block = new SharedCallbacks;
    static_cast<detail::ConnectionCallbacks&>(*block) = callbacksOf(worker);
    if (!fits) block->onMessage = block->onWebSocketMessage = nullptr;
    block->protocol = fixedProtocol;
    shared = std::make_unique<CallbacksRef>(block);
  }
  return *shared;
}

/// So many who were turned away may wait for their own end; each has a descriptor until then.
static std::size_t mostTurnedAway(std::size_t maxConnections) noexcept { return 64 + maxConnections / 8; }

void Worker::Core::accept(const net::Incoming& incoming) {
  const bool tooMany = worker.maxConnections > 0 && served() >= worker.maxConnections;
  // Where there is no master that does it.
  const bool alone = WorkerProcess::current() == nullptr || !WorkerProcess::current()->hasMaster();
  if (tls && (boundHere || alone)) {
    if (std::chrono::steady_clock::now() - tlsLooked >= lookAtTlsEvery) lookAtTls(false);
    if (alone) rotateTickets();
  }
  auto connection = std::make_shared<Conn>(worker, tooMany ? CallbacksRef(new SharedCallbacks) : callbacksForNew());
  if (const int status = connection->open(incoming, address.kind == platform::SocketKind::unixStream); status != 0) {
    hint("accept", label() + " lost a connection while accepting it: " + uv_strerror(status));
    connection->discard();
    return;
  }
  if (!platform::directIo()) platform::applyAccepted(connection->native(), listenOptions());
  connection->rememberPeer(incoming);
  if (!tooMany && !worker.proxyProtocol && !startTls(*connection)) return connection->discard();
  if (traffic::loggedBy(worker)) connection->logTraffic(true);
  connections.add(connection);
  if (WorkerProcess* process = WorkerProcess::current()) process->connectionsChanged();
  if (tooMany) {
    hint("maxConnections",
         label() + " has reached maxConnections (" + std::to_string(worker.maxConnections) +
             "): a new connection was turned away; raise worker.maxConnections if this machine can carry more");
    ++turnedAway;
    // Whom there is no room for is not worth a handshake.
    connection->turnAway(!tls && isBuiltinHttp(fixedProtocol), turnedAway <= mostTurnedAway(worker.maxConnections));
  } else if (worker.proxyProtocol) {
    connection->beginBehindProxy();
  } else {
    connection->begin();
  }
  // Siblings take the next ones, when there are any.
  if (connection->acceptedBy() == nullptr) return;  // onConnect has destroyed this Worker
  if (worker.maxConnections > 0 && served() >= worker.maxConnections && sharesListener && !full) {
    full = true;
    if (acceptor) acceptor->pause();
    hint("maxConnections", label() + " has reached maxConnections (" + std::to_string(worker.maxConnections) +
                               "): this process accepts no more until a connection ends; when all processes are full, "
                               "clients wait unaccepted; raise worker.maxConnections if this machine can carry more");
  }
  if (!tooMany) connection->readAtOnce();  // the last thing: a callback may destroy this Worker
}

bool Worker::Core::startTls(Conn& connection) {
  if (!tls) return true;
  auto session = net::TlsSession::accept(tls);
  if (session)
    connection.startTls(std::move(session));
  else
    hint("accept", label() + " lost a connection while accepting it: there is no memory for its TLS session");
  return connection.encrypted();
}

void Worker::Core::connectionGone(Conn& connection) {
  connections.remove(connection.id());
  if (connection.turnedAway()) --turnedAway;
  if (acceptor) {
    acceptor->descriptorsFreed();
    for (auto& [slot, one] : borrowed)
      if (one.acceptor) one.acceptor->descriptorsFreed();
    if (full && (worker.maxConnections == 0 || served() < worker.maxConnections)) {
      full = false;
      if (!acceptPaused) acceptor->resume();
    }
  }
  if (WorkerProcess* process = WorkerProcess::current()) process->connectionsChanged();
}

void Worker::Core::hint(std::string_view kind, const std::string& line) {
  LastHint& last = lastHints[std::string(kind)];
  const auto now = std::chrono::steady_clock::now();
  if (last.at != std::chrono::steady_clock::time_point{} && now - last.at < std::chrono::minutes(1)) {
    ++last.kept;
    return;
  }
  log::warn(line +
            (last.kept > 0 ? " (and " + std::to_string(last.kept) + " times more since the last line like this)" : ""));
  last = {now, 0};
}

}  // namespace artel
