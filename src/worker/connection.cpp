// TcpConnection's public calls, passed on to the object behind it.
#include "artel/connection.hpp"

#include <stdexcept>

#include "src/net/loop.hpp"
#include "src/net/tls.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/http_codec.hpp"
#include "src/worker/socket_text.hpp"

namespace artel {

std::string Connection::getRemoteAddress() const {
  const std::string ip = getRemoteIp();
  return ip.empty() ? ip : joinAddress(ip, getRemotePort());
}

std::uint64_t TcpConnection::id() const noexcept { return Conn::of(*this).id(); }
Worker* TcpConnection::worker() const noexcept {
  return Conn::of(*this).isDialled() ? nullptr : Conn::of(*this).acceptedBy();
}
AsyncTcpConnection* TcpConnection::dialled() noexcept {
  Conn& connection = Conn::of(*this);
  return connection.isDialled() ? &connection : nullptr;
}
TcpConnection::Status TcpConnection::getStatus() const noexcept { return Conn::of(*this).status(); }

std::string_view TcpConnection::getStatusName() const noexcept {
  switch (getStatus()) {
    case Status::initial:
      return "INITIAL";
    case Status::connecting:
      return "CONNECTING";
    case Status::established:
      return "ESTABLISHED";
    case Status::closing:
      return "CLOSING";
    case Status::ending:
      return "ENDING";
    case Status::closed:
      return "CLOSED";
  }
  return "";
}

std::string_view TcpConnection::transport() const noexcept { return Conn::of(*this).transport(); }

SendStatus TcpConnection::sendRaw(std::string_view bytes) {
  return Conn::of(*this).write([&](std::string& out) { return out.append(bytes), true; }, false);
}

void TcpConnection::flush() { Conn::of(*this).flush(); }
void TcpConnection::close() {
  Conn::of(*this).endsForGood();
  Conn::of(*this).beginClose(true);
}
void TcpConnection::close(std::string_view lastWords) { closeWith(detail::typeId<std::string_view>(), &lastWords); }
void TcpConnection::closeWith(detail::TypeId type, const void* message) {
  Conn::of(*this).endsForGood();
  Conn::of(*this).closeWithMessage(type, message);
}
void TcpConnection::destroy() {
  Conn::of(*this).endsForGood();
  Conn::of(*this).finish();
}
bool TcpConnection::closing() const noexcept { return getStatus() > Status::established; }
void TcpConnection::pauseRecv() { Conn::of(*this).pause(true); }
void TcpConnection::resumeRecv() { Conn::of(*this).pause(false); }
void TcpConnection::pipe(TcpConnection& to) { Conn::of(*this).pipeTo(Conn::of(to)); }

bool TcpConnection::acceptWebSocket(std::string_view subprotocol, const http::Headers& headers) {
  auto* codec = dynamic_cast<HttpCodec*>(Conn::of(*this).builtin());
  return codec != nullptr && codec->accept(Conn::of(*this), subprotocol, headers);
}

std::string TcpConnection::getRemoteIp() const { return ipText(Conn::of(*this).remote()); }
std::uint16_t TcpConnection::getRemotePort() const { return portOf(Conn::of(*this).remote()); }

namespace {
sockaddr_storage local(const Conn& connection) {
  sockaddr_storage address{};
  if (!connection.unixSocket() && connection.isOpen())
    platform::localAddress(connection.native(), {reinterpret_cast<std::byte*>(&address), sizeof address});
  return address;
}
}  // namespace

std::string TcpConnection::getLocalIp() const { return ipText(local(Conn::of(*this))); }
std::uint16_t TcpConnection::getLocalPort() const { return portOf(local(Conn::of(*this))); }
std::string TcpConnection::getLocalAddress() const {
  const sockaddr_storage address = local(Conn::of(*this));
  const std::string ip = ipText(address);
  return ip.empty() ? ip : joinAddress(ip, portOf(address));
}
bool TcpConnection::isIpV4() const noexcept {
  const std::string ip = getRemoteIp();
  return !ip.empty() && ip.find(':') == std::string::npos;
}
bool TcpConnection::isIpV6() const noexcept { return getRemoteIp().find(':') != std::string::npos; }

std::string TcpConnection::getPeerCertificate() const {
  const net::TlsSession* session = Conn::of(*this).tls();
  return session != nullptr ? session->peerSubject() : "";
}

std::size_t TcpConnection::getSendBufferQueueSize() const noexcept { return Conn::of(*this).queued(); }
std::size_t TcpConnection::getRecvBufferQueueSize() const noexcept { return Conn::of(*this).buffered(); }
std::uint64_t TcpConnection::bytesRead() const noexcept { return Conn::of(*this).bytesIn(); }
std::uint64_t TcpConnection::bytesWritten() const noexcept { return Conn::of(*this).bytesOut(); }
void TcpConnection::logTraffic(bool on) { Conn::of(*this).logTraffic(on); }
std::shared_ptr<TcpConnection> TcpConnection::share() { return Conn::of(*this).shared_from_this(); }
std::weak_ptr<TcpConnection> TcpConnection::weak() { return Conn::of(*this).weak_from_this(); }

namespace detail {

ConnectionCallbacks& writableCallbacks(TcpConnection& connection) { return Conn::of(connection).ownCallbacks(); }
const ConnectionCallbacks& callbacksOf(const TcpConnection& connection) noexcept {
  return Conn::of(connection).callbacks();
}

void checkHandler(TcpConnection& connection, const MessageCallback& handler, bool ofWebSocket) {
  Conn::of(connection).checkHandler(handler, ofWebSocket);
}

ProtocolSlot& ProtocolSlot::operator=(const Protocol& protocol) {
  Conn::of(*self_).setProtocol(protocol);
  return *this;
}
const Protocol& ProtocolSlot::get() const noexcept { return Conn::of(*self_).callbacks().protocol; }

}  // namespace detail

}  // namespace artel
