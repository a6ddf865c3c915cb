#include "src/net/udp_socket.hpp"

#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

namespace {
constexpr std::size_t largestDatagram = 64 * 1024;
constexpr int perTurn = 32;
}  // namespace

/// Outlives the UdpSocket until the turn has ended, or libuv has let go of it.
struct UdpSocket::Handle final : Pollable {
  uv_udp_t handle{};  // where libuv receives and sends
  platform::NativeSocket socket = platform::noSocket;
  Received received;
  bool receiving = false;
  bool given = false;  // the socket is libuv's

  void ready(std::uint8_t) override {
    char* const buffer = loop().receiveBuffer.get();
    for (int i = 0; i < perTurn && receiving; ++i) {
      sockaddr_storage from{};
      const std::ptrdiff_t size =
          platform::receiveFrom(socket, buffer, largestDatagram, {reinterpret_cast<std::byte*>(&from), sizeof from});
      // Nothing more; or an error of an earlier answer (port unreachable): it concerns nobody else.
      if (size < 0) return;
      received({buffer, static_cast<std::size_t>(size)}, reinterpret_cast<const sockaddr*>(&from));
    }
  }
  int poll(bool on) {
    if (receiving == on) return 0;
    const std::uint8_t wanted = on ? platform::Poller::readable : 0, before = on ? 0 : platform::Poller::readable;
    const int status = loop().poller.watch(socket, static_cast<Pollable*>(this), before, wanted);
    if (status == 0) receiving = on;
    return status;
  }
};

UdpSocket::UdpSocket(platform::NativeSocket socket, Received received)
    : handle_(new Handle, [](Handle* handle) {
        if (!platform::directIo()) {
          handle->received = nullptr;
          if (!handle->given) platform::closeSocket(handle->socket);
          return closeAndDelete(handle);
        }
        handle->poll(false);
        platform::closeSocket(handle->socket);
        loop().defer([kept = std::unique_ptr<Handle>(handle)] {});  // it may be the one that is ready
      }) {
  handle_->socket = socket;
  handle_->received = std::move(received);
  if (platform::directIo()) return;
  uv_udp_init(&loop().uv, &handle_->handle);
  handle_->handle.data = handle_.get();
}

UdpSocket::~UdpSocket() = default;

Result<void> UdpSocket::start() {
  const int status = platform::directIo() ? handle_->poll(true)
                                          : uv_udp_open(&handle_->handle, static_cast<uv_os_sock_t>(handle_->socket));
  if (status != 0) return Error{Errc::system, uv_strerror(status), status};
  handle_->given = !platform::directIo();
  resume();
  return {};
}

void UdpSocket::resume() noexcept {
  if (platform::directIo()) return static_cast<void>(handle_->poll(true));
  const auto give = [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(loop().receiveBuffer.get(), largestDatagram);
  };
  uv_udp_recv_start(
      &handle_->handle, give,
      [](uv_udp_t* handle, std::ptrdiff_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned flags) {
        // No sender: nothing more to read. An error: see ready().
        if (from == nullptr || size < 0 || (flags & UV_UDP_PARTIAL) != 0) return;
        auto& self = *static_cast<Handle*>(handle->data);
        if (self.received) self.received({buffer->base, static_cast<std::size_t>(size)}, from);
      });
}

platform::NativeSocket UdpSocket::native() const noexcept { return handle_->socket; }

void UdpSocket::pause() noexcept {
  if (platform::directIo()) return static_cast<void>(handle_->poll(false));
  uv_udp_recv_stop(&handle_->handle);
}

bool UdpSocket::sendTo(const sockaddr* to, std::string_view datagram) noexcept {
  if (platform::directIo()) return platform::sendTo(handle_->socket, to, datagram);
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(datagram.data()), static_cast<unsigned>(datagram.size()));
  return uv_udp_try_send(&handle_->handle, &buffer, 1, to) >= 0;
}

}  // namespace artel::net
