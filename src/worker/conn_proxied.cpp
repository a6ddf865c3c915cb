// What comes before the first message: the answers of a proxy on our way out, the PROXY header of one in front of us
// (Worker::proxyProtocol).
#include <cstring>
#include <string>

#include "src/net/loop.hpp"
#include "src/protocol/proxy_header.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"

namespace artel {

void Conn::heardBefore(std::span<char> bytes) {
  if (unbegun_) return heardHeader(bytes);
  if (dialled_) heardProxy(bytes);
}

void Conn::beginBehindProxy() {
  unbegun_ = true;
  setStatus(Status::connecting);
  if (worker_->core().trusts(*this)) return startReading();
  worker_->core().hint("proxyProtocol", std::string(logName()) +
                                            " is none of trustedProxies: its connection is closed; with proxyProtocol "
                                            "only they may connect");
  finish();
}

void Conn::heardHeader(std::span<char> bytes) {
  if (in_ == nullptr) in_ = net::loop().buffers.take();
  in_->append(bytes.data(), bytes.size());
  const auto header = protocols::readProxyHeader(*in_);
  if (header.state == protocols::ProxyHeader::State::needMore) return;
  if (header.state == protocols::ProxyHeader::State::invalid) {
    countProtocolError();
    worker_->core().hint("proxyProtocol", std::string(logName()) + " sent no PROXY header: " + std::string(header.why));
    return finish();
  }
  if (!header.address.empty()) {
    const bool six = header.address.size() == 16;
    char text[64] = "";
    uv_inet_ntop(six ? AF_INET6 : AF_INET, header.address.data(), text, sizeof text);
    sockaddr_storage address{};
    if (six)
      uv_ip6_addr(text, header.port, reinterpret_cast<sockaddr_in6*>(&address));
    else
      uv_ip4_addr(text, header.port, reinterpret_cast<sockaddr_in*>(&address));
    setRemote(address);
  }
  const auto keep = shared_from_this();
  const std::string rest = in_->substr(header.size);
  dropIn();
  setStatus(Status::established);
  messageSince_ = clock();  // handshakeTimeout counts from here
  if (!worker_->core().startTls(*this)) return finish();
  unbegun_ = false;
  begin();
  if (!encrypted()) return beginWith(rest);
  if (!rest.empty() && isOpen()) receivedCipher(rest);
}

/// Bytes that came with what was before them.
void Conn::beginWith(std::string_view first) {
  if (first.empty() || has(barEnd)) return;
  keepRest({const_cast<char*>(first.data()), first.size()});
  raise(eventParse);
}

}  // namespace artel
