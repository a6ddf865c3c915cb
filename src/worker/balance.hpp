// How the processes of one Worker share a listener: who holds more connections than its share leaves the queue to the
// others. They see each other's numbers in memory that they share.
//
// Everybody whose loop sleeps or turns is woken by a connection in the queue. Who has not looked at the queue while
// this process stood back time after time is stuck in a callback, stopped, or has paused accepting: it is not waited
// for until it looks again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace artel {

class Balance {
 public:
  static constexpr std::uint32_t notServing = UINT32_MAX;
  /// One process has one; what is in it is written by that process, and by the master when it has ended.
  struct Record {
    std::atomic<std::uint32_t> connections{notServing};
    std::atomic<std::uint32_t> looks{0};  ///< how often it has found the queue not empty
  };
  /// So often in a row a sibling is waited for that does not look.
  static constexpr std::uint8_t patience = 5;

  Balance() = default;
  Balance(std::span<Record> records, std::size_t mine) : records_(records), mine_(mine), seen_(records.size()) {}

  void holds(std::size_t connections) noexcept;
  void stops() noexcept;
  /// Somebody waits in the queue: may this process take him? False: siblings are to have him, ask again 1 ms later.
  bool mayAccept() noexcept;

 private:
  struct Seen {
    std::uint32_t looks = 0;
    std::uint8_t missed = 0;
  };
  bool absent(std::size_t sibling) const noexcept;

  std::span<Record> records_;
  std::size_t mine_ = 0;
  std::vector<Seen> seen_;
};

}  // namespace artel
