// Joins a typed protocol class to an untyped connection. Users need protocol<P>() only; the rest is the framework's.
#pragma once

#include <concepts>
#include <cstdint>
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

/// What take() is told beside the bytes, and what it answers beside the size.
struct Taking {
  const MessageCallback& handler;
  std::size_t limit;          ///< of a packet, for protocols that know none of their own
  Input& found;               ///< what input() said when nothing was delivered
  std::uint64_t& requests;    ///< one more for each packet, by protocols that do not count for themselves
  std::size_t delivered = 0;  ///< set before the handler is called: an exception after it is the handler's
};

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
  /// Both at once: delivers the first packet if it is whole and not beyond the limit. Returns its size, or 0 when
  /// nothing was delivered.
  virtual std::size_t take(std::span<char> bytes, Connection& connection, Taking& taking) {
    taking.found = input(bytes, connection);
    if (!taking.found.isPacketIn(bytes.size(), taking.limit)) return 0;
    taking.delivered = taking.found.size;
    ++taking.requests;
    deliver(bytes.first(taking.delivered), connection, taking.handler);
    return taking.delivered;
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
  std::size_t take(std::span<char> bytes, Connection& connection, Taking& taking) override {
    const Input found = protocol_.input(std::string_view(bytes.data(), bytes.size()), connection);
    if (!found.isPacketIn(bytes.size(), taking.limit)) {
      taking.found = found;
      return 0;
    }
    taking.delivered = found.size;
    ++taking.requests;
    CodecOf::deliver(bytes.first(found.size), connection, taking.handler);
    return found.size;
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
