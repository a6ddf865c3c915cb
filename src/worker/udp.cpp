#include <cstring>

#include "artel/udp.hpp"
#include "src/net/statistics.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/datagram.hpp"
#include "src/worker/socket_text.hpp"
#include "src/worker/traffic_log.hpp"
#include "src/worker/udp_listener.hpp"

namespace artel {

namespace {
std::size_t sizeOf(const sockaddr* address) {
  return address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}
}  // namespace

namespace detail {

UdpListener::UdpListener(Worker& worker, platform::NativeSocket socket)
    : worker_(&worker),
      socket_(socket, [this](std::span<char> datagram, const sockaddr* from) { received(datagram, from); }),
      logged_(traffic::loggedBy(worker)) {}

void UdpListener::start() {
  if (const auto started = socket_.start(); !started)
    throw SetupError(Exit::cannotListen,
                     worker_->core().label() + " cannot receive datagrams: " + started.error().message);
}

void UdpListener::failed() noexcept {
  if (worker_ != nullptr) ++worker_->core().sendFails;
}

SendStatus UdpListener::sendTo(const sockaddr* to, std::string_view datagram) {
  if (worker_ != nullptr && datagram.size() <= largestDatagram && socket_.sendTo(to, datagram)) {
    net::activity.sent(datagram.size());
    if (logged_) logTraffic("sent", to, datagram);
    return SendStatus::sent;
  }
  failed();
  return SendStatus::dropped;
}

SendStatus UdpListener::sendMessage(UdpConnection& to, TypeId type, const void* message) {
  if (worker_ == nullptr) return SendStatus::dropped;
  const DatagramCodec datagram(worker_->core().fixedProtocol);
  if (datagram.codec == nullptr) {
    if (type == typeId<std::string_view>()) return to.sendRaw(*static_cast<const std::string_view*>(message));
    return failed(), SendStatus::dropped;
  }
  std::string encoded = std::move(scratch_);  // an encode that sends itself finds none and makes its own
  encoded.clear();
  SendStatus status = SendStatus::dropped;
  if (datagram.codec->encode(type, message, to, encoded))
    status = encoded.empty() ? SendStatus::queued : to.sendRaw(encoded);
  else
    failed();
  scratch_ = std::move(encoded);
  return status;
}

void UdpListener::logTraffic(const char* what, const sockaddr* peer, std::string_view datagram) const {
  sockaddr_storage address{};
  std::memcpy(&address, peer, sizeOf(peer));
  traffic::write(joinAddress(ipText(address), portOf(address)), what, datagram);
}

void UdpListener::received(std::span<char> datagram, const sockaddr* from) {
  if (worker_ == nullptr) return;
  net::activity.enter(net::Running::datagram);
  net::activity.received(datagram.size());
  if (logged_) logTraffic("received", from, {datagram.data(), datagram.size()});
  const auto keep = shared_from_this();
  if (!(worker_->onMessage == checked_)) {  // assigned since the last datagram
    if (!worker_->core().lateCheck()) worker_->onMessage = nullptr;
    checked_ = worker_->onMessage;
  }
  UdpConnection peer(keep, from, sizeOf(from), TcpConnection::defaultMaxPackageSize);
  const MessageCallback handler = checked_;
  net::userCode(&peer, [&] {
    const DatagramCodec codec(worker_->core().fixedProtocol);
    if (codec.codec == nullptr) {
      ++worker_->core().totalRequests;
      std::string_view text(datagram.data(), datagram.size());
      if (handler) handler.call(peer, &text);
      return;
    }
    const Protocol kept = worker_->core().fixedProtocol;  // a handler may destroy the Worker
    const auto count = [this] {
      ++worker_->core().totalRequests;
      return true;
    };
    const auto illegal = [this, &peer](const std::string& what) {
      if (worker_ == nullptr) return;
      Worker::Core& core = worker_->core();
      ++core.protocolErrors;
      core.hint("illegal data", core.label() + ": a datagram of " + peer.getRemoteAddress() + " is dropped: " + what);
    };
    eachPacket(
        datagram, *codec.codec, peer, handler, [&] { return worker_ != nullptr && count(); }, illegal);
  });
}

}  // namespace detail

UdpConnection::UdpConnection(std::weak_ptr<detail::UdpListener> listener, const void* address, std::size_t size,
                             std::size_t packageLimit) noexcept
    : listener_(std::move(listener)), packageLimit_(packageLimit) {
  std::memcpy(address_.data(), address, std::min(size, address_.size()));
}

SendStatus UdpConnection::sendRaw(std::string_view datagram) {
  const auto listener = listener_.lock();
  return listener ? listener->sendTo(reinterpret_cast<const sockaddr*>(address_.data()), datagram)
                  : SendStatus::dropped;
}

SendStatus UdpConnection::sendMessage(detail::TypeId type, const void* message) {
  const auto listener = listener_.lock();
  return listener ? listener->sendMessage(*this, type, message) : SendStatus::dropped;
}

namespace {
sockaddr_storage storage(const std::array<std::byte, 28>& address) {
  sockaddr_storage full{};
  std::memcpy(&full, address.data(), address.size());
  return full;
}
}  // namespace

std::string UdpConnection::getRemoteIp() const { return ipText(storage(address_)); }
std::uint16_t UdpConnection::getRemotePort() const { return portOf(storage(address_)); }
Worker* UdpConnection::worker() const noexcept {
  const auto listener = listener_.lock();
  return listener ? listener->worker() : nullptr;
}

}  // namespace artel
