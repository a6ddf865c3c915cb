#include "src/worker/websocket_client_codec.hpp"

#include <memory>

#include "src/net/statistics.hpp"
#include "src/net/user_code.hpp"
#include "src/protocol/http_answer.hpp"
#include "src/protocol/websocket_handshake.hpp"
#include "src/worker/dial.hpp"
#include "src/worker/websocket_codec.hpp"

namespace artel {

namespace {
/// What a message costs beside its payload: empty ones count, too.
constexpr std::size_t perMessage = 40;

websocket::UpgradeRequest requestOf(const Dial& dial, std::string_view host, std::string_view key, bool deflate) {
  const ClientOptions& options = dial.options;
  return {host, dial.address.uri, key, options.websocketOrigin, options.websocketClientProtocol, deflate};
}

std::string failedWith(const Dial& dial, std::string_view why) {
  return "WebSocket handshake with " + dial.place() + dial.address.uri + ": " + std::string(why);
}
}  // namespace

void WebsocketClientCodec::onConnect(Connection& connection) {
  Conn& self = Conn::of(connection);
  if (self.status() != TcpConnection::Status::established) return;  // closed in onConnect
  const Dial& dial = self.dial();
  key_ = websocket::newKey();
  host_ = dial.hostLine();
  // Contexts cost memory that the process may have no room for: the largest, since the server chooses.
  const auto cost = websocket::Compression::cost(websocket::Role::client, {});
  if (dial.options.websocketDeflate && websocket::Compression::kept() + cost <= Worker::deflateMemory)
    deflate_.emplace(cost);
  std::string wrong;
  self.write(
      [&](std::string& out) {
        const auto request = requestOf(dial, host_, key_, deflate_.has_value());
        wrong = websocket::appendUpgrade(request, dial.options.headers, out);
        return true;
      },
      true);
  if (!wrong.empty()) self.connectFailed(Error{Errc::connectFail, failedWith(dial, wrong), 0});
}

Input WebsocketClientCodec::input(std::span<char> bytes, Connection& connection) {
  Conn& self = Conn::of(connection);
  const auto head = http::readAnswer({bytes.data(), bytes.size()});
  if (head.state == http::AnswerHead::State::needMore) return Input::needMore();
  const auto fail = [&](std::string_view why) {
    self.countProtocolError();
    self.connectFailed(Error{Errc::connectFail, failedWith(self.dial(), why), 0});
    return Input::skip(bytes.size());
  };
  if (head.state == http::AnswerHead::State::invalid) return fail(head.why);
  const std::size_t size = head.answer->rawHead().size();
  // RFC 9110 section 15.2: answers before the answer.
  if (head.answer->status() < 200 && head.answer->status() != 101) {
    interim_ += size;
    return interim_ > http::AnswerHead::largest ? fail("too many answers before the answer") : Input::skip(size);
  }
  const auto request = requestOf(self.dial(), host_, key_, deflate_.has_value());
  const auto checked = websocket::checkAnswer(request, *head.answer);
  if (!checked.refused.empty()) return fail(checked.refused);
  std::unique_ptr<websocket::Compression> compression;
  if (checked.deflate)
    compression = std::make_unique<websocket::Compression>(websocket::Role::client, *checked.deflate);
  deflate_.reset();  // what it costs is counted by now
  self.switchCodec(new WebsocketCodec(std::move(compression), websocket::Role::client), true);  // this lives on for now
  accepted(self, *head.answer);
  return Input::skip(size);
}

void WebsocketClientCodec::accepted(Conn& connection, const http::Answer& answer) {
  const bool wasFull = full(connection);
  connection.dial().openedAt = Conn::clock();
  connection.dial().pingedAt.reset();
  connection.usable();
  for (const auto& [type, payload] : std::exchange(early_, {})) {
    const websocket::Message message{payload, type};
    // It was accepted: no limit counts any more.
    connection.write(
        [&](std::string& out) {
          return connection.builtin() != nullptr &&
                 connection.builtin()->encode(detail::typeId<websocket::Message>(), &message, connection, out);
        },
        true);
  }
  const auto connected = connection.callbacks().onWebSocketAnswer;
  if (connected) {
    net::activity.enter(net::Running::connect, connection.id());
    net::userCode(&connection, [&] { connected(connection, answer); });
  }
  if (wasFull) connection.keptNoMore();
}

bool WebsocketClientCodec::encode(detail::TypeId type, const void* message, Connection& connection, std::string&) {
  Conn& self = Conn::of(connection);
  if (full(self)) return false;
  std::string_view payload;
  websocket::Type kind = self.websocketType;
  if (type == detail::typeId<std::string_view>()) {
    payload = *static_cast<const std::string_view*>(message);
  } else if (type == detail::typeId<websocket::Message>()) {
    payload = static_cast<const websocket::Message*>(message)->payload;
    kind = static_cast<const websocket::Message*>(message)->type;
  } else {
    return false;
  }
  earlySize_ += payload.size() + perMessage;
  early_.emplace_back(kind, payload);
  if (full(self)) self.keptEnough();
  return true;
}

bool WebsocketClientCodec::full(const Conn& connection) const noexcept {
  return earlySize_ >= connection.maxSendBufferSize;
}

bool WebsocketClientCodec::delivers(detail::TypeId type) const noexcept {
  return type == detail::typeId<std::string_view>() || type == detail::typeId<websocket::Message>();
}

}  // namespace artel
