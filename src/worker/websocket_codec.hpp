// WebSocket frames at work on a connection whose handshake is done.
#pragma once

#include <memory>
#include <utility>

#include "src/protocol/websocket_frames.hpp"
#include "src/worker/conn.hpp"

namespace artel {

class WebsocketCodec final : public BuiltinCodec {
 public:
  /// `compression`: null unless permessage-deflate was agreed.
  explicit WebsocketCodec(std::unique_ptr<websocket::Compression> compression,
                          websocket::Role role = websocket::Role::server)
      : reader_(role, std::move(compression)), client_(role == websocket::Role::client) {}
  Input input(std::span<char> bytes, Connection& connection) override;
  void deliver(std::span<char> packet, Connection& connection, const MessageCallback& handler) override;
  std::size_t take(std::span<char> bytes, Connection& connection, detail::Taking& taking) override;
  bool encode(detail::TypeId type, const void* message, Connection& connection, std::string& out) override;
  bool delivers(detail::TypeId type) const noexcept override;
  void onClose(Connection&) override { reader_.endCompression(); }
  void tick(Conn& connection, std::uint32_t now) override;
  bool stopping(Conn& connection, bool graceful) override;
  void callbackFailed(Conn& connection) override;
  void sayGoodbye(Conn& connection) override;
  bool goodbyeSaid() const noexcept override { return closeSent_; }
  /// The Close has been sent already.
  void closeWasSent() noexcept;

 private:
  void happened(Conn& connection, const websocket::Event& event);
  void closeWith(Conn& connection, std::uint16_t code, std::string_view reason);
  void message(Conn& connection, const websocket::Event& event);
  void controlFrameCame() noexcept;
  bool unfinishedTooLong(Conn& connection, std::uint32_t now);
  void tickOfClosing(Conn& connection, std::uint32_t now);
  void ping(Conn& connection);
  void tickOfClient(Conn& connection, std::uint32_t now);
  void append(std::string& out, websocket::Type type, std::string_view payload);
  void appendControl(std::string& out, std::uint8_t opcode, std::string_view payload) const;
  void appendClose(std::string& out, std::uint16_t code, std::string_view reason) const;

  websocket::Reader reader_;
  /// While closeSent_: when it was; else while pinged_: when; while watched_: the tick that first saw this unfinished
  /// message.
  std::uint32_t since_ = 0;
  bool pinged_ = false, watched_ = false;  // never both; a client's pings are its Dial's
  bool closeSent_ : 1 = false, closeLeft_ : 1 = false;
  bool client_;
};

}  // namespace artel
