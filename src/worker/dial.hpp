// What only a dialled connection has: where to, how, and what waits for it. It outlives each of its attempts.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "artel/client.hpp"
#include "src/net/delay.hpp"
#include "src/net/dialer.hpp"
#include "src/protocol/proxy_dialogue.hpp"
#include "src/worker/listen_address.hpp"

namespace artel {

struct Dial {
  RemoteAddress address;
  ClientOptions options;
  std::shared_ptr<net::Dialer> dialer;              ///< while it connects
  net::Delay timer;                                 ///< connectTimeout, or the time until the next attempt
  std::string early;                                ///< what was sent before the connection stands
  std::unique_ptr<protocols::ProxyDialogue> proxy;  ///< while the tunnel is dug
  std::string proxySaid;                            ///< what the proxy said and nobody has used
  std::uint64_t bytesBefore = 0;                    ///< received when the TLS handshake was done
  std::uint64_t began = 0;                          ///< of this attempt, in nanoseconds
  std::chrono::milliseconds after{0};
  std::uint32_t openedAt = 0;               ///< of a WebSocket: when it was, of the loop's clock
  std::optional<std::uint32_t> pingedAt{};  ///< of a WebSocket: the last time
  bool again = false;                       ///< reconnect was called: after that time
  bool failing = false;                     ///< onError of a failed connect runs
  bool over = false;                        ///< onClose has returned
  bool handshaking = false;                 ///< from the first attempt until messages can be sent
  bool paused = false;                      ///< pauseRecv was called before messages can be sent: from then on
  bool codecUsed = false;                   ///< the protocol has seen a connection: the next one gets a new one
  /// The port that is connected to.
  std::uint16_t port() const noexcept { return address.portGiven ? address.port : std::uint16_t(secure() ? 443 : 80); }
  bool secure() const noexcept { return options.transport.empty() ? address.secure() : options.transport == "ssl"; }
  /// For errors: "127.0.0.1:80".
  std::string place() const {
    RemoteAddress to = address;
    to.port = port();
    return to.place();
  }
  /// The proxy's address, if one is asked for.
  const std::string& proxyAddress() const noexcept {
    return options.proxySocks5.empty() ? options.proxyHttp : options.proxySocks5;
  }
  /// For errors: "cannot connect to 127.0.0.1:80 through the proxy 127.0.0.1:1080".
  std::string failure() const {
    return "cannot connect to " + place() + (proxyAddress().empty() ? "" : " through the proxy " + proxyAddress());
  }
  /// "host:81"; without the port that everybody expects.
  std::string hostLine() const {
    if (port() != (secure() ? 443 : 80)) return place();
    return address.host.find(':') != std::string::npos ? "[" + address.host + "]" : address.host;
  }
};

}  // namespace artel
