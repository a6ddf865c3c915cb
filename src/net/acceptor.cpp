#include "src/net/acceptor.hpp"

#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

namespace {
constexpr std::uint64_t yieldTime = 1, exhaustedTime = 100;  // milliseconds
}

/// Outlives the Acceptor until libuv has let go of what is its.
struct Acceptor::Handle final : Pollable {
  /// Where libuv accepts. Closed, it lives until libuv lets go of it, and the next one may be there already.
  struct Listener {
    uv_tcp_t handle{};
  };
  Listener* listener = nullptr;
  uv_timer_t timer{};
  platform::NativeSocket socket = platform::noSocket;
  Hooks hooks;
  int backlog = 0;
  int held = 0;
  std::uint8_t watched = 0;
  bool started = false, userPaused = false, waiting = false, exhausted = false;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  /// Of one batch of news it may be asked more than once: also after it has stood back.
  void ready(std::uint8_t) override {
    if (!waiting) acceptMany();
  }
  int poll(bool on) {
    const std::uint8_t wanted = on ? platform::Poller::readable : 0;
    auto* const who = static_cast<Pollable*>(this);
    const int status = loop().poller.watch(socket, who, watched, wanted);
    if (status != 0) return status;
    loop().doors.watch(socket, who, watched, wanted);  // without it clients wait longer when there is much to do
    watched = wanted;
    return 0;
  }
  /// The system may lack memory for it.
  void pollOrTryAgain() {
    if (poll(true) != 0) wait(exhaustedTime);
  }
  void acceptMany() {
    const std::shared_ptr<bool> still = alive;  // a callback may stop the listening
    for (int i = 0; i < perLook && *still && !userPaused; ++i) {
      if (hooks.mayAccept && !hooks.mayAccept()) return wait(yieldTime);
      Incoming incoming;
      const auto accepted = platform::acceptOne(socket, incoming.peer);
      if (!accepted) {
        if (accepted.error().code != Errc::wouldBlock) failed(accepted.error());
        return;
      }
      exhausted = false;
      incoming.socket = *accepted;
      hooks.accepted(incoming);
    }
  }
  void failed(const Error& error) {
    if (!exhausted && hooks.failed) hooks.failed(error);
    exhausted = true;
    if (!platform::directIo()) closeListener();
    wait(exhaustedTime);
  }
  void closeListener() {
    if (listener != nullptr) closeAndDelete(std::exchange(listener, nullptr));
    held = 0;
  }
  /// Libuv's listener on `socket`, which it owns from now on. 0 or libuv's error.
  int listen() {
    listener = new Listener;
    uv_tcp_init(&loop().uv, &listener->handle);
    listener->handle.data = this;
    const int status = uv_tcp_open(&listener->handle, static_cast<uv_os_sock_t>(socket));
    if (status != 0) {
      platform::closeSocket(socket);
      return status;
    }
    return uv_listen(reinterpret_cast<uv_stream_t*>(&listener->handle), backlog, [](uv_stream_t* server, int result) {
      auto& self = *static_cast<Handle*>(server->data);
      if (result != 0) return self.failed(Error{Errc::system, uv_strerror(result), result});
      self.exhausted = false;
      if (self.userPaused)
        ++self.held;  // libuv keeps it, and the kernel those behind it
      else
        self.hooks.accepted(Incoming{platform::noSocket, server, {}});
    });
  }
  void listenAgain() {
    if (!hooks.again) return;
    const auto opened = hooks.again();
    if (opened) {
      socket = *opened;
      if (listen() == 0) return;
      closeListener();
    }
    wait(exhaustedTime);
  }
  void wait(std::uint64_t milliseconds) {
    waiting = true;
    if (platform::directIo()) poll(false);
    uv_timer_start(
        &timer, [](uv_timer_t* handle) { static_cast<Handle*>(handle->data)->waited(); }, milliseconds, 0);
  }
  void waited() {
    waiting = false;
    if (!platform::directIo()) return listenAgain();
    if (!userPaused) pollOrTryAgain();
  }
};

Acceptor::Acceptor(platform::NativeSocket socket, int backlog, Hooks hooks)
    : handle_(new Handle, [](Handle* handle) {
        *handle->alive = false;
        handle->hooks = {};
        if (platform::directIo()) {
          handle->poll(false);
          platform::closeSocket(handle->socket);
        } else if (handle->started) {
          handle->closeListener();
        } else {
          platform::closeSocket(handle->socket);
        }
        uv_close(reinterpret_cast<uv_handle_t*>(&handle->timer),
                 [](uv_handle_t* timer) { delete static_cast<Handle*>(timer->data); });
      }) {
  Handle& h = *handle_;
  h.socket = socket;
  h.backlog = backlog;
  h.hooks = std::move(hooks);
  uv_timer_init(&loop().uv, &h.timer);
  h.timer.data = &h;
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
  h.started = true;  // the socket is libuv's to close
  const int status = h.listen();
  if (status != 0)
    return Error{status == UV_EADDRINUSE ? Errc::addressInUse : Errc::system,
                 std::string(uv_strerror(status)) + " (" + uv_err_name(status) + ")", status};
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
      h.hooks.accepted(Incoming{platform::noSocket, reinterpret_cast<uv_stream_t*>(&h.listener->handle), {}});
  });
}

void Acceptor::failed(const Error& error) { handle_->failed(error); }

bool Acceptor::paused() const noexcept { return handle_->userPaused; }

void Acceptor::descriptorsFreed() noexcept {
  Handle& h = *handle_;
  if (!h.exhausted || !h.waiting) return;
  uv_timer_stop(&h.timer);
  h.waited();
}

}  // namespace artel::net
