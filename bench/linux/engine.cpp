#include "bench/linux/engine.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "bench/linux/sockets.hpp"

namespace bench {
namespace {

// So many connections may be on their way while the first ones are made: the server's queue is not the thing measured.
constexpr std::size_t connectingAtOnce = 128;

// epoll counts in milliseconds. What is due sooner is waited for by looking again and again: the core is ours.
int waitTime(std::uint64_t until) {
  const auto time = now();
  if (until <= time) return 0;
  return static_cast<int>(std::min<std::uint64_t>((until - time) / 1'000'000, 100));
}

}  // namespace

Engine::Engine(const Options& options, Protocol& protocol, Pattern& pattern)
    : options_(options), protocol_(protocol), pattern_(pattern), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!options.tls.empty()) tls_ = std::make_unique<Tls>(options.tls == "resumed");
  clients_.resize(options.connections);
  for (std::size_t i = 0; i < clients_.size(); ++i) clients_[i].number = static_cast<std::uint32_t>(i);
}

Engine::~Engine() {
  for (auto& client : clients_)
    if (client.fd >= 0) close(client, true);
  ::close(epoll_);
}

bool Engine::connectAll() {
  const auto deadline = now() + 60'000'000'000;
  while (live_ < clients_.size() || opened_ < clients_.size()) {
    if (pattern_.reconnects() && opened_ == clients_.size()) return true;  // they come and go
    if (now() > deadline || tally.wrong || tally.lost || tally.refused > 1000) return false;
    openMore();
    turn(now() + 50'000'000);
  }
  return true;
}

void Engine::runUntil(std::uint64_t time, std::uint64_t answers) {
  const auto usable = [&] { return tally.wrong == 0 && (live_ > 0 || pattern_.reconnects()); };
  while (now() < time && tally.answers < answers && usable()) turn(time);
}

void Engine::openMore() {
  while (opened_ < clients_.size() && opened_ - live_ < connectingAtOnce) open(clients_[opened_++]);
}

void Engine::turn(std::uint64_t until) {
  const auto wish = pattern_.turn(*this);
  if (wish) until = std::min(until, wish);
  std::array<epoll_event, 1024> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), waitTime(until));
  for (int i = 0; i < count; ++i) {
    auto& client = clients_[events[static_cast<std::size_t>(i)].data.u32];
    const auto what = events[static_cast<std::size_t>(i)].events;
    if (client.phase == Client::Phase::connecting) {
      connected(client);
      continue;
    }
    if (client.phase == Client::Phase::securing) {
      secure(client);
      continue;
    }
    if ((what & EPOLLOUT) && client.fd >= 0) flush(client);
    if ((what & (EPOLLIN | EPOLLERR | EPOLLHUP)) && client.fd >= 0) receiveAll(client);
  }
}

void Engine::open(Client& client) {
  client.fd = startConnecting(options_, client.number);
  client.since = now();
  if (client.fd < 0) {
    std::perror("artel-load: connect");
    std::exit(3);
  }
  client.phase = Client::Phase::connecting;
  client.owed = 0;
  client.reading = {};
  client.unsent = {};
  client.expected = &protocol_.exchange();
  client.watchesWriting = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u32 = client.number;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
}

void Engine::connected(Client& client) {
  if (const int error = connectError(client.fd); error != 0) {
    ++tally.refused;
    close(client, false);
    open(client);
    return;
  }
  if (!tls_) return ready(client);
  client.tls = tls_->begin(client.fd);
  client.phase = Client::Phase::securing;
  secure(client);
}

void Engine::secure(Client& client) {
  switch (Tls::shakeHands(client.tls)) {
    case Tls::Step::reads:
      return watchWriting(client, false);
    case Tls::Step::writes:
      return watchWriting(client, true);
    case Tls::Step::failed:
      return lost(client);
    case Tls::Step::notResumed:
      ++tally.wrong;
      std::fputs("artel-load: the server did not resume its session\n", stderr);
      return close(client, true);
    case Tls::Step::done:
      break;
  }
  ready(client);
  if (client.fd >= 0 && client.tls && Tls::holdsMore(client.tls)) receiveAll(client);
}

void Engine::ready(Client& client) {
  if (protocol_.handshake().empty()) return becomeLive(client);
  client.phase = Client::Phase::upgrading;
  send(client, protocol_.handshake(), 0);
}

void Engine::becomeLive(Client& client) {
  client.phase = Client::Phase::live;
  ++live_;
  pattern_.live(*this, client);
  if (client.fd >= 0 && client.unsent.empty()) watchWriting(client, false);
}

void Engine::send(Client& client, std::string_view bytes, std::size_t answers) {
  client.unsent = bytes;
  client.owed += static_cast<std::uint32_t>(answers);
  flush(client);
}

void Engine::flush(Client& client) {
  if (!client.unsent.empty()) {
    const auto sent = client.tls ? Tls::send(client.tls, client.unsent)
                                 : ::send(client.fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) client.unsent.remove_prefix(static_cast<std::size_t>(sent));
    // Any other error also makes the socket readable: receive() finds it there.
  }
  watchWriting(client, !client.unsent.empty());
}

void Engine::watchWriting(Client& client, bool wanted) {
  if (client.watchesWriting == wanted) return;
  client.watchesWriting = wanted;
  epoll_event event{};
  event.events = EPOLLIN | (wanted ? EPOLLOUT : 0u);
  event.data.u32 = client.number;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
}

// What TLS has read ahead has no event of its own.
void Engine::receiveAll(Client& client) {
  while (receive(client) && client.tls && Tls::holdsMore(client.tls)) {
  }
}

// One read per event: who has more to say is asked again after the others.
bool Engine::receive(Client& client) {
  const auto size = client.tls ? Tls::receive(client.tls, buffer_.data(), buffer_.size())
                               : ::recv(client.fd, buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) return lost(client), false;
  tally.bytes += static_cast<std::uint64_t>(size);
  const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
  if (client.phase == Client::Phase::upgrading)
    upgraded(client, bytes);
  else
    take(client, bytes);
  return true;
}

void Engine::upgraded(Client& client, std::string_view bytes) {
  client.reading.rest += bytes;
  const auto size = Protocol::handshakeAnswer(client.reading.rest);
  if (size == 0) return;
  if (size < 0) {
    ++tally.wrong;
    std::fprintf(stderr, "artel-load: no WebSocket: %.*s\n", static_cast<int>(client.reading.rest.find("\r\n")),
                 client.reading.rest.c_str());
    return close(client, true);
  }
  const std::string after = client.reading.rest.substr(static_cast<std::size_t>(size));
  client.reading.rest.clear();
  becomeLive(client);
  if (!after.empty() && client.fd >= 0) take(client, after);
}

void Engine::take(Client& client, std::string_view bytes) {
  const int answers = protocol_.read(client.reading, *client.expected, bytes);
  if (answers < 0) {
    ++tally.wrong;
    std::fprintf(stderr, "artel-load: a wrong answer: %.*s\n",
                 static_cast<int>(std::min<std::size_t>(bytes.size(), 200)), bytes.data());
    return close(client, true);
  }
  if (answers == 0) return;
  client.owed -= std::min(client.owed, static_cast<std::uint32_t>(answers));
  tally.answers += static_cast<std::uint64_t>(answers);
  pattern_.answered(*this, client, answers, now());
}

void Engine::lost(Client& client) {
  ++tally.lost;
  close(client, false);
  if (pattern_.reconnects()) open(client);
}

void Engine::close(Client& client, bool reset) {
  if (client.tls) Tls::end(std::exchange(client.tls, nullptr));
  if (reset) resetOnClose(client.fd);
  ::close(client.fd);
  client.fd = -1;
  if (client.phase == Client::Phase::live) --live_;
  client.phase = Client::Phase::closed;
}

}  // namespace bench
