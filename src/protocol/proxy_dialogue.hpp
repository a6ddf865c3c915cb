// What a client says to a proxy so that a tunnel to somebody else comes to be: HTTP CONNECT (RFC 9110 section 9.3.6)
// and SOCKS5 (RFC 1928, RFC 1929). Pure: bytes in, bytes out. Every answer is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace artel::protocols {

/// Where the tunnel leads.
struct TunnelTo {
  std::string host;
  std::uint16_t port = 0;
  std::string number{};  ///< the host as 4 or 16 bytes, if it is a number
};

class ProxyDialogue {
 public:
  ProxyDialogue() = default;
  ProxyDialogue(const ProxyDialogue&) = delete;
  ProxyDialogue& operator=(const ProxyDialogue&) = delete;
  virtual ~ProxyDialogue() = default;

  struct Step {
    enum class Kind : std::uint8_t { needMore, goOn, tunnel, failed };
    Kind kind = Kind::needMore;
    std::size_t used = 0;  ///< bytes of the proxy's answer that are done with
    std::string say{};     ///< to the proxy; of failed: why, the middle of a sentence
  };
  /// The first words; failed when there are none that would say it.
  virtual Step hello() = 0;
  /// All that has come and was not used. How it is cut makes no difference.
  virtual Step heard(std::string_view bytes) = 0;
};

/// `authorization`: the value of Proxy-Authorization, "Basic dXNlcjpwYXNz"; empty: none.
std::unique_ptr<ProxyDialogue> httpConnect(TunnelTo to, std::string authorization);
/// Without a user name no password is offered.
std::unique_ptr<ProxyDialogue> socks5(TunnelTo to, std::string user, std::string password);

}  // namespace artel::protocols
