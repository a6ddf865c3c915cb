// The socket of a UDP worker: datagrams become messages, answers go back to their senders.
#pragma once

#include <memory>

#include "artel/udp.hpp"
#include "platform/compiler.hpp"
#include "src/net/udp_socket.hpp"
#include "src/worker/core.hpp"

namespace artel::detail {

class UdpListener final : public std::enable_shared_from_this<UdpListener> {
 public:
  UdpListener(Worker& worker, platform::NativeSocket socket);
  void start();
  void pause() noexcept { socket_.pause(); }
  SendStatus sendTo(const sockaddr* to, std::string_view datagram);
  SendStatus sendMessage(UdpConnection& to, TypeId type, const void* message);
  /// Null when the Worker has stopped listening or is gone.
  Worker* worker() noexcept { return worker_; }
  void detach() noexcept { worker_ = nullptr; }

 private:
  void received(std::span<char> datagram, const sockaddr* from);

  void failed() noexcept;
  ARTEL_COLD void logTraffic(const char* what, const sockaddr* peer, std::string_view datagram) const;

  Worker* worker_;
  MessageCallback checked_;  // the handler that was found to fit
  net::UdpSocket socket_;
  bool logged_;          ///< Worker::logTraffic
  std::string scratch_;  // encoded answers
};

}  // namespace artel::detail
