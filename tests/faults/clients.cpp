// fault-clients PORT SECONDS [SHORT KEPT WEBSOCKETS]: clients that notice everything a service does wrong to them while
// it is reloaded, and repeat nothing that was answered. Prints what they saw as JSON.
//
// Wrong is: a connect refused or reset; an answer cut, or other than 200 or 101; a kept HTTP connection that ends with
// a request unanswered although no answer before said "Connection: close"; a WebSocket that ends otherwise than by
// 1001; anything unanswered for four seconds (a busy machine takes one away from a process now and then).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest{4000}, betweenMessages{100};

enum class Kind { brief, kept, webSocket };
constexpr const char* nameOf[] = {"short", "kept", "websocket"};

struct Client {
  Kind kind;
  int fd = -1;
  bool connected = false, upgraded = false, announced = false, outstanding = false;
  Clock::time_point since{}, next{};
  std::string in = {}, out = {};
};

struct Count {
  std::uint64_t answered = 0, connections = 0, ends = 0;  ///< ends: closed as a server may
};
Count counts[3];
std::map<std::string, std::uint64_t> wrong;
std::uint16_t port = 0;
int poller = -1;

void watch(Client& client, int how, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &client;
  ::epoll_ctl(poller, how, client.fd, &event);
}

void failed(const Client& client, const std::string& why) {
  ++wrong[std::string(nameOf[int(client.kind)]) + ": " + why];
}

void open(Client& client) {
  if (client.fd >= 0) ::close(client.fd);
  client.connected = client.upgraded = client.announced = client.outstanding = false;
  client.in.clear();
  client.out.clear();
  client.since = Clock::now();
  client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    failed(client, "connect: errno " + std::to_string(errno));
  ++counts[int(client.kind)].connections;
  watch(client, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

void flush(Client& client) {
  const ssize_t sent = ::send(client.fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (sent > 0) client.out.erase(0, static_cast<std::size_t>(sent));
}

void ask(Client& client, std::string_view bytes) {
  client.out += bytes;
  client.outstanding = true;
  client.since = Clock::now();
  flush(client);
}

void begin(Client& client) {
  client.connected = true;
  watch(client, EPOLL_CTL_MOD, EPOLLIN);
  switch (client.kind) {
    case Kind::brief:
      return ask(client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    case Kind::kept:
      return ask(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    case Kind::webSocket:
      return ask(client,
                 "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  }
}

/// A masked text frame; the mask is zero, so the bytes are the text.
std::string frame(std::string_view text) {
  return std::string("\x81") + static_cast<char>(0x80 | text.size()) + std::string(4, '\0') + std::string(text);
}

void speak(Client& client) {
  client.next = Clock::now() + betweenMessages;
  ask(client, frame("hello"));
}

/// The size of a whole answer at the start of `in`; 0: not whole.
std::size_t answerIn(const std::string& in) {
  const auto end = in.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  const auto length = in.find("Content-Length: ");
  const std::size_t body = length < end ? std::strtoul(in.c_str() + length + 16, nullptr, 10) : 0;
  return in.size() >= end + 4 + body ? end + 4 + body : 0;
}

/// Looks at what has come; true when the connection is over.
bool answered(Client& client) {
  Count& count = counts[int(client.kind)];
  if (client.kind == Kind::webSocket && client.upgraded) {
    while (client.in.size() >= 2) {
      const auto size = static_cast<std::size_t>(client.in[1]);
      if (client.in.size() < 2 + size) return false;
      const std::string body = client.in.substr(2, size);
      const int opcode = client.in[0] & 15;
      client.in.erase(0, 2 + size);
      if (opcode == 8) {
        const int code =
            body.size() < 2 ? 0 : (static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
        if (code == 1001)
          ++count.ends;
        else
          failed(client, "closed with " + std::to_string(code));
        return true;
      }
      if (opcode != 1 || body != "hello") failed(client, "another message than was sent");
      client.outstanding = false;
      ++count.answered;
    }
    return false;
  }
  const std::size_t size = answerIn(client.in);
  if (size == 0) return false;
  const std::string head = client.in.substr(0, client.in.find("\r\n\r\n") + 2);
  client.in.erase(0, size);
  client.outstanding = false;
  const std::string status = head.substr(9, 3);
  if (client.kind == Kind::webSocket) {
    if (status != "101") {
      failed(client, "the upgrade was answered " + status);
      return true;
    }
    client.upgraded = true;
    // Not all at once.
    client.next = Clock::now() + std::chrono::milliseconds(std::rand() % 100);
    return answered(client);  // a Close may follow at once
  }
  if (status != "200") failed(client, "answered " + status);
  ++count.answered;
  if (client.kind == Kind::brief) return true;
  client.announced = head.find("\r\nConnection: close\r\n") != std::string::npos;
  if (client.announced) {
    ++count.ends;
    return true;
  }
  ask(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return false;
}

void receive(Client& client) {
  char bytes[16384];
  for (;;) {
    const ssize_t got = ::recv(client.fd, bytes, sizeof bytes, 0);
    if (got > 0) {
      client.in.append(bytes, static_cast<std::size_t>(got));
      if (answered(client)) return open(client);
      if (got < static_cast<ssize_t>(sizeof bytes)) return;
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const std::string how = got == 0 ? "ended" : "reset (errno " + std::to_string(errno) + ")";
    failed(client, how + (client.outstanding ? client.in.empty() ? " with a request unanswered" : " in an answer"
                          : client.upgraded  ? " without a Close"
                                             : " before it was of use"));
    return open(client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 6) {
    std::fprintf(stderr, "usage: %s PORT SECONDS [SHORT KEPT WEBSOCKETS]\n", argv[0]);
    return 2;
  }
  port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  const int number[3] = {argc > 3 ? std::atoi(argv[3]) : 8, argc > 4 ? std::atoi(argv[4]) : 64,
                         argc > 5 ? std::atoi(argv[5]) : 500};
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  poller = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Client> clients;
  for (int kind = 0; kind < 3; ++kind) {
    for (int i = 0; i < number[kind]; ++i) clients.push_back(Client{static_cast<Kind>(kind)});
  }
  for (Client& client : clients) open(client);
  auto lookAgain = Clock::now();
  auto slowest = Clock::duration::zero();
  while (Clock::now() < end) {
    epoll_event events[256];
    const int ready = ::epoll_wait(poller, events, 256, 10);
    for (int i = 0; i < ready; ++i) {
      Client& client = *static_cast<Client*>(events[i].data.ptr);
      if (!client.connected) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
          failed(client, "connect: errno " + std::to_string(error));
          open(client);
          continue;
        }
        if ((events[i].events & EPOLLOUT) != 0) begin(client);
        continue;
      }
      const auto since = client.since;
      const bool waited = client.outstanding;
      receive(client);
      if (waited && client.since != since) slowest = std::max(slowest, Clock::now() - since);
    }
    const auto now = Clock::now();
    if (now < lookAgain) continue;
    lookAgain = now + 5ms;
    for (Client& client : clients) {
      if ((client.outstanding || !client.connected) && now - client.since > longest) {
        failed(client, client.connected ? "unanswered for a second" : "not connected for a second");
        open(client);
      } else if (client.upgraded && !client.outstanding && now >= client.next) {
        speak(client);
      }
    }
  }
  std::printf("{");
  for (int kind = 0; kind < 3; ++kind)
    std::printf("\"%s\": {\"clients\": %d, \"answered\": %llu, \"connections\": %llu, \"ends\": %llu}, ", nameOf[kind],
                number[kind], static_cast<unsigned long long>(counts[kind].answered),
                static_cast<unsigned long long>(counts[kind].connections),
                static_cast<unsigned long long>(counts[kind].ends));
  std::printf("\"slowest_ms\": %lld, \"wrong\": {", static_cast<long long>(slowest / 1ms));
  bool first = true;
  for (const auto& [why, count] : wrong) {
    std::printf("%s\"%s\": %llu", first ? "" : ", ", why.c_str(), static_cast<unsigned long long>(count));
    first = false;
  }
  std::printf("}}\n");
  return wrong.empty() ? 0 : 1;
}
