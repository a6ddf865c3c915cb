#include "tests/support/world.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <vector>

#include "src/net/loop.hpp"
#include "src/worker/core.hpp"

namespace artel::testing {

World::World(Worker& worker) : worker_(worker) {
#ifdef SIGPIPE
  std::signal(SIGPIPE, SIG_IGN);  // as in every process that the framework runs
#endif
  worker.core().resolve();
  WorkerProcess::Setup setup;
  setup.worker = &worker;
  if (!worker.core().address.none()) setup.listener = worker.core().bind();
  process_ = std::make_unique<WorkerProcess>(std::move(setup));
  process_->start();
}

World::~World() = default;

bool World::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  uv_timer_t* pulse = new uv_timer_t;  // wakes the loop, so that the limit is noticed
  uv_timer_init(&net::loop().uv, pulse);
  uv_timer_start(
      pulse, [](uv_timer_t*) {}, 1, 5);
  bool held = condition();
  while (!held && std::chrono::steady_clock::now() < end) {
    net::loop().turn(true);
    held = condition();
  }
  uv_close(reinterpret_cast<uv_handle_t*>(pulse),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
  EXPECT_TRUE(held) << "the condition did not come true within " << limit.count() << " ms";
  return held;
}

void World::forTime(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  until([&] { return std::chrono::steady_clock::now() >= end; }, time + 5s);
}

void World::tickAfter(std::chrono::milliseconds later) {
  WorkerProcess::eachHolder([&](Worker& worker) {
    for (auto& [id, connection] : worker.connections())
      Conn::of(*connection)
          .tick(Conn::clock() + static_cast<Conn::Clock>(later.count()),
                static_cast<std::uint32_t>(worker.lingerTimeout.count()));
  });
}

void World::settle() {
  for (int i = 0; i < 20; ++i) settleOnce();
}

void World::settleOnce() { net::loop().turn(false); }

std::uint16_t World::port() const { return worker_.core().address.port; }

// ---- Client ---------------------------------------------------------------------------------------------------------

namespace {

void startReading(Client::State* state) {
  uv_read_start(
      &state->handle.stream,
      [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
        static char space[64 * 1024];
        *buffer = uv_buf_init(space, sizeof space);
      },
      [](uv_stream_t* stream, std::ptrdiff_t size, const uv_buf_t* buffer) {
        auto* self = static_cast<Client::State*>(stream->data);
        if (size > 0) {
          self->total += static_cast<std::size_t>(size);
          if (self->keep) self->received.append(buffer->base, static_cast<std::size_t>(size));
          if (self->total >= self->pauseAt) uv_read_stop(stream);
        } else if (size < 0) {
          self->ended = true;
          uv_read_stop(stream);
        }
      });
}

void shutdownNow(Client::State* state) {
  auto* request = new uv_shutdown_t;
  if (uv_shutdown(request, &state->handle.stream, [](uv_shutdown_t* done, int) { delete done; }) != 0) delete request;
}

void write(Client::State* state, std::string bytes) {
  struct Write {
    uv_write_t request;
    std::string bytes;
  };
  auto* one = new Write{{}, std::move(bytes)};
  one->request.data = one;
  uv_buf_t buffer = uv_buf_init(one->bytes.data(), static_cast<unsigned>(one->bytes.size()));
  if (uv_write(&one->request, &state->handle.stream, &buffer, 1,
               [](uv_write_t* request, int) { delete static_cast<Write*>(request->data); }) != 0)
    delete one;
}

void whenConnected(uv_connect_t* request, int status) {
  auto* self = static_cast<Client::State*>(request->data);
  if (self->closed) return;
  if (status != 0) {
    self->ended = true;
    return;
  }
  self->connected = true;
  startReading(self);
  if (!self->waiting.empty()) write(self, std::exchange(self->waiting, {}));
  if (self->wantShutdown) shutdownNow(self);
}

}  // namespace

Client::Client(World& world, std::uint16_t port, const std::string& host)
    : state_(new State), received(state_->received) {
  std::memset(&state_->handle, 0, sizeof state_->handle);
  state_->connecting.data = state_;
  const ListenAddress& address = world.worker().core().address;
  if (port == 0 && address.kind == platform::SocketKind::unixStream) {
    uv_pipe_init(&net::loop().uv, &state_->handle.pipe, 0);
    uv_pipe_connect(&state_->connecting, &state_->handle.pipe, address.host.c_str(), whenConnected);
  } else {
    uv_tcp_init(&net::loop().uv, &state_->handle.tcp);
    const int number = port != 0 ? port : world.port();
    sockaddr_storage to{};
    if (host.find(':') != std::string::npos)
      uv_ip6_addr(host.c_str(), number, reinterpret_cast<sockaddr_in6*>(&to));
    else
      uv_ip4_addr(host.c_str(), number, reinterpret_cast<sockaddr_in*>(&to));
    if (uv_tcp_connect(&state_->connecting, &state_->handle.tcp, reinterpret_cast<sockaddr*>(&to), whenConnected) != 0)
      state_->ended = true;
  }
  state_->handle.stream.data = state_;
}

// The state goes when both the test and libuv have let go of it.
Client::~Client() {
  close();
  state_->ownerGone = true;
  if (state_->handleGone) delete state_;
}

void Client::send(std::string_view bytes) {
  if (state_->connected)
    write(state_, std::string(bytes));
  else
    state_->waiting += bytes;
}

void Client::tryWrite(std::string_view bytes) {
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  EXPECT_EQ(uv_try_write(&state_->handle.stream, &buffer, 1), static_cast<int>(bytes.size()));
}

void Client::shutdown() {
  if (state_->connected)
    shutdownNow(state_);
  else
    state_->wantShutdown = true;
}

void Client::close(bool reset) {
  if (state_->closed) return;
  state_->closed = true;
  auto* handle = reinterpret_cast<uv_handle_t*>(&state_->handle.stream);
  const auto gone = [](uv_handle_t* closed) {
    auto* self = static_cast<State*>(closed->data);
    self->handleGone = true;
    if (self->ownerGone) delete self;
  };
  if (reset && uv_tcp_close_reset(&state_->handle.tcp, gone) == 0) return;
  uv_close(handle, gone);
}

void Client::pauseReading() { uv_read_stop(&state_->handle.stream); }
void Client::resumeReading() { startReading(state_); }

std::uint16_t Client::localPort() const {
  sockaddr_storage address{};
  int size = sizeof address;
  uv_tcp_getsockname(&state_->handle.tcp, reinterpret_cast<sockaddr*>(&address), &size);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&address);
  return static_cast<std::uint16_t>(bytes[2] << 8 | bytes[3]);  // where both address families keep it
}

std::vector<std::unique_ptr<Client>> manyClients(World& world, std::size_t count) {
  std::vector<std::unique_ptr<Client>> clients;
  while (clients.size() < count) {
    clients.push_back(std::make_unique<Client>(world));
    if (clients.size() % 100 != 0 && clients.size() != count) continue;  // the queue of the kernel may be short
    if (!world.until([&] { return world.worker().connections().size() == clients.size(); }, 30s)) break;
  }
  return clients;
}

// ---- Datagrams ------------------------------------------------------------------------------------------------------

Datagrams::Datagrams(World& world, const std::string& host) : Datagrams(new State{}) {
  uv_udp_init(&net::loop().uv, &state_->handle);
  if (host.find(':') != std::string::npos)
    uv_ip6_addr(host.c_str(), world.port(), reinterpret_cast<sockaddr_in6*>(&state_->to));
  else
    uv_ip4_addr(host.c_str(), world.port(), reinterpret_cast<sockaddr_in*>(&state_->to));
  state_->handle.data = state_;
  sockaddr_storage any{};
  if (host.find(':') != std::string::npos)
    uv_ip6_addr("::1", 0, reinterpret_cast<sockaddr_in6*>(&any));
  else
    uv_ip4_addr("127.0.0.1", 0, reinterpret_cast<sockaddr_in*>(&any));
  uv_udp_bind(&state_->handle, reinterpret_cast<sockaddr*>(&any), 0);
  uv_udp_recv_start(
      &state_->handle,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto* self = static_cast<State*>(handle->data);
        *buffer = uv_buf_init(self->buffer, sizeof self->buffer);
      },
      [](uv_udp_t* handle, std::ptrdiff_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned) {
        if (from != nullptr && size >= 0)
          static_cast<State*>(handle->data)->received.emplace_back(buffer->base, static_cast<std::size_t>(size));
      });
}

Datagrams::~Datagrams() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void Datagrams::send(std::string_view datagram) {
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(datagram.data()), static_cast<unsigned>(datagram.size()));
  EXPECT_GE(uv_udp_try_send(&state_->handle, &buffer, 1, reinterpret_cast<sockaddr*>(&state_->to)), 0);
}

std::string pattern(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& c : bytes) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::size_t openDescriptors() {
  if (!platform::directIo()) return 0;  // Wine shows the descriptors of its own, too
  std::error_code none;
  const std::filesystem::directory_iterator all("/proc/self/fd", none);
  return none ? 0 : static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

bool wholeAnswer(const std::string& bytes) {
  const auto head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const auto length = bytes.find("Content-Length: ");
  if (length == std::string::npos || length > head) return true;
  return bytes.size() >= head + 4 + std::stoul(bytes.substr(length + 16));
}

}  // namespace artel::testing
