#include "src/net/dialer.hpp"

#include <uv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

/// One socket that connects, watched by libuv on every system: this is rare, and libuv's own way to connect would tie
/// the socket to a handle for good.
struct Dialer::Attempt {
  uv_poll_t handle{};
  platform::NativeSocket socket = platform::noSocket;
  Dialer* dialer = nullptr;
  std::size_t candidate = 0;

  /// Its socket is closed, unless it was taken.
  static void drop(Attempt* attempt) {
    uv_poll_stop(&attempt->handle);
    platform::closeSocket(std::exchange(attempt->socket, platform::noSocket));
    attempt->dialer = nullptr;
    closeAndDelete(attempt);
  }
};

namespace {

std::string textOf(const platform::SocketAddress& address) {
  char text[64] = "";
  const void* bytes = address.bytes.data();
  address.ipv6 ? uv_ip6_name(static_cast<const sockaddr_in6*>(bytes), text, sizeof text)
               : uv_ip4_name(static_cast<const sockaddr_in*>(bytes), text, sizeof text);
  return text;
}

/// Where nobody listens on a port that the system gives to clients it may give us this very port: TCP then connects the
/// socket with itself, and no server can listen there as long as that lasts.
bool metItself(platform::NativeSocket socket) {
  sockaddr_storage here{}, there{};
  platform::localAddress(socket, {reinterpret_cast<std::byte*>(&here), sizeof here});
  platform::peerAddress(socket, {reinterpret_cast<std::byte*>(&there), sizeof there});
  return here.ss_family != 0 && std::memcmp(&here, &there, sizeof here) == 0;
}

}  // namespace

Dialer::Dialer(To to, Done done) : to_(std::move(to)), done_(std::move(done)) {}

Dialer::~Dialer() {
  if (ticket_ != 0) loop().resolver().cancel(ticket_);
}

void Dialer::start() {
  if (to_.options.kind == platform::SocketKind::unixStream) {
    const auto address = platform::unixAddress(to_.host);
    if (address)
      candidates_.push_back(*address);
    else
      lastError_ = address.error();
    return next();
  }
  if (const auto number = platform::resolve(to_.host, to_.port, true)) return tryAll(number);
  ticket_ = loop().resolver().lookUp(to_.host, to_.port, [this](const Resolver::Answer& answer) {
    const auto keep = shared_from_this();
    ticket_ = 0;
    tryAll(answer);
  });
}

void Dialer::tryAll(const Resolver::Answer& answer) {
  if (!answer) {
    lastError_ = answer.error();
    return failLater();
  }
  // The families take turns, the one that the system put first begins; each keeps its order.
  std::vector<platform::SocketAddress> mine, other;
  for (const auto& address : *answer) {
    if (to_.options.from && address.ipv6 != to_.options.from->ipv6) continue;
    (address.ipv6 == answer->front().ipv6 ? mine : other).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(mine.size(), other.size()); ++i) {
    if (i < mine.size()) candidates_.push_back(mine[i]);
    if (i < other.size()) candidates_.push_back(other[i]);
  }
  if (candidates_.empty() && !answer->empty())
    lastError_ = Error{Errc::badAddress, "it has no address of bindTo's kind (IPv4 or IPv6)", 0};
  next();
}

std::string Dialer::doing() const {
  if (ticket_ != 0) return "looking up " + to_.host;
  return failures_.empty() ? "connecting" : "connecting (" + failures() + ")";
}

void Dialer::failed(std::size_t candidate, Error error) {
  lastError_ = std::move(error);
  if (to_.options.kind == platform::SocketKind::unixStream) return;
  const std::string address = textOf(candidates_[candidate]);
  const auto same = std::find_if(failures_.begin(), failures_.end(),
                                 [&](const Failure& one) { return one.reason == lastError_.message; });
  if (same != failures_.end())
    same->addresses += ", " + address;
  else
    failures_.push_back({address, lastError_.message});
}

/// "192.0.2.1, 2001:db8::1: connection refused (111 ECONNREFUSED); 192.0.2.2: ..."
std::string Dialer::failures() const {
  std::string text;
  for (const auto& [addresses, reason] : failures_) text += (text.empty() ? "" : "; ") + addresses + ": " + reason;
  return text;
}

/// Begins with the next address that can be begun with. When there is none, and nothing runs, all have failed.
void Dialer::next() {
  stagger_.stop();
  while (tried_ < candidates_.size()) {
    if (!begin(tried_++)) continue;
    if (tried_ < candidates_.size() && !stagger_.running()) stagger_.start(nextAfter, [this] { next(); });
    return;
  }
  if (attempts_.empty() && !stagger_.running()) failLater();
}

bool Dialer::begin(std::size_t candidate) {
  const auto socket = platform::beginConnect(candidates_[candidate], to_.options);
  if (!socket && socket.error().code == Errc::wouldBlock) {
    // The listener's queue is full; there is no telling when it has room again.
    lastError_ = Error{Errc::wouldBlock, "the listener's queue is full", 0};
    tried_ = candidate;
    stagger_.start(fullQueueWait, [this] { next(); });
    return true;
  }
  if (!socket) {
    failed(candidate, socket.error());
    return false;
  }
  std::unique_ptr<Attempt, void (*)(Attempt*)> attempt(new Attempt, Attempt::drop);
  attempt->socket = *socket;
  attempt->dialer = this;
  attempt->candidate = candidate;
  const int status = uv_poll_init_socket(&loop().uv, &attempt->handle, static_cast<uv_os_sock_t>(*socket));
  if (status != 0) {
    platform::closeSocket(*socket);
    delete attempt.release();
    failed(candidate, Error{Errc::system, uv_strerror(status), status});
    return false;
  }
  attempt->handle.data = attempt.get();
  uv_poll_start(&attempt->handle, UV_WRITABLE, [](uv_poll_t* handle, int, int) {
    auto* self = static_cast<Attempt*>(handle->data);
    if (self->dialer != nullptr) self->dialer->finished(*self);
  });
  attempts_.push_back(std::move(attempt));
  return true;
}

void Dialer::finished(Attempt& attempt) {
  const auto keep = shared_from_this();
  const auto at =
      std::find_if(attempts_.begin(), attempts_.end(), [&](const auto& one) { return one.get() == &attempt; });
  Result<void> result = platform::connectResult(attempt.socket);
  if (result && to_.options.kind == platform::SocketKind::tcp && metItself(attempt.socket))
    result = Error{Errc::connectFail, "nobody listens there: the connection had reached itself", 0};
  if (!result) {
    failed(attempt.candidate, result.error());
    attempts_.erase(at);
    return next();
  }
  const platform::NativeSocket socket = std::exchange(attempt.socket, platform::noSocket);
  end(socket);
}

/// Not from within start().
void Dialer::failLater() {
  loop().post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    if (self->candidates_.size() > 1) self->lastError_.message = self->failures();
    self->end(self->lastError_);
  });
}

void Dialer::end(Result<platform::NativeSocket> result) {
  stagger_.stop();
  attempts_.clear();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(result));
}

}  // namespace artel::net
