// The protocol that a connection speaks: how it begins, and how another takes its place.
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "src/net/loop.hpp"
#include "src/net/user_code.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"
#include "src/worker/http_codec.hpp"

namespace artel {

void Conn::protocolBegins() {
  if (gone_) return;  // its user has ended it
  begun_ = true;
  if (codec_ != nullptr) net::userCode(this, [&] { codec_->onConnect(*this); });
}

void Conn::switchCodec(detail::Codec* codec, bool owned) {
  std::unique_ptr<detail::Codec> old(codecOwned_ ? codec_ : nullptr);
  codec_ = codec;
  codecOwned_ = owned;
  builtin_ = dynamic_cast<BuiltinCodec*>(codec) != nullptr;
  packetSize_ = 0;
  set(barLook, true);
  if (old && net::processLoop != nullptr)
    net::loop().defer([kept = std::move(old)] {});  // its deliver() may be running
}

void Conn::checkHandler(const MessageCallback& handler, bool ofWebSocket) const {
  const bool text = handler.takes<std::string_view>();
  const bool fits = ofWebSocket         ? text || handler.takes<websocket::Message>()
                    : codec_ != nullptr ? codec_->delivers(handler.messageType())
                                        : text;
  const auto kind = handler.peerKind();
  if (fits && (kind == detail::PeerKind::any || kind == detail::PeerKind::tcp)) return;
  throw std::invalid_argument("this handler does not take the messages of " +
                              (ofWebSocket ? std::string("websocket") : callbacks_->protocol.name()));
}

void Conn::setProtocol(const Protocol& protocol) {
  const Protocol resolved(protocol.name(), resolveProtocol(protocol));
  if (auto* http = dynamic_cast<HttpCodec*>(builtin());
      http != nullptr && http->handling() && isBuiltin(resolved, "websocket")) {
    if (http->accept(*this, {}, {})) ownCallbacks().protocol = resolved;
    return;
  }
  const auto made = resolved.factory() ? resolved.factory()->make() : detail::CodecFactory::Made{};
  std::unique_ptr<detail::Codec> owner(made.owned ? made.codec : nullptr);
  if (!dialled_ && isOfClients(made.codec))
    throw std::invalid_argument(resolved.name() + " of a client is not what an accepted connection can speak");
  const MessageCallback& handler = callbacks_->onMessage;
  const bool webSocket = isBuiltin(resolved, "websocket") && callbacks_->onWebSocketMessage;
  if (handler && !webSocket &&
      !(made.codec != nullptr ? made.codec->delivers(handler.messageType()) : handler.takes<std::string_view>()))
    throw std::invalid_argument("onMessage does not take the messages of " + resolved.name() +
                                ": set onMessage to nullptr first, then the protocol, then onMessage");
  ownCallbacks().protocol = resolved;
  static_cast<void>(owner.release());  // switchCodec owns it
  switchCodec(made.codec, made.owned);
  holdInput(false);  // the answer that the old protocol owed will not come
  begun_ = false;    // nothing that is called calls back: it has not heard of the beginning, and does not of the end
}

}  // namespace artel
