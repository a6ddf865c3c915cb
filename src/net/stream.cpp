#include "src/net/stream.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

/// What the kernel did not take at once, on its way through libuv.
struct Stream::Write {
  uv_write_t request;
  Stream* stream;
  std::string* data;
  std::size_t offset;
};

Stream::Stream() noexcept { std::memset(&handle_, 0, sizeof handle_); }

Stream::~Stream() {
  if (visiting_ && processLoop != nullptr) loop().forget(*this);  // a user's share() may outlive the loop
  dropOut();
}

int Stream::open(const Incoming& incoming, bool unixSocket) noexcept {
  unix_ = unixSocket;
  int status = uv_tcp_init(&loop().uv, &handle_.tcp);
  if (status != 0) {
    if (incoming.socket != platform::noSocket) platform::closeSocket(incoming.socket);
    return status;
  }
  open_ = true;
  unable_ = false;
  handle_.any.data = this;
  if (incoming.server != nullptr) {
    status = uv_accept(incoming.server, stream());
    if (status == 0) rememberSocket();
    return status;
  }
  status = uv_tcp_open(&handle_.tcp, static_cast<uv_os_sock_t>(incoming.socket));
  if (status != 0) platform::closeSocket(incoming.socket);
  if (status == 0) rememberSocket();
  return status;
}

void Stream::rememberSocket() noexcept {
  uv_os_fd_t fd{};
  uv_fileno(&handle_.any, &fd);
  socket_ = (platform::NativeSocket)fd;  // a number here, a pointer there: the same bits
}

/// What libuv calls when there is something to read.
struct Stream::Reading {
  static void give(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(loop().receiveBuffer.get(), Loop::Impl::receiveBufferSize);
  }
  static void done(uv_stream_t* handle, std::ptrdiff_t size, const uv_buf_t* buffer) {
    auto& self = *static_cast<Stream*>(handle->data);
    if (size > 0) return self.received({buffer->base, static_cast<std::size_t>(size)});
    self.readEnded(size);
  }
  // Without a buffer libuv does not read, but says so: then we read for ourselves, for recv is cheaper than its read.
  // What does not fit into the buffer is told again.
  static void giveNothing(uv_handle_t*, std::size_t, uv_buf_t* buffer) { *buffer = {}; }
  static void now(uv_stream_t* handle, std::ptrdiff_t status, const uv_buf_t*) {
    auto& self = *static_cast<Stream*>(handle->data);
    if (status != UV_ENOBUFS) self.readOn();
    char* const buffer = loop().receiveBuffer.get();
    const std::ptrdiff_t size = platform::receiveNow(self.socket_, buffer, Loop::Impl::receiveBufferSize);
    if (size > 0) return self.received({buffer, static_cast<std::size_t>(size)});
    self.readEnded(size);
  }
  static_assert(platform::endOfStream == UV_EOF);
};

void Stream::startReading() noexcept {
  if (reading_ || !open_) return;
  reading_ = true;
  const int status = platform::directIo() ? uv_read_start(stream(), Reading::giveNothing, Reading::now)
                                          : uv_read_start(stream(), Reading::give, Reading::done);
  if (status != 0) {
    fail(status);
    visitLater();
  }
}

/// libuv 1.52 takes the peer's hang-up for an end and stops, though bytes may wait: we find the end for ourselves.
void Stream::readOn() noexcept {
  reading_ = false;
  startReading();
}

void Stream::readEnded(std::ptrdiff_t status) {
  if (status == 0) return;  // would block
  stopReading();
  if (status == UV_EOF)
    ended();
  else
    failed(static_cast<int>(status), behind());
}

void Stream::stopReading() noexcept {
  if (!reading_) return;
  reading_ = false;
  uv_read_stop(stream());
}

void Stream::dropOut() noexcept {
  if (out_ == nullptr || pins_ != 0) return;
  loop().buffers.give(out_);
  out_ = nullptr;
}

std::size_t Stream::behindBy() const noexcept { return uv_stream_get_write_queue_size(&handle_.stream); }

std::uint64_t Stream::bytesTaken() const noexcept {
  std::uint64_t sent = bytesOut_;
  if (write_ != nullptr)
    sent += write_->data->size() - write_->offset - uv_stream_get_write_queue_size(&handle_.stream);
  // A local socket counts its queue in memory, not in bytes.
  const std::uint64_t waiting = open_ && !unixSocket() ? platform::unacknowledged(native()) : 0;
  return sent - std::min(sent, waiting);
}

bool Stream::flushLater() noexcept {
  if (write_ != nullptr) return false;
  if (out_ != nullptr && out_->size() >= corkLimit) return flush();
  if (!corked_) visitLater();
  return true;
}

/// The kernel has all of it.
inline bool Stream::flushed() noexcept {
  sent(out_->size());
  loop().buffers.give(std::exchange(out_, nullptr));
  return true;
}

bool Stream::flushOut() noexcept {
  if (pins_ != 0 || unable_ || out_->empty()) return flushNothing();
  const std::ptrdiff_t taken = platform::sendNow(socket_, out_->data(), out_->size());
  return taken == static_cast<std::ptrdiff_t>(out_->size()) ? flushed() : flushRest(taken);
}

bool Stream::flushNothing() noexcept {
  dropOut();  // not what is pinned: the one who appends flushes when it is done
  return true;
}

/// The kernel took only `taken`, or it is an error.
bool Stream::flushRest(std::ptrdiff_t taken) noexcept {
  if (!platform::directIo()) {
    uv_buf_t buffer = uv_buf_init(out_->data(), static_cast<unsigned>(out_->size()));
    taken = uv_try_write(stream(), &buffer, 1);
    if (taken == UV_EAGAIN) taken = 0;
    if (taken == static_cast<std::ptrdiff_t>(out_->size())) return flushed();
  }
  if (taken < 0) {
    fail(static_cast<int>(taken));  // told at the turn's end: this may run inside a user's call
    dropOut();
    visitLater();
    return true;
  }
  sent(static_cast<std::size_t>(taken));
  // Without memory for this there is none for anything: the process ends, its master starts another.
  write_ = new Write{{}, this, out_, static_cast<std::size_t>(taken)};  // NOLINT(bugprone-unhandled-exception-at-new)
  out_ = nullptr;
  write_->request.data = write_;
  uv_buf_t rest =
      uv_buf_init(write_->data->data() + write_->offset, static_cast<unsigned>(write_->data->size() - write_->offset));
  const int status = uv_write(&write_->request, stream(), &rest, 1, [](uv_write_t* request, int result) {
    auto* write = static_cast<Write*>(request->data);
    write->stream->written(write, result);
  });
  if (status != 0) {
    loop().buffers.give(write_->data);
    delete write_;
    write_ = nullptr;
    fail(status);
    visitLater();
    return true;
  }
  return false;
}

void Stream::written(Write* write, int status) {
  if (status == 0) sent(write->data->size() - write->offset);
  loop().buffers.give(write->data);
  delete write;
  write_ = nullptr;
  if (!open_) return;  // cancelled by closeHandle
  if (status != 0) {
    dropOut();
    return failed(status, true);
  }
  flush();
  if (write_ == nullptr && !unable_) drained();
}

void Stream::shutdownSend() noexcept {
  if (unable_) return;
  auto* request = new (std::nothrow) uv_shutdown_t;
  if (request == nullptr) return;
  // A peer that is gone already makes this fail; the end is noticed by reading, which goes on.
  if (uv_shutdown(request, stream(), [](uv_shutdown_t* done, int) { delete done; }) != 0) delete request;
}

void Stream::visitLater() noexcept { loop().visitAtTurnEnd(*this); }

void Stream::closeHandle() noexcept {
  dropOut();
  if (!open_) return;
  open_ = false;
  unable_ = true;
  reading_ = false;
  uv_close(&handle_.any, [](uv_handle_t* handle) { static_cast<Stream*>(handle->data)->handleClosed(); });
}

}  // namespace artel::net
