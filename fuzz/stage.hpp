// One worker process without a listener: connections come from socket pairs, whose other ends the harness holds. All
// that stands between the two is the kernel; loop, streams, connections and codecs are the real ones.
#pragma once

#include <uv.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "artel/worker.hpp"
#include "fuzz/support.hpp"
#include "src/net/loop.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"

namespace artel::fuzz {

/// The other end of a connection.
class Client {
 public:
  explicit Client(uv_os_sock_t socket) : handle_(new uv_tcp_t) {
    check(uv_tcp_init(&net::loop().uv, handle_) == 0, "no handle for a client");
    check(uv_tcp_open(handle_, socket) == 0, "a client's socket was not taken");
    handle_->data = this;
    read(true);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(); }

  /// What the kernel takes at once; the rest is returned.
  std::string_view send(std::string_view bytes) {
    if (handle_ == nullptr || bytes.empty()) return {};
    uv_buf_t buffer = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    const int taken = uv_try_write(stream(), &buffer, 1);
    if (taken < 0 && taken != UV_EAGAIN) return {};  // the other side is gone
    return bytes.substr(static_cast<std::size_t>(std::max(taken, 0)));
  }
  void read(bool on) {
    if (handle_ == nullptr || ended) return;
    if (!on) return static_cast<void>(uv_read_stop(stream()));
    uv_read_start(
        stream(),
        [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
          static std::array<char, 65536> space;
          *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
        },
        [](uv_stream_t* from, std::ptrdiff_t size, const uv_buf_t* buffer) {
          auto* self = static_cast<Client*>(from->data);
          if (self == nullptr) return;
          if (size > 0) return static_cast<void>(self->received.append(buffer->base, static_cast<std::size_t>(size)));
          if (size == 0) return;
          self->ended = true;
          uv_read_stop(from);
        });
  }
  void shutdown() {
    if (handle_ == nullptr) return;
    auto* request = new uv_shutdown_t;
    if (uv_shutdown(request, stream(), [](uv_shutdown_t* done, int) { delete done; }) != 0) delete request;
  }
  void close() {
    if (handle_ == nullptr) return;
    handle_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* gone) { delete reinterpret_cast<uv_tcp_t*>(gone); });
    handle_ = nullptr;
  }

  std::string received;
  bool ended = false;  ///< the server has ended its side

 private:
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(handle_); }
  uv_tcp_t* handle_;
};

class Stage {
 public:
  explicit Stage(Worker& worker) : worker_(worker) {
#ifdef SIGPIPE
    std::signal(SIGPIPE, SIG_IGN);  // as in every process that the framework runs
#endif
    worker.core().resolve();
    WorkerProcess::Setup setup;
    setup.worker = &worker;
    process_ = std::make_unique<WorkerProcess>(std::move(setup));
    process_->start();
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  /// Ends all connections, with their events, and the loop.
  ~Stage() {
    clients.clear();
    turns(2);
  }

  void turns(int count) {
    for (int i = 0; i < count; ++i) net::loop().turn(false);
  }
  /// `kernelBuffer`: bytes the kernel holds for the client at most; 0: its usual amount.
  Client& connect(int kernelBuffer) {
    uv_os_sock_t ends[2];
    check(uv_socketpair(SOCK_STREAM, 0, ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) == 0, "no socket pair");
    clients.push_back(std::make_unique<Client>(ends[1]));
    net::Incoming incoming;
    incoming.socket = static_cast<platform::NativeSocket>(ends[0]);
    if (kernelBuffer > 0)
      setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, reinterpret_cast<const char*>(&kernelBuffer), sizeof kernelBuffer);
    worker_.core().accept(incoming);
    return *clients.back();
  }
  /// The server's end of the newest connection; there must be one.
  Conn& newest() {
    TcpConnection* last = nullptr;
    for (auto& [id, connection] : worker_.connections()) last = connection.get();
    return Conn::of(*last);
  }
  /// As if `later` milliseconds had passed.
  void tickAfter(std::uint32_t later) {
    for (auto& [id, connection] : worker_.connections())
      Conn::of(*connection).tick(Conn::clock() + later, static_cast<std::uint32_t>(worker_.lingerTimeout.count()));
  }
  WorkerProcess& process() { return *process_; }

 private:
  Worker& worker_;
  std::unique_ptr<WorkerProcess> process_;

 public:
  std::vector<std::unique_ptr<Client>> clients;
};

}  // namespace artel::fuzz
