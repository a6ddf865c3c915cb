// Joins a typed protocol class to an untyped connection. Users need protocol<P>() only; the rest is the framework's.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "artel/connection.hpp"
#include "artel/protocol.hpp"

namespace artel {

namespace detail {

/// A protocol at work on one connection. `take` and `encode` are the two virtual calls that a message costs.
class Codec {
 public:
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  virtual ~Codec() = default;
  virtual Input input(std::span<char> bytes, Connection& connection) = 0;
  /// Decodes the packet and calls the handler, which may be empty.
  virtual void deliver(std::span<char> packet, Connection& connection, const MessageCallback& handler) = 0;
  /// Both at once: sets `found` to what input() says and delivers the packet, if it is whole and not beyond `limit`.
  /// Returns its size, 0 when nothing was delivered. An exception after `found` was set is the handler's.
  virtual std::size_t take(std::span<char> bytes, Connection& connection, const MessageCallback& handler,
                           std::size_t limit, Input& found) {
    found = input(bytes, connection);
    if (!found.isPacketIn(bytes.size(), limit)) return 0;
    const std::size_t size = found.size;
    deliver(bytes.first(size), connection, handler);
    return size;
  }
  /// Appends the encoding to `out`; false when messages of that type cannot be sent (nothing was appended).
  virtual bool encode(TypeId type, const void* message, Connection& connection, std::string& out) = 0;
  /// Whether a handler for that type of message can be called.
  virtual bool delivers(TypeId type) const noexcept = 0;
  virtual void onConnect(Connection&) {}
  virtual void onClose(Connection&) {}
};

template <ProtocolClass P>
class CodecOf final : public Codec {
  using Message = typename P::Message;
  static constexpr bool textual = std::convertible_to<const Message&, std::string_view>;

 public:
  explicit CodecOf(const P& prototype) : protocol_(prototype) {}
  Input input(std::span<char> bytes, Connection& connection) override {
    return protocol_.input(std::string_view(bytes.data(), bytes.size()), connection);
  }
  void deliver(std::span<char> packet, Connection& connection, const MessageCallback& handler) override {
    Message message = protocol_.decode(std::string_view(packet.data(), packet.size()), connection);
    if (!handler) return;
    if constexpr (textual) {
      if (handler.takes<std::string_view>()) {
        std::string_view text = message;
        return handler.call(connection, &text);
      }
    }
    handler.call(connection, &message);
  }
  std::size_t take(std::span<char> bytes, Connection& connection, const MessageCallback& handler, std::size_t limit,
                   Input& found) override {
    found = protocol_.input(std::string_view(bytes.data(), bytes.size()), connection);
    if (!found.isPacketIn(bytes.size(), limit)) return 0;
    const std::size_t size = found.size;
    CodecOf::deliver(bytes.first(size), connection, handler);
    return size;
  }
  bool encode(TypeId type, const void* message, Connection& connection, std::string& out) override {
    if constexpr (requires(std::string_view text) { protocol_.encode(text, connection, out); }) {
      if (type == typeId<std::string_view>())
        return protocol_.encode(*static_cast<const std::string_view*>(message), connection, out), true;
    }
    if constexpr (requires(const Message& typed) { protocol_.encode(typed, connection, out); }) {
      if (type == typeId<Message>())
        return protocol_.encode(*static_cast<const Message*>(message), connection, out), true;
    }
    if constexpr (requires { typename P::Reply; }) {
      using Reply = typename P::Reply;
      if (type == typeId<Reply>()) return protocol_.encode(*static_cast<const Reply*>(message), connection, out), true;
    }
    return false;
  }
  bool delivers(TypeId type) const noexcept override {
    return type == typeId<Message>() || (textual && type == typeId<std::string_view>());
  }
  void onConnect(Connection& connection) override {
    if constexpr (requires { protocol_.onConnect(connection); }) protocol_.onConnect(connection);
  }
  void onClose(Connection& connection) override {
    if constexpr (requires { protocol_.onClose(connection); }) protocol_.onClose(connection);
  }

 private:
  P protocol_;
};

template <ProtocolClass P>
class CodecFactoryOf final : public CodecFactory {
 public:
  explicit CodecFactoryOf(P prototype) : prototype_(std::move(prototype)), shared_(prototype_) {}
  Made make() const override {
    if constexpr (std::is_empty_v<P>)
      return {&shared_, false};
    else
      return {new CodecOf<P>(prototype_), true};
  }

 private:
  P prototype_;
  mutable CodecOf<P> shared_;  // serves every connection when P has no members
};

}  // namespace detail

/// A protocol class as a value for Worker::protocol, TcpConnection::protocol or registerProtocol. Each connection gets
/// a copy of `prototype`.
template <ProtocolClass P>
Protocol protocol(P prototype = {}, std::string name = "custom") {
  return Protocol(std::move(name), std::make_shared<detail::CodecFactoryOf<P>>(std::move(prototype)));
}

}  // namespace artel
