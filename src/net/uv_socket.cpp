#include "src/net/uv_socket.hpp"

#include <algorithm>
#include <new>

#include "src/net/stream.hpp"

namespace artel::net {

namespace {
Stream& streamOf(void* data) noexcept { return *static_cast<Stream*>(data); }

void give(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(loop().receiveBuffer.get(), Loop::Impl::receiveBufferSize);
}
static_assert(platform::endOfStream == UV_EOF);

uv_buf_t bufferOf(const char* data, std::size_t size) noexcept {
  return uv_buf_init(const_cast<char*>(data), static_cast<unsigned>(std::min(size, Stream::mostInOneWrite)));
}
}  // namespace

int UvSocket::open(Stream& owner, const Incoming& incoming) noexcept {
  uv_tcp_init(&loop().uv, &handle_.tcp);  // without a family it cannot fail
  handle_.any.data = &owner;
  const int status = incoming.server != nullptr ? uv_accept(static_cast<uv_stream_t*>(incoming.server), &handle_.stream)
                                                : uv_tcp_open(&handle_.tcp, static_cast<uv_os_sock_t>(incoming.socket));
  if (status != 0) {
    if (incoming.server == nullptr) platform::closeSocket(incoming.socket);
    return status;
  }
  uv_os_fd_t descriptor{};
  uv_fileno(&handle_.any, &descriptor);
  socket_ = (platform::NativeSocket)descriptor;  // a number here, a pointer there: the same bits
  return 0;
}

int UvSocket::startReading(Stream&) noexcept {
  return uv_read_start(&handle_.stream, give, [](uv_stream_t* handle, std::ptrdiff_t size, const uv_buf_t* buffer) {
    streamOf(handle->data).moved(buffer->base, size);
  });
}

void UvSocket::stopReading(Stream&) noexcept { uv_read_stop(&handle_.stream); }

std::ptrdiff_t UvSocket::send(const char* data, std::size_t size) noexcept {
  const uv_buf_t buffer = bufferOf(data, size);
  const int taken = uv_try_write(&handle_.stream, &buffer, 1);
  return taken == UV_EAGAIN ? 0 : taken;
}

int UvSocket::sendRest(Stream& owner, Rest& rest) noexcept {
  rest.request.data = &owner;
  const uv_buf_t buffer = bufferOf(rest.data->data() + rest.offset, rest.size());
  return uv_write(&rest.request, &handle_.stream, &buffer, 1,
                  [](uv_write_t* request, int status) { streamOf(request->data).restWritten(status); });
}

void UvSocket::shutdownSend() noexcept {
  auto* request = new (std::nothrow) uv_shutdown_t;
  if (request == nullptr) return;
  // A peer that is gone already makes this fail; the end is noticed by reading, which goes on.
  if (uv_shutdown(request, &handle_.stream, [](uv_shutdown_t* done, int) { delete done; }) != 0) delete request;
}

void UvSocket::close(Stream&) noexcept {
  uv_close(&handle_.any, [](uv_handle_t* handle) { streamOf(handle->data).handleClosed(); });
}

}  // namespace artel::net
