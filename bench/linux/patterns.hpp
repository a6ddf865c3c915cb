// When a connection sends what.
#pragma once

#include <deque>
#include <memory>

#include "bench/linux/engine.hpp"

namespace bench {

/// Sends the next batch when the last one is answered.
class ClosedLoop : public Pattern {
 public:
  void live(Engine& engine, Client& client) override { ask(engine, client); }
  void answered(Engine& engine, Client& client, int answers, std::uint64_t time) override;

 private:
  void ask(Engine& engine, Client& client);
  std::uint64_t asked_ = 0;
};

/// Requests are due at fixed times, in turn over the connections, whatever the server does. A request that waits for
/// an earlier one of its connection keeps its time: latency counts from there.
class OpenLoop : public Pattern {
 public:
  void live(Engine&, Client&) override {}
  void answered(Engine& engine, Client& client, int answers, std::uint64_t time) override;
  std::uint64_t turn(Engine& engine) override;

 private:
  void ask(Engine& engine, Client& client, std::uint64_t time);
  std::uint64_t due(const Engine& engine, std::uint64_t number) const;
  std::uint64_t begin_ = 0;
  std::uint64_t next_ = 0;  // the number of the next request over all connections
};

/// Connect, one request, reset. Latency is that of all three.
class Connects : public Pattern {
 public:
  void live(Engine& engine, Client& client) override;
  void answered(Engine& engine, Client& client, int answers, std::uint64_t time) override;
  bool reconnects() const override { return true; }
};

/// The first connection speaks; a message is done when all have heard it.
class Broadcast : public Pattern {
 public:
  void live(Engine&, Client&) override {}
  void answered(Engine& engine, Client& client, int answers, std::uint64_t time) override;
  std::uint64_t turn(Engine& engine) override;

 private:
  std::uint64_t heard_ = 0;
  std::deque<std::uint64_t> spoken_;  // when, of each message not heard by all
};

/// One request per connection, then perhaps one big one, a few at a time; then silence.
class Hold : public Pattern {
 public:
  void live(Engine& engine, Client& client) override;
  void answered(Engine& engine, Client& client, int answers, std::uint64_t time) override;
  bool done(const Engine& engine) const { return done_ == engine.options().connections; }

 private:
  void more(Engine& engine);
  std::deque<std::uint32_t> waiting_;
  std::size_t busy_ = 0;
  std::size_t done_ = 0;
};

std::unique_ptr<Pattern> makePattern(const Options& options);

}  // namespace bench
