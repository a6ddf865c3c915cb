// Makes a connected socket: looks a name up, and tries all its addresses, the next one when one fails or takes longer
// than a quarter of a second (RFC 8305, "happy eyeballs"). IPv6 and IPv4 take turns. The first that answers wins, the
// others are closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "src/net/delay.hpp"
#include "src/net/resolver.hpp"

namespace artel::net {

class Dialer final : public std::enable_shared_from_this<Dialer> {
 public:
  static constexpr std::chrono::milliseconds nextAfter{250}, fullQueueWait{10};

  struct To {
    std::string host;  ///< a name, a number, or the path of a Unix socket
    std::uint16_t port = 0;
    platform::ConnectOptions options{};
  };
  using Done = std::function<void(Result<platform::NativeSocket>)>;

  Dialer(To to, Done done);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// `done` once, in a later turn; not when this object goes before.
  void start();
  /// The same with addresses that are known.
  void tryAll(const Resolver::Answer& answer);
  /// For the words of a timeout: "looking up NAME", then "connecting", with those addresses that have failed already.
  std::string doing() const;

 private:
  struct Attempt;
  /// Addresses that have failed for the same reason.
  struct Failure {
    std::string addresses, reason;
  };
  void next();
  bool begin(std::size_t candidate);
  void finished(Attempt& attempt);
  void failed(std::size_t candidate, Error error);
  std::string failures() const;
  void failLater();
  void end(Result<platform::NativeSocket> result);

  To to_;
  Done done_;
  Resolver::Ticket ticket_ = 0;
  std::vector<platform::SocketAddress> candidates_;
  std::size_t tried_ = 0;
  std::vector<std::unique_ptr<Attempt, void (*)(Attempt*)>> attempts_;
  std::vector<Failure> failures_;
  Error lastError_{Errc::badAddress, "there is no address to connect to", 0};
  Delay stagger_;
};

}  // namespace artel::net
