// A listening socket at work: takes connections from it, politely and without starving anybody.
//
// Where the system lets us (directIo()), the inherited socket is polled and we accept ourselves, up to `perLook`
// connections a look, and a look comes after each 64 connections that are served: libuv's own accepting takes one per
// turn in newer versions, which starves new clients of a busy process. Elsewhere libuv listens and accepts, on a
// listener that is made anew when accepting has failed.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "artel/error.hpp"
#include "platform/platform.hpp"
#include "src/net/stream.hpp"

namespace artel::net {

class Acceptor {
 public:
  static constexpr int perLook = 64;

  struct Hooks {
    std::function<void(const Incoming&)> accepted;
    /// Somebody waits. False: siblings are to take him; asked again 1 ms later if he is still there. Null: always.
    std::function<bool()> mayAccept;
    /// Accepting failed and pauses (descriptors exhausted): called at most once per pause.
    std::function<void(const Error&)> failed;
    /// A socket like the first one, which is closed by now. Asked for where libuv accepts: its listener accepts no more
    /// after one failure. Null: accepting ends then.
    std::function<Result<platform::NativeSocket>()> again;
  };

  /// Does not own the socket's address; owns the socket (closed by close()).
  Acceptor(platform::NativeSocket socket, int backlog, Hooks hooks);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  Result<void> start();
  void pause() noexcept;
  void resume() noexcept;
  bool paused() const noexcept;
  /// What becomes of it when the system gives no connection; public for tests.
  void failed(const Error& error);
  /// Something was freed: a pause for lack of descriptors may end.
  void descriptorsFreed() noexcept;

 private:
  struct Handle;
  std::unique_ptr<Handle, void (*)(Handle*)> handle_;
};

}  // namespace artel::net
