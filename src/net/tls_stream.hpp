// What a Stream has beside itself while it is encrypted, and whose turn it is to shake hands.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "src/net/tls.hpp"

namespace artel::net {

class Stream;

struct TlsStream {
  explicit TlsStream(std::unique_ptr<TlsSession> made) noexcept : session(std::move(made)) {}
  std::unique_ptr<TlsSession> session;
  /// Cipher bytes that go before anything that is encrypted later: the kernel is behind, or, while received() runs, the
  /// first answer may go with them.
  std::string waiting;
  std::string held;  ///< a hello that waits for its turn and has been read already
  bool queued = false;
  bool endsLater = false;  ///< our side ends when all is in the kernel
  struct Unfinished {      ///< a record is, since when, and when data had come last
    std::uint32_t since, lastData;
  };
  std::optional<Unfinished> unfinished;
};

/// Hellos are answered first come, first served, and only so many a turn of the loop: each costs a signature, and a
/// storm of them must not keep those who are connected from being served.
class HandshakeQueue {
 public:
  /// Nanoseconds of a turn; at least one is answered.
  static constexpr std::uint64_t budget = 1'000'000;

  bool waiting() const noexcept { return !queue_.empty(); }
  /// May one be answered at once, without a place in the queue?
  bool free() const noexcept { return queue_.empty() && spent_ < budget; }
  void spend(std::uint64_t nanoseconds) noexcept { spent_ += nanoseconds; }
  void add(Stream& stream) { queue_.push_back(&stream); }
  void remove(Stream& stream) noexcept;
  /// Once a turn, after what was ready has been served.
  void serve();

 private:
  std::deque<Stream*> queue_;
  std::uint64_t spent_ = 0;
};

}  // namespace artel::net
