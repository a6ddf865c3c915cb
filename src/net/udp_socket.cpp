#include "src/net/udp_socket.hpp"

#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

struct UdpSocket::Handle {
  uv_udp_t handle{};
  platform::NativeSocket socket = platform::noSocket;
  Received received;
};

UdpSocket::UdpSocket(platform::NativeSocket socket, Received received)
    : handle_(new Handle, [](Handle* handle) {
        handle->received = nullptr;
        closeAndDelete(handle);
      }) {
  handle_->socket = socket;
  handle_->received = std::move(received);
  uv_udp_init(&loop().uv, &handle_->handle);
  handle_->handle.data = handle_.get();
}

UdpSocket::~UdpSocket() = default;

Result<void> UdpSocket::start() {
  if (const int status = uv_udp_open(&handle_->handle, static_cast<uv_os_sock_t>(handle_->socket)); status != 0)
    return Error{Errc::system, uv_strerror(status), status};
  resume();
  return {};
}

void UdpSocket::resume() noexcept {
  const auto give = [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(loop().receiveBuffer.get(), 64 * 1024);
  };
  uv_udp_recv_start(
      &handle_->handle, give,
      [](uv_udp_t* handle, std::ptrdiff_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned flags) {
        // No sender: nothing more to read. An error is one of an earlier answer (port unreachable): it concerns nobody
        // else.
        if (from == nullptr || size < 0 || (flags & UV_UDP_PARTIAL) != 0) return;
        auto& self = *static_cast<Handle*>(handle->data);
        if (self.received) self.received({buffer->base, static_cast<std::size_t>(size)}, from);
      });
}

void UdpSocket::pause() noexcept { uv_udp_recv_stop(&handle_->handle); }

bool UdpSocket::sendTo(const sockaddr* to, std::string_view datagram) noexcept {
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(datagram.data()), static_cast<unsigned>(datagram.size()));
  return uv_udp_try_send(&handle_->handle, &buffer, 1, to) >= 0;
}

}  // namespace artel::net
