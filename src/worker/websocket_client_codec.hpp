// A WebSocket client until its handshake is done: the request goes out when the connection stands, the answer is read
// and checked, then WebsocketCodec takes over. What is sent before waits here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "artel/http.hpp"
#include "src/protocol/websocket_deflate.hpp"
#include "src/worker/conn.hpp"

namespace artel {

class WebsocketClientCodec final : public BuiltinCodec {
 public:
  Input input(std::span<char> bytes, Connection& connection) override;
  void deliver(std::span<char>, Connection&, const MessageCallback&) override {}
  bool encode(detail::TypeId type, const void* message, Connection& connection, std::string& out) override;
  bool delivers(detail::TypeId type) const noexcept override;
  bool full(const Conn& connection) const noexcept override;
  void onConnect(Connection& connection) override;
  void onClose(Connection&) override { deflate_.reset(); }
  bool handshakes() const noexcept override { return true; }

 private:
  void accepted(Conn& connection, const http::Answer& answer);

  std::string key_, host_;
  std::optional<websocket::Compression::Offered> deflate_;  // is offered
  std::vector<std::pair<websocket::Type, std::string>> early_;
  std::size_t earlySize_ = 0;
  std::size_t interim_ = 0;  // bytes of answers before the answer
};

}  // namespace artel
