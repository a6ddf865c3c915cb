// Many client connections on one epoll: connecting, the handshake, sending, checking what comes back.
// What to send and when is the Pattern's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/linux/options.hpp"
#include "bench/linux/protocol.hpp"
#include "bench/linux/tally.hpp"
#include "bench/linux/tls.hpp"

namespace bench {

struct Client {
  enum class Phase : std::uint8_t { closed, connecting, securing, upgrading, live };

  int fd = -1;
  std::uint32_t number = 0;
  Phase phase = Phase::closed;
  ssl_st* tls = nullptr;  // with --tls, while the socket is open
  bool watchesWriting = false;
  std::uint32_t owed = 0;  // answers outstanding
  std::string_view unsent;
  const Exchange* expected = nullptr;
  Reading reading;
  std::uint64_t since = 0;     // when it began to connect; later the Pattern's
  std::uint64_t asked = 0;     // the Pattern's
  std::uint64_t answered = 0;  // the Pattern's
};

class Engine;

class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Connected, upgraded, nothing outstanding.
  virtual void live(Engine& engine, Client& client) = 0;
  /// `answers` whole answers came at `time`. `owed` is already reduced.
  virtual void answered(Engine& engine, Client& client, int answers, std::uint64_t time) = 0;
  /// Before every wait. Returns when it wants to be called again; 0: no wish.
  virtual std::uint64_t turn(Engine&) { return 0; }
  /// A connection that ended is opened again, rather than missed.
  virtual bool reconnects() const { return false; }
};

class Engine {
 public:
  Engine(const Options& options, Protocol& protocol, Pattern& pattern);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// False when not all connections were live after a minute.
  bool connectAll();
  /// Turns until the time, or until so many answers have been counted, or one was wrong, or nobody is there any more.
  void runUntil(std::uint64_t time, std::uint64_t answers = ~std::uint64_t{0});

  /// `bytes` stay valid until they are sent. One at a time per connection.
  void send(Client& client, std::string_view bytes, std::size_t answers);
  void close(Client& client, bool reset);
  void open(Client& client);

  std::vector<Client>& clients() { return clients_; }
  Protocol& protocol() { return protocol_; }
  const Options& options() const { return options_; }
  std::size_t liveCount() const { return live_; }
  Tally tally;

 private:
  void turn(std::uint64_t until);
  void openMore();
  void connected(Client& client);
  void secure(Client& client);
  void ready(Client& client);
  void upgraded(Client& client, std::string_view bytes);
  void becomeLive(Client& client);
  void flush(Client& client);
  void receiveAll(Client& client);
  bool receive(Client& client);
  void take(Client& client, std::string_view bytes);
  void lost(Client& client);
  void watchWriting(Client& client, bool wanted);

  const Options& options_;
  Protocol& protocol_;
  Pattern& pattern_;
  std::unique_ptr<Tls> tls_;
  int epoll_ = -1;
  std::vector<Client> clients_;
  std::size_t opened_ = 0;
  std::size_t live_ = 0;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace bench
