// The PROXY protocol, versions 1 and 2: what a proxy says before its client's first bytes about who that client is.
// Pure: the grammar of https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace artel::protocols {

struct ProxyHeader {
  /// Version 1 has at most 107 bytes. Version 2 could have 64 KiB; more than this nobody needs.
  static constexpr std::size_t largestText = 107, largest = 4096;
  enum class State : std::uint8_t { needMore, whole, invalid };
  State state = State::needMore;
  std::size_t size = 0;  ///< when whole: what comes behind is the client's
  /// The client, when whole: 4 or 16 bytes and a port; empty: the proxy speaks for itself or does not know.
  std::string address{};
  std::uint16_t port = 0;
  std::string_view why{};  ///< when invalid: static text
};
/// At the front of `bytes`. How they are cut makes no difference.
ProxyHeader readProxyHeader(std::string_view bytes);

}  // namespace artel::protocols
