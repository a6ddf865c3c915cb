// UdpConnection: the sender of one datagram (manual 1.16.28). A small value: copy it to answer later, from a timer for
// example; the copy stays usable while the worker listens. There is no connection: no onConnect, no onClose.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "artel/connection.hpp"

namespace artel {

namespace detail {
class UdpListener;
}

class UdpConnection final : public Connection {
 public:
  /// `address` is a sockaddr of the system, at most 28 bytes.
  UdpConnection(std::weak_ptr<detail::UdpListener> listener, const void* address, std::size_t size,
                std::size_t packageLimit) noexcept;
  using Connection::send;
  /// One datagram to the sender: `sent`, or `dropped` when it is larger than 65507 bytes or the system refused it.
  SendStatus sendRaw(std::string_view datagram) override;
  /// Harmless: the socket is the worker's. `close(data)` sends data.
  void close() override {}
  void close(std::string_view lastWords) { send(lastWords); }
  bool closing() const noexcept override { return false; }
  std::size_t packageLimit() const noexcept override { return packageLimit_; }
  std::string getRemoteIp() const override;
  std::uint16_t getRemotePort() const override;
  Worker* worker() const noexcept override;

 private:
  SendStatus sendMessage(detail::TypeId type, const void* message) override;
  std::weak_ptr<detail::UdpListener> listener_;
  alignas(8) std::array<std::byte, 28> address_{};
  std::size_t packageLimit_;
};

}  // namespace artel
