// One worker process inside a test: its loop, its Worker, and clients on the same loop, so that nothing runs beside the
// test and every step can be looked at.
//
//   Worker worker("text://127.0.0.1:0");
//   worker.onMessage = [](TcpConnection& c, std::string_view line) { c.send(line); };
//   World world(worker);
//   Client client(world);
//   client.send("hi\n");
//   world.until([&] { return client.received == "hi\n"; });
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "artel/artel.hpp"
#include "src/worker/process.hpp"

namespace artel::testing {

using namespace std::chrono_literals;

class World {
 public:
  /// Binds and starts; SetupError as at a real start. A Worker without a listener only gets its onWorkerStart.
  explicit World(Worker& worker);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Turns the loop until the condition holds; a test failure when it does not within `limit`.
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 5s);
  /// Turns the loop for that long, for what must not happen.
  void forTime(std::chrono::milliseconds time);
  /// Does what can be done at once.
  void settle();
  /// One turn of the loop, without waiting.
  void settleOnce();
  Worker& worker() noexcept { return worker_; }
  WorkerProcess& process() noexcept { return *process_; }
  /// The worker's oldest connection; there must be one.
  TcpConnection& first() { return *worker_.connections().begin()->second; }
  /// The coarse clock strikes as if `later` had passed: what has lasted too long now? For timeouts without waiting.
  void tickAfter(std::chrono::milliseconds later);
  std::uint16_t port() const;

 private:
  Worker& worker_;
  std::unique_ptr<WorkerProcess> process_;
};

/// A stream client that keeps what it receives.
class Client {
 public:
  /// Connects to the world's worker, or to 127.0.0.1 (or `host`) on another port; over a Unix socket when the worker
  /// listens on one.
  explicit Client(World& world, std::uint16_t port = 0, const std::string& host = "127.0.0.1");
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes);
  /// Writes what the kernel takes at once, without allocating.
  void tryWrite(std::string_view bytes);
  /// Ends our side; reading goes on.
  void shutdown();
  /// Closes; with `reset` the peer gets a RST.
  void close(bool reset = false);
  void pauseReading();
  void resumeReading();
  /// Reading pauses by itself as soon as total() is so much: a turn of the loop may bring any amount.
  void pauseReadingAt(std::size_t total) noexcept { state_->pauseAt = total; }
  bool connected() const noexcept { return state_->connected; }
  /// The peer has ended its side, or the connection failed.
  bool ended() const noexcept { return state_->ended; }
  /// Our own port, for comparing with getRemotePort.
  std::uint16_t localPort() const;

  struct State {
    union {
      uv_stream_t stream;
      uv_tcp_t tcp;
      uv_pipe_t pipe;
    } handle;
    uv_connect_t connecting;
    std::string received;
    std::string waiting;
    std::size_t total = 0, pauseAt = static_cast<std::size_t>(-1);
    bool connected = false, ended = false, closed = false, keep = true, wantShutdown = false;
    bool handleGone = false, ownerGone = false;
  };

 private:
  State* state_;

 public:
  std::string& received;  ///< what came and was not taken away by the test
  /// All bytes that came, also when keep() is off.
  std::size_t total() const noexcept { return state_->total; }
  /// Off: bytes are counted and thrown away.
  void keep(bool on) noexcept { state_->keep = on; }
};

/// So many of the world's worker, all accepted.
std::vector<std::unique_ptr<Client>> manyClients(World& world, std::size_t count);

/// A UDP client.
class Datagrams {
 public:
  explicit Datagrams(World& world, const std::string& host = "127.0.0.1");
  ~Datagrams();
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;
  void send(std::string_view datagram);

 private:
  struct State {
    uv_udp_t handle;
    std::vector<std::string> received;
    sockaddr_storage to;
    char buffer[65536];
  };
  explicit Datagrams(State* state) : state_(state), received(state->received) {}
  State* state_;

 public:
  std::vector<std::string>& received;
};

/// Bytes that repeat nowhere nearby, so that a lost or doubled piece is noticed.
std::string pattern(std::size_t size, std::uint32_t seed = 1);

/// Descriptors that this process has open; 0 where the system does not tell.
std::size_t openDescriptors();

/// The whole HTTP answer at the start of `bytes` was received (by its Content-Length).
bool wholeAnswer(const std::string& bytes);

}  // namespace artel::testing
