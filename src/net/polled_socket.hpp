// The socket of a Stream where the system tells when it is ready and we move the bytes ourselves (directIo()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/platform.hpp"
#include "src/net/loop.hpp"

namespace artel::net {

class PolledSocket {
 public:
  /// What the kernel did not take at once.
  struct Rest {
    std::string* data;
    std::size_t offset;
    std::size_t place = 0;  ///< of its stream in Loop::Impl::behind
    std::size_t size() const noexcept { return data->size() - offset; }
  };

  int open(Pollable&, const Incoming& incoming) noexcept {
    socket_ = static_cast<std::int32_t>(incoming.socket);
    return 0;
  }
  platform::NativeSocket native() const noexcept { return socket_; }
  int startReading(Pollable& owner) noexcept { return watch(owner, watched_ | platform::Poller::readable); }
  void stopReading(Pollable& owner) noexcept { watch(owner, watched_ & ~platform::Poller::readable); }
  std::ptrdiff_t send(const char* data, std::size_t size) noexcept { return platform::sendNow(socket_, data, size); }
  /// Asks to be told when the kernel takes more.
  int sendRest(Pollable& owner, Rest&) noexcept { return watch(owner, watched_ | platform::Poller::writable); }
  /// There is nothing more to send.
  void restSent(Pollable& owner) noexcept { watch(owner, watched_ & ~platform::Poller::writable); }
  std::size_t waiting(const Rest& rest) const noexcept { return rest.size(); }
  void shutdownSend() noexcept { platform::shutdownSend(socket_); }
  void close(Pollable& owner) noexcept {
    watch(owner, 0);
    platform::closeSocket(socket_);
  }

 private:
  int watch(Pollable& owner, int wanted) noexcept {
    const auto before = watched_;
    watched_ = static_cast<std::uint8_t>(wanted);
    return loop().poller.watch(socket_, &owner, before, watched_);
  }
  std::int32_t socket_ = -1;
  std::uint8_t watched_ = 0;
};

}  // namespace artel::net
