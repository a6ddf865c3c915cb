// bench-floor PROTOCOL PORT: raw epoll, one receive and one send per event, one buffer for all. https: with
// certificate.pem and key.pem of the directory.
#include "bench/linux/floor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#include "bench/linux/floor_tls.hpp"

namespace {

using bench::FloorConnection;
using bench::FloorProtocol;

FloorProtocol protocol = FloorProtocol::http;
bool encrypted = false;
int loop = -1;
std::vector<char> received(256 * 1024);
std::string answers, forAll, plain, cipher;
std::vector<FloorConnection*> connections;

void watch(FloorConnection& connection, int change) {
  epoll_event event{};
  event.events = EPOLLIN | (connection.writing ? EPOLLOUT : 0u);
  event.data.ptr = &connection;
  epoll_ctl(loop, change, connection.fd, &event);
}

void drop(FloorConnection& connection) {
  connections[connection.place] = connections.back();
  connections[connection.place]->place = connection.place;
  connections.pop_back();
  if (connection.tls) bench::floorTlsEnd(connection.tls);
  close(connection.fd);
  delete &connection;
}

void sendTo(FloorConnection& connection, std::string_view bytes) {
  if (connection.unsent.empty()) {
    const auto sent = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) return;
    connection.writing = true;
    watch(connection, EPOLL_CTL_MOD);
  }
  connection.unsent += bytes;
}

void sendRest(FloorConnection& connection) {
  const auto sent = send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.unsent.erase(0, static_cast<std::size_t>(sent));
  if (!connection.unsent.empty()) return;
  connection.writing = false;
  connection.unsent.shrink_to_fit();
  watch(connection, EPOLL_CTL_MOD);
}

void receiveFrom(FloorConnection& connection) {
  const auto got = recv(connection.fd, received.data(), received.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(connection);
  char* bytes = received.data();
  auto size = static_cast<std::size_t>(got);
  if (connection.tls) {
    plain.clear();
    cipher.clear();
    if (!bench::floorDecrypt(connection.tls, {bytes, size}, plain, cipher)) return drop(connection);
    bytes = plain.data();
    size = plain.size();
  }
  auto& kept = connection.incomplete;
  const bool joined = !kept.empty();
  if (joined) {
    kept.append(bytes, size);
    bytes = kept.data();
    size = kept.size();
  }
  answers.clear();
  const auto used = floorAnswer(protocol, connection, bytes, size, answers, forAll);
  if (used < 0) return drop(connection);
  if (joined)
    kept.erase(0, static_cast<std::size_t>(used));
  else if (static_cast<std::size_t>(used) < size)
    kept.assign(bytes + used, size - static_cast<std::size_t>(used));
  if (joined && kept.empty()) kept.shrink_to_fit();
  if (connection.tls) {
    if (!answers.empty() && !bench::floorEncrypt(connection.tls, answers, cipher)) return drop(connection);
    answers.swap(cipher);
  }
  if (!answers.empty()) sendTo(connection, answers);
}

void acceptAll(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<FloorConnection>();
    connection->fd = fd;
    if (encrypted) connection->tls = bench::floorTlsAccept();
    connection->place = connections.size();
    watch(*connection, EPOLL_CTL_ADD);
    connections.push_back(connection.release());
  }
}

int listenOn(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    std::perror("bench-floor: listen");
    std::exit(1);
  }
  return fd;
}

[[noreturn]] void serve(int listener) {
  loop = epoll_create1(EPOLL_CLOEXEC);
  epoll_event wish{};
  wish.events = EPOLLIN;  // data.ptr stays null: the listener
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &wish);
  std::array<epoll_event, 1024> events;
  for (;;) {
    const int count = epoll_wait(loop, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      auto* connection = static_cast<FloorConnection*>(event.data.ptr);
      if (!connection) {
        acceptAll(listener);
        continue;
      }
      if (event.events & EPOLLOUT) sendRest(*connection);
      if (event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) receiveFrom(*connection);
    }
    if (forAll.empty()) continue;
    for (auto* connection : connections)
      if (connection->upgraded) sendTo(*connection, forAll);
    forAll.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, FloorProtocol> known = {
      {"http", FloorProtocol::http}, {"https", FloorProtocol::http},          {"text", FloorProtocol::text},
      {"tcp", FloorProtocol::tcp},   {"websocket", FloorProtocol::websocket}, {"broadcast", FloorProtocol::broadcast}};
  const auto found = argc == 3 ? known.find(argv[1]) : known.end();
  if (found == known.end()) {
    std::fputs("usage: bench-floor http|https|text|tcp|websocket|broadcast PORT\n", stderr);
    return 2;
  }
  protocol = found->second;
  encrypted = found->first == "https";
  if (encrypted) bench::floorTlsBegin();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  serve(listenOn(std::atoi(argv[2])));
}
