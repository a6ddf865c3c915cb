// The socket of a Stream where libuv has to move the bytes (not directIo()): Windows.
#pragma once

#include <uv.h>

#include <cstddef>
#include <string>

#include "platform/platform.hpp"
#include "src/net/loop.hpp"

namespace artel::net {

class Stream;

class UvSocket {
 public:
  /// What the kernel did not take at once, on its way through libuv.
  struct Rest {
    std::string* data;
    std::size_t offset;
    std::size_t place = 0;  ///< of its stream in Loop::Impl::behind
    uv_write_t request{};
    std::size_t size() const noexcept { return data->size() - offset; }
  };

  /// 0 or a libuv error; after an error, too, the socket must be closed.
  int open(Stream& owner, const Incoming& incoming) noexcept;
  platform::NativeSocket native() const noexcept { return socket_; }
  int startReading(Stream& owner) noexcept;
  void stopReading(Stream& owner) noexcept;
  std::ptrdiff_t send(const char* data, std::size_t size) noexcept;
  int sendRest(Stream& owner, Rest& rest) noexcept;
  void restSent(Stream&) noexcept {}
  std::size_t waiting(const Rest&) const noexcept { return uv_stream_get_write_queue_size(&handle_.stream); }
  void shutdownSend() noexcept;
  void close(Stream& owner) noexcept;

 private:
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;  // of Unix sockets, too: libuv's streams care about the descriptor only
  } handle_{};
  platform::NativeSocket socket_ = platform::noSocket;
};

}  // namespace artel::net
