// Clients of tests: a worker that only dials, and one that has an echo beside it to dial to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artel/client.hpp"
#include "src/worker/core.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {

/// A worker without listener, and what its clients tell.
struct Dialling {
  Dialling() : world(worker) {}
  AsyncTcpConnectionPtr to(const std::string& address, ClientOptions options = {}) {
    auto made = AsyncTcpConnection::to(address, std::move(options));
    made->onConnect = [this](TcpConnection&) { events.push_back("connect"); };
    made->onMessage = [this](TcpConnection&, std::string_view text) {
      events.push_back("message " + std::string(text));
    };
    made->onError = [this](TcpConnection&, const Error& e) {
      events.push_back("error " + std::to_string(static_cast<int>(e.code)));
      error = e;
    };
    made->onClose = [this](TcpConnection&) { events.push_back("close"); };
    return made;
  }
  bool has(std::string_view event) const { return std::find(events.begin(), events.end(), event) != events.end(); }

  std::vector<std::string> events;  // before the world, whose end is told, too
  Error error;
  Worker worker;
  World world;
};

/// The same with an echoing listener in the same process.
struct WithEcho : Dialling {
  explicit WithEcho(const std::string& listen = "text://127.0.0.1:0") : server(listen) {
    server.onConnect = [this](TcpConnection& c) {
      ++accepted;
      peerPort = c.getRemotePort();
    };
    server.onMessage = [](TcpConnection& c, std::string_view text) { c.send(text); };
    server.listen();
  }
  std::string address(const std::string& scheme = "text") const {
    return scheme + "://127.0.0.1:" + std::to_string(server.core().address.port);
  }
  mutable Worker server;
  int accepted = 0;
  std::uint16_t peerPort = 0;
};

/// A port where nobody listens.
inline std::uint16_t closedPort() {
  Worker probe("tcp://127.0.0.1:0");
  probe.core().resolve();
  const auto socket = probe.core().bind();
  platform::closeSocket(socket);
  return probe.core().address.port;
}
inline std::string closedAddress() { return "tcp://127.0.0.1:" + std::to_string(closedPort()); }

}  // namespace artel::testing
