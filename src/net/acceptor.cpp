#include "src/net/acceptor.hpp"

#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

namespace {
constexpr std::uint64_t yieldTime = 1, exhaustedTime = 100;  // milliseconds
}

/// Outlives the Acceptor until libuv has let go of what is its.
struct Acceptor::Handle final : Pollable {
  union {
    uv_handle_t any;
    uv_tcp_t tcp;
  } listener{};  // where libuv accepts
  uv_timer_t timer{};
  platform::NativeSocket socket = platform::noSocket;
  Hooks hooks;
  int backlog = 0;
  int open = 1, held = 0;
  std::uint8_t watched = 0;
  bool started = false, userPaused = false, waiting = false, exhausted = false;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  void ready(std::uint8_t) override { acceptMany(); }
  int poll(bool on) {
    const std::uint8_t wanted = on ? platform::Poller::readable : 0;
    const int status = loop().poller.watch(socket, static_cast<Pollable*>(this), watched, wanted);
    if (status == 0) watched = wanted;
    return status;
  }
  /// The system may lack memory for it.
  void pollOrTryAgain() {
    if (poll(true) != 0) wait(exhaustedTime);
  }
  void acceptMany() {
    const std::shared_ptr<bool> still = alive;  // a callback may stop the listening
    for (int i = 0; i < perTurn && *still && !userPaused; ++i) {
      if (hooks.mayAccept && !hooks.mayAccept()) return wait(yieldTime);
      Incoming incoming;
      const auto accepted = platform::acceptOne(socket, incoming.peer);
      if (!accepted) {
        if (accepted.error().code == Errc::wouldBlock) return;
        if (!exhausted && hooks.failed) hooks.failed(accepted.error());
        exhausted = true;
        return wait(exhaustedTime);
      }
      exhausted = false;
      incoming.socket = *accepted;
      hooks.accepted(incoming);
    }
  }
  void wait(std::uint64_t milliseconds) {
    waiting = true;
    poll(false);
    uv_timer_start(
        &timer, [](uv_timer_t* handle) { static_cast<Handle*>(handle->data)->waited(); }, milliseconds, 0);
  }
  void waited() {
    waiting = false;
    if (!userPaused) pollOrTryAgain();
  }
};

Acceptor::Acceptor(platform::NativeSocket socket, int backlog, Hooks hooks)
    : handle_(new Handle, [](Handle* handle) {
        *handle->alive = false;
        handle->hooks = {};
        const auto closed = [](uv_handle_t* one) {
          auto* self = static_cast<Handle*>(one->data);
          if (--self->open > 0) return;
          delete self;
        };
        if (platform::directIo()) {
          handle->poll(false);
          platform::closeSocket(handle->socket);
        } else {
          ++handle->open;
          uv_close(&handle->listener.any, closed);
        }
        uv_close(reinterpret_cast<uv_handle_t*>(&handle->timer), closed);
      }) {
  Handle& h = *handle_;
  h.socket = socket;
  h.backlog = backlog;
  h.hooks = std::move(hooks);
  uv_timer_init(&loop().uv, &h.timer);
  if (!platform::directIo()) uv_tcp_init(&loop().uv, &h.listener.tcp);
  h.timer.data = h.listener.any.data = &h;
}

Acceptor::~Acceptor() = default;

Result<void> Acceptor::start() {
  Handle& h = *handle_;
  if (platform::directIo()) {
    h.started = true;
    const int status = h.userPaused ? 0 : h.poll(true);
    if (status != 0) return Error{Errc::system, uv_strerror(status), status};
    return {};
  }
  int status = uv_tcp_open(&h.listener.tcp, static_cast<uv_os_sock_t>(h.socket));
  if (status == 0) {
    status = uv_listen(reinterpret_cast<uv_stream_t*>(&h.listener.tcp), h.backlog, [](uv_stream_t* server, int result) {
      auto& self = *static_cast<Handle*>(server->data);
      if (result == 0 && self.userPaused)
        ++self.held;  // libuv keeps it, and the kernel those behind it
      else if (result == 0)
        self.hooks.accepted(Incoming{platform::noSocket, server, {}});
      else if (self.hooks.failed)
        self.hooks.failed(Error{Errc::system, uv_strerror(result), result});
    });
  }
  if (status != 0)
    return Error{status == UV_EADDRINUSE ? Errc::addressInUse : Errc::system,
                 std::string(uv_strerror(status)) + " (" + uv_err_name(status) + ")", status};
  h.started = true;
  return {};
}

void Acceptor::pause() noexcept {
  Handle& h = *handle_;
  h.userPaused = true;
  if (platform::directIo() && h.started && !h.waiting) h.poll(false);
}

void Acceptor::resume() noexcept {
  Handle& h = *handle_;
  if (!h.userPaused) return;
  h.userPaused = false;
  if (platform::directIo() && h.started && !h.waiting) h.pollOrTryAgain();
  if (h.held == 0) return;
  loop().defer([still = h.alive, &h] {  // a callback may stop the listening
    for (; *still && !h.userPaused && h.held > 0; --h.held)
      h.hooks.accepted(Incoming{platform::noSocket, reinterpret_cast<uv_stream_t*>(&h.listener.tcp), {}});
  });
}

bool Acceptor::paused() const noexcept { return handle_->userPaused; }

void Acceptor::descriptorsFreed() noexcept {
  Handle& h = *handle_;
  if (!h.exhausted || !h.waiting) return;
  uv_timer_stop(&h.timer);
  h.waited();
}

}  // namespace artel::net
