// A bound or connected UDP socket: datagrams in through the shared buffer, datagrams out at once.
#pragma once

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "artel/error.hpp"
#include "platform/platform.hpp"

namespace artel::net {

class UdpSocket {
 public:
  using Received = std::function<void(std::span<char> datagram, const sockaddr* from)>;

  /// Owns the socket.
  UdpSocket(platform::NativeSocket socket, Received received);
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  Result<void> start();
  void pause() noexcept;
  void resume() noexcept;
  /// `to` is null for a connected socket. False when the system did not take it.
  bool sendTo(const sockaddr* to, std::string_view datagram) noexcept;
  platform::NativeSocket native() const noexcept;

 private:
  struct Handle;
  std::unique_ptr<Handle, void (*)(Handle*)> handle_;
};

}  // namespace artel::net
