#include "bench/linux/patterns.hpp"

namespace bench {

void ClosedLoop::ask(Engine& engine, Client& client) {
  const auto& options = engine.options();
  if (options.requests && asked_ + options.pipeline > options.requests) return;
  asked_ += options.pipeline;
  client.since = now();
  engine.send(client, engine.protocol().nextBatch(), options.pipeline);
}

void ClosedLoop::answered(Engine& engine, Client& client, int answers, std::uint64_t time) {
  for (int i = 0; i < answers; ++i) engine.tally.latency.add(time - client.since);
  if (client.owed == 0) ask(engine, client);
}

std::uint64_t OpenLoop::due(const Engine& engine, std::uint64_t number) const {
  return begin_ + static_cast<std::uint64_t>(static_cast<double>(number) * 1e9 / engine.options().rate);
}

void OpenLoop::ask(Engine& engine, Client& client, std::uint64_t time) {
  const auto count = engine.clients().size();
  if (client.owed >= engine.options().pipeline || !client.unsent.empty()) return;
  if (due(engine, client.number + client.asked * count) > time) return;
  ++client.asked;
  engine.send(client, engine.protocol().exchange().request, 1);
}

void OpenLoop::answered(Engine& engine, Client& client, int answers, std::uint64_t time) {
  const auto count = engine.clients().size();
  for (int i = 0; i < answers; ++i)
    engine.tally.latency.add(time - due(engine, client.number + client.answered++ * count));
  ask(engine, client, time);
}

std::uint64_t OpenLoop::turn(Engine& engine) {
  auto& clients = engine.clients();
  if (!begin_) {
    if (engine.liveCount() < clients.size()) return 0;
    begin_ = now();
  }
  const auto time = now();
  for (; due(engine, next_) <= time; ++next_) {
    auto& client = clients[next_ % clients.size()];
    if (client.phase == Client::Phase::live) ask(engine, client, time);
  }
  return due(engine, next_);
}

void Connects::live(Engine& engine, Client& client) { engine.send(client, engine.protocol().exchange().request, 1); }

void Connects::answered(Engine& engine, Client& client, int, std::uint64_t time) {
  engine.tally.latency.add(time - client.since);
  engine.close(client, true);
  engine.open(client);
}

void Broadcast::answered(Engine& engine, Client&, int answers, std::uint64_t time) {
  heard_ += static_cast<std::uint64_t>(answers);
  while (!spoken_.empty() && heard_ >= engine.clients().size()) {
    heard_ -= engine.clients().size();
    engine.tally.latency.add(time - spoken_.front());
    spoken_.pop_front();
  }
}

std::uint64_t Broadcast::turn(Engine& engine) {
  auto& speaker = engine.clients().front();
  if (engine.liveCount() < engine.clients().size()) return 0;
  while (spoken_.size() < engine.options().pipeline && speaker.unsent.empty()) {
    spoken_.push_back(now());
    engine.send(speaker, engine.protocol().exchange().request, 1);
  }
  return 0;
}

void Hold::live(Engine& engine, Client& client) { engine.send(client, engine.protocol().exchange().request, 1); }

void Hold::answered(Engine& engine, Client& client, int, std::uint64_t) {
  if (client.asked == 1) {
    --busy_;
    ++done_;
  } else if (engine.options().big) {
    waiting_.push_back(client.number);
  } else {
    ++done_;
  }
  more(engine);
}

void Hold::more(Engine& engine) {
  constexpr std::size_t atOnce = 16;
  for (; busy_ < atOnce && !waiting_.empty(); ++busy_) {
    auto& client = engine.clients()[waiting_.front()];
    waiting_.pop_front();
    client.asked = 1;
    client.expected = &engine.protocol().bigExchange();
    engine.send(client, client.expected->request, 1);
  }
}

std::unique_ptr<Pattern> makePattern(const Options& options) {
  if (options.mode == "connect") return std::make_unique<Connects>();
  if (options.mode == "broadcast") return std::make_unique<Broadcast>();
  if (options.mode == "hold") return std::make_unique<Hold>();
  if (options.rate > 0) return std::make_unique<OpenLoop>();
  return std::make_unique<ClosedLoop>();
}

}  // namespace bench
