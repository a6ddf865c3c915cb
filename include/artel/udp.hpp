// UdpConnection: the sender of one datagram (manual 1.16.28). A small value: copy it to answer later, from a timer for
// example; the copy stays usable while the worker listens. There is no connection: no onConnect, no onClose.
//
// AsyncUdpConnection: a socket of our own that talks to one address (manual 1.11).
//
//   auto logs = AsyncUdpConnection::to("udp://127.0.0.1:9000");
//   logs->onMessage = [](AsyncUdpConnection& c, std::string_view answer) { c.close(); };
//   logs->send("hello");
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

class AsyncUdpConnection final : public Connection, public std::enable_shared_from_this<AsyncUdpConnection> {
 public:
  /// "udp://host:port", or text, frame or a scheme of your own, whose packets then are datagrams. Nothing is opened
  /// here. `bindTo` is the address of this end ("203.0.113.7:0"); empty: the system chooses. Throws SetupError when the
  /// address cannot be read, std::logic_error before the loop runs.
  static std::shared_ptr<AsyncUdpConnection> to(const std::string& remoteAddress, const std::string& bindTo = {});
  ~AsyncUdpConnection() override;

  /// Opens the socket; no packet is sent. onConnect comes before the turn ends, or when the name has been looked up.
  /// Throws std::invalid_argument when onMessage does not take what the protocol delivers. No effect when it is open.
  /// From here on it lives by itself, until close() or the end of the process.
  void connect();
  using Connection::send;
  /// Connects first if needed. `sent`: the system has taken the whole datagram; `queued`: the name is still looked up
  /// (at most 1 MiB waits for that); `dropped`: it is larger than 65507 bytes, or the system refused it.
  SendStatus sendRaw(std::string_view datagram) override;
  /// onClose follows before the turn ends; the peer notices nothing. A closed one stays closed. What waits for the name
  /// to be looked up is sent all the same, or lost with a warning in the log when the name does not resolve.
  void close() override;
  /// After one last datagram.
  void close(std::string_view lastWords);
  bool closing() const noexcept override;
  std::size_t packageLimit() const noexcept override;
  /// The address that is talked to; empty and 0 before connect.
  std::string getRemoteIp() const override;
  std::uint16_t getRemotePort() const override;
  std::string getLocalIp() const;
  std::uint16_t getLocalPort() const;
  /// Null: no Worker has received it.
  Worker* worker() const noexcept override { return nullptr; }

  /// Read by connect().
  Protocol protocol;
  Callback<void(AsyncUdpConnection&)> onConnect;
  /// The packets of each datagram. Its first parameter is AsyncUdpConnection& or Connection&.
  MessageCallback onMessage;
  Callback<void(AsyncUdpConnection&)> onClose;
  /// The name does not resolve, or there is no socket; logged when this is not set. onClose does not follow: connect()
  /// may be tried again.
  Callback<void(AsyncUdpConnection&, const Error&)> onError;

  struct Impl;
  /// For the framework.
  explicit AsyncUdpConnection(std::unique_ptr<Impl> impl) noexcept;
  Impl& impl() noexcept { return *impl_; }

 private:
  SendStatus sendMessage(detail::TypeId type, const void* message) override;
  std::unique_ptr<Impl> impl_;
};

}  // namespace artel
