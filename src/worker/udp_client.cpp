#include "src/worker/udp_client.hpp"

#include <cstring>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "artel/log.hpp"
#include "artel/udp.hpp"
#include "src/net/loop.hpp"
#include "src/net/resolver.hpp"
#include "src/net/statistics.hpp"
#include "src/net/udp_socket.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/datagram.hpp"
#include "src/worker/process.hpp"
#include "src/worker/socket_text.hpp"

namespace artel {

namespace {

constexpr std::size_t mostWaiting = std::size_t{1024} * 1024;

/// Who is open lives by itself.
std::unordered_map<const AsyncUdpConnection*, std::shared_ptr<AsyncUdpConnection>>& open() {
  static std::unordered_map<const AsyncUdpConnection*, std::shared_ptr<AsyncUdpConnection>> all;
  return all;
}

}  // namespace

struct AsyncUdpConnection::Impl {
  enum class State : std::uint8_t { initial, resolving, open, closed };

  RemoteAddress address;
  std::string bindTo;
  Protocol speaks;  ///< `protocol`, resolved
  State state = State::initial;
  net::Resolver::Ticket ticket = 0;
  std::optional<net::UdpSocket> socket;
  std::vector<std::string> early;
  std::size_t earlySize = 0;
  DatagramCodec codec;
  MessageCallback checked;  ///< the handler that was found to fit
  sockaddr_storage remote{};
  std::size_t packageLimit = TcpConnection::defaultMaxPackageSize;

  static void resolved(AsyncUdpConnection& self, const net::Resolver::Answer& answer);
  static void failed(AsyncUdpConnection& self, const Error& error);
  static void received(AsyncUdpConnection& self, std::span<char> datagram);
  void check(const MessageCallback& handler) const;
  SendStatus put(std::string_view datagram);
  bool send(std::string_view datagram) noexcept;
  static void forgetCallbacks(AsyncUdpConnection& self) noexcept;
};

void closeUdpClients() {
  for (auto& [at, one] : std::exchange(open(), {})) {
    auto& impl = one->impl();
    if (impl.ticket != 0) net::loop().resolver().cancel(std::exchange(impl.ticket, 0));
    impl.state = AsyncUdpConnection::Impl::State::closed;
    impl.socket.reset();
    AsyncUdpConnection::Impl::forgetCallbacks(*one);
  }
}

/// One of them may hold its own connection: that circle is cut.
void AsyncUdpConnection::Impl::forgetCallbacks(AsyncUdpConnection& self) noexcept {
  self.onConnect = nullptr;
  self.onMessage = self.impl_->checked = nullptr;
  self.onError = nullptr;
  self.onClose = nullptr;
}

AsyncUdpConnection::AsyncUdpConnection(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
AsyncUdpConnection::~AsyncUdpConnection() = default;

std::shared_ptr<AsyncUdpConnection> AsyncUdpConnection::to(const std::string& remoteAddress,
                                                           const std::string& bindTo) {
  if (WorkerProcess::current() == nullptr)
    throw std::logic_error(
        "AsyncUdpConnection::to before the loop runs: make connections inside callbacks, such as onWorkerStart");
  auto impl = std::make_unique<Impl>();
  impl->address = parseRemoteAddress(remoteAddress);
  impl->bindTo = bindTo;
  const std::string& scheme = impl->address.scheme;
  const auto refuse = [&](const std::string& why) {
    throw SetupError(Exit::configuration, "cannot send datagrams to \"" + remoteAddress + "\": " + why,
                     {{"try", "udp://127.0.0.1:9000"}});
  };
  if (impl->address.kind == platform::SocketKind::unixStream || scheme == "tcp" || scheme == "ssl")
    refuse("that is a stream");
  if (scheme == "http" || scheme == "websocket" || scheme == "ws" || scheme == "wss") refuse(scheme + " needs tcp");
  if (!impl->address.portGiven) refuse("the port is missing");
  auto made = std::make_shared<AsyncUdpConnection>(std::move(impl));
  made->protocol = Protocol(scheme, resolveProtocol(Protocol(scheme)));
  return made;
}

void AsyncUdpConnection::Impl::check(const MessageCallback& handler) const {
  if (!handler) return;
  const bool fits =
      codec.codec != nullptr ? codec.codec->delivers(handler.messageType()) : handler.takes<std::string_view>();
  const auto kind = handler.peerKind();
  if (!fits || (kind != detail::PeerKind::any && kind != detail::PeerKind::udpClient))
    throw std::invalid_argument(
        "onMessage of an AsyncUdpConnection takes (AsyncUdpConnection&, message), and the message of its protocol, " +
        speaks.name());
}

void AsyncUdpConnection::connect() {
  Impl& impl = *impl_;
  if (impl.state != Impl::State::initial) return;
  if (const WorkerProcess* process = WorkerProcess::current(); process == nullptr || process->ending()) return;
  impl.speaks = Protocol(protocol.name(), resolveProtocol(protocol));
  impl.codec = DatagramCodec(impl.speaks);
  if (needsStream(impl.codec.codec)) throw std::invalid_argument(impl.speaks.name() + " needs tcp, this is datagrams");
  impl.check(onMessage);
  impl.checked = onMessage;
  open()[this] = shared_from_this();
  impl.state = Impl::State::resolving;
  if (const auto number = platform::resolve(impl.address.host, impl.address.port, true))
    return Impl::resolved(*this, number);
  impl.ticket =
      net::loop().resolver().lookUp(impl.address.host, impl.address.port, [this](const net::Resolver::Answer& answer) {
        impl_->ticket = 0;
        Impl::resolved(*this, answer);
      });
}

/// Of several addresses the first that a socket can be made for: nobody answers that it is the right one.
void AsyncUdpConnection::Impl::resolved(AsyncUdpConnection& self, const net::Resolver::Answer& answer) {
  Impl& impl = *self.impl_;
  const auto keep = self.shared_from_this();
  const bool closed = impl.state == State::closed;  // what was sent before that still goes out
  if (closed) open().erase(&self);
  if (!answer) return failed(self, answer.error());
  platform::ConnectOptions options;
  options.kind = platform::SocketKind::udp;
  if (!impl.bindTo.empty()) {
    auto from = addressToBind(impl.bindTo);
    if (!from) return failed(self, from.error());
    options.from = *from;
  }
  Result<platform::NativeSocket> socket = Error{Errc::badAddress, "there is no address of its kind", 0};
  for (const auto& address : *answer) {
    if (options.from && options.from->ipv6 != address.ipv6) continue;
    socket = platform::beginConnect(address, options);
    if (!socket) continue;
    std::memcpy(&impl.remote, address.bytes.data(), address.size);
    break;
  }
  if (!socket) return failed(self, socket.error());
  impl.socket.emplace(*socket, [&self](std::span<char> datagram, const sockaddr*) { received(self, datagram); });
  if (const auto started = impl.socket->start(); !started) return failed(self, started.error());
  if (!closed) impl.state = State::open;
  for (const std::string& datagram : std::exchange(impl.early, {})) impl.send(datagram);
  impl.earlySize = 0;
  if (closed) return impl.socket.reset();
  net::loop().defer([keep] {
    if (keep->impl_->state != State::open || !keep->onConnect) return;
    net::activity.enter(net::Running::connect);
    net::userCode(keep.get(), [&] { keep->onConnect(*keep); });
  });
}

void AsyncUdpConnection::Impl::failed(AsyncUdpConnection& self, const Error& error) {
  Impl& impl = *self.impl_;
  impl.socket.reset();
  impl.early.clear();
  impl.earlySize = 0;
  Error told{Errc::connectFail, "cannot send datagrams to " + impl.address.place() + ": " + error.message,
             error.systemCode};
  if (impl.state == State::closed) return log::warn(told.message + ". What was sent before close() is lost");
  impl.state = State::initial;
  const auto keep = self.shared_from_this();
  open().erase(&self);
  net::loop().defer([keep, told] {
    if (!keep->onError) return log::warn(told.message);
    net::activity.enter(net::Running::error);
    net::userCode(keep.get(), [&] { keep->onError(*keep, told); });
  });
}

void AsyncUdpConnection::Impl::received(AsyncUdpConnection& self, std::span<char> datagram) {
  Impl& impl = *self.impl_;
  const auto keep = self.shared_from_this();
  Worker::Core& clients = WorkerProcess::current()->clients().core();
  net::activity.enter(net::Running::datagram);
  net::activity.received(datagram.size());
  net::userCode(&self, [&] {
    if (!(self.onMessage == impl.checked)) {  // assigned since the last datagram
      impl.check(self.onMessage);
      impl.checked = self.onMessage;
    }
    const MessageCallback handler = impl.checked;
    if (impl.codec.codec == nullptr) {
      ++clients.totalRequests;
      std::string_view text(datagram.data(), datagram.size());
      if (handler) handler.call(self, &text);
      return;
    }
    const auto next = [&] {
      if (impl.state != State::open) return false;
      ++clients.totalRequests;
      return true;
    };
    const DatagramCodec fresh(impl.speaks);  // what one datagram left behind is not the next one's business
    eachPacket(datagram, *fresh.codec, self, handler, next, [&](const std::string& what) {
      clients.hint("illegal data", "a datagram of " + self.getRemoteAddress() + " is dropped: " + what);
    });
  });
}

/// A refusal may be the answer to the datagram before this one.
bool AsyncUdpConnection::Impl::send(std::string_view datagram) noexcept {
  if (datagram.size() <= largestDatagram && (socket->sendTo(nullptr, datagram) || socket->sendTo(nullptr, datagram))) {
    net::activity.sent(datagram.size());
    return true;
  }
  if (WorkerProcess* process = WorkerProcess::current()) ++process->clients().core().sendFails;
  return false;
}

SendStatus AsyncUdpConnection::sendRaw(std::string_view datagram) {
  Impl& impl = *impl_;
  if (impl.state == Impl::State::initial) connect();
  return impl.put(datagram);
}

SendStatus AsyncUdpConnection::Impl::put(std::string_view datagram) {
  if (state == State::open) return send(datagram) ? SendStatus::sent : SendStatus::dropped;
  if (state != State::resolving || datagram.size() > largestDatagram || earlySize + datagram.size() > mostWaiting)
    return SendStatus::dropped;
  early.emplace_back(datagram);
  earlySize += datagram.size() + sizeof(std::string);  // empty ones count, too
  return SendStatus::queued;
}

SendStatus AsyncUdpConnection::sendMessage(detail::TypeId type, const void* message) {
  if (impl_->state == Impl::State::initial) connect();
  if (impl_->codec.codec == nullptr) {
    if (type != detail::typeId<std::string_view>()) return SendStatus::dropped;
    return impl_->put(*static_cast<const std::string_view*>(message));
  }
  std::string encoded;
  if (!impl_->codec.codec->encode(type, message, *this, encoded)) return SendStatus::dropped;
  return encoded.empty() ? SendStatus::queued : impl_->put(encoded);
}

void AsyncUdpConnection::close() {
  Impl& impl = *impl_;
  if (impl.state == Impl::State::closed) return;
  const bool begun = impl.state != Impl::State::initial;
  impl.state = Impl::State::closed;
  if (!begun || net::processLoop == nullptr) return;
  if (impl.socket) impl.socket->pause();
  const auto keep = shared_from_this();
  if (impl.early.empty()) {  // else it waits for the address that they go to
    if (impl.ticket != 0) net::loop().resolver().cancel(std::exchange(impl.ticket, 0));
    open().erase(this);
  }
  net::loop().defer([keep] {
    keep->impl_->socket.reset();  // its callback may have been running
    net::activity.enter(net::Running::close);
    const auto closed = std::exchange(keep->onClose, nullptr);
    Impl::forgetCallbacks(*keep);
    if (closed) net::userCode(keep.get(), [&] { closed(*keep); });
  });
}

void AsyncUdpConnection::close(std::string_view lastWords) {
  if (impl_->state != Impl::State::closed) send(lastWords);
  close();
}

bool AsyncUdpConnection::closing() const noexcept { return impl_->state == Impl::State::closed; }
std::size_t AsyncUdpConnection::packageLimit() const noexcept { return impl_->packageLimit; }
std::string AsyncUdpConnection::getRemoteIp() const { return ipText(impl_->remote); }
std::uint16_t AsyncUdpConnection::getRemotePort() const { return portOf(impl_->remote); }

namespace {
sockaddr_storage localOf(const std::optional<net::UdpSocket>& socket) {
  sockaddr_storage address{};
  if (socket) platform::localAddress(socket->native(), {reinterpret_cast<std::byte*>(&address), sizeof address});
  return address;
}
}  // namespace

std::string AsyncUdpConnection::getLocalIp() const { return ipText(localOf(impl_->socket)); }
std::uint16_t AsyncUdpConnection::getLocalPort() const { return portOf(localOf(impl_->socket)); }

}  // namespace artel
