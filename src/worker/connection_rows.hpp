// The rows of `connections`: what a worker says about its connections, page by page, and how that is written between
// processes. A page is made in one turn of the loop and is small, so that a worker with many connections goes on
// serving while it is listed. Everything but connectionPage() is pure.
//
//   command ──► master ── PageRequest ──► worker
//                 ▲────────── Page ──────────┘   as long as `last` is not set, with the page's cursor in the request
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace artel {

struct ConnectionRow {
  std::string worker;
  std::uint64_t id = 0;
  std::string transport, protocol, status;
  bool ipv4 = false, ipv6 = false, paused = false;
  std::uint64_t receiveQueue = 0, sendQueue = 0, bytesRead = 0, bytesWritten = 0;
  std::chrono::milliseconds idle{0};  ///< since something was received
  std::string local, remote;
  std::string tls{};            ///< "1.3"; "" without
  std::chrono::seconds age{0};  ///< since it began
};
/// One line without its end. Nothing in a field can break it.
std::string encodeRow(const ConnectionRow& row);
/// Nothing when it is not such a line. More fields than this build knows are left out.
std::optional<ConnectionRow> parseRow(std::string_view line);

/// Which peers: an address, a network ("203.0.113.0/24", "2001:db8::/32"), or the beginning of "address:port".
class PeerFilter {
 public:
  /// Empty: every peer. Nothing when the part behind a slash, or the network before it, is none.
  static std::optional<PeerFilter> parse(std::string_view text);
  /// `ip` without brackets, `address` with its port; both empty for a Unix socket.
  bool matches(std::string_view ip, std::string_view address) const;
  /// An address or a network, not the beginning of one.
  bool isNetwork() const noexcept { return family_ != 0; }

 private:
  std::string text_;
  std::array<unsigned char, 16> network_{};
  int family_ = 0;  ///< 4 or 6; 0: text_ is a beginning
  int bits_ = 0;
};

struct PageRequest {
  std::uint64_t query = 0;               ///< comes back with the page: a late answer belongs to nobody
  std::uint64_t worker = 0, after = 0;   ///< the cursor: Worker of that process, connection id
  std::uint64_t rows = mostRows;         ///< at most
  std::string status, peer, workerName;  ///< filters; empty: all
  static constexpr std::uint64_t mostRows = 256, mostScanned = 4096, mostBytes = 48 * 1024;
  std::string encode() const;
  static std::optional<PageRequest> parse(std::string_view text);
};

struct Page {
  std::uint64_t query = 0, worker = 0, after = 0;
  bool last = false;
  std::vector<std::string> rows;  ///< encoded
  std::string encode() const;
  static std::optional<Page> parse(std::string_view text);
};

/// Of this process, from the request's cursor on.
Page connectionPage(const PageRequest& request);

}  // namespace artel
