#include "src/master/statistics_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace artel {

namespace {

using Block = net::StatisticsBlock;
constexpr auto relaxed = std::memory_order_relaxed;

using Counts = std::array<std::uint64_t, net::Histogram::buckets>;
/// What every build has written; fields behind it are there when `size` says so.
constexpr std::size_t firstSize = offsetof(Block, sendQueue);

Counts countsOf(const std::array<Block::Word, net::Histogram::buckets>& words) {
  Counts counts{};
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = words[i].load(relaxed);
  return counts;
}

double perSecond(std::uint64_t now, std::uint64_t before, std::uint64_t milliseconds) noexcept {
  if (now <= before || milliseconds == 0) return 0;
  return static_cast<double>(now - before) * 1000.0 / static_cast<double>(milliseconds);
}

std::string buildOf(const Block& block) {
  std::string text;
  for (const auto& part : block.build) {
    const std::uint64_t word = part.load(relaxed);
    for (int byte = 0; byte < 8; ++byte) {
      // As it was written, on a machine of this byte order.
      const char c = reinterpret_cast<const char*>(&word)[byte];
      if (c == '\0') return text;
      text += c > ' ' && c < '\x7f' ? c : '?';
    }
  }
  return text;
}

const Block* blockIn(std::span<const std::byte> memory) noexcept {
  if (memory.size() < firstSize || reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Block) != 0)
    return nullptr;
  const auto* block = reinterpret_cast<const Block*>(memory.data());
  // A block that is longer has fields that this build does not know, a shorter one lacks the last of those it knows;
  // the others stand where they stood.
  if (block->magic.load(std::memory_order_acquire) != Block::magicNumber ||
      block->version.load(relaxed) != Block::layoutVersion || block->size.load(relaxed) < firstSize)
    return nullptr;
  return block;
}

struct Moment {
  std::uint64_t at, requests, bytesIn, bytesOut;
};

/// The moment that rates count from: the older window, or the younger when that is a second old. The writer replaces
/// the older one only after a second; one try more sees it whole.
Moment rateBase(const Block& block, std::uint64_t now) noexcept {
  Moment moment{};
  for (int tries = 0; tries < 3; ++tries) {
    const std::uint64_t young = block.window.load(std::memory_order_acquire) & 1;
    const bool old = block.windows[young].at.load(relaxed) + net::Activity::windowTime <= now;
    const auto& window = block.windows[old ? young : young ^ 1];
    moment = {window.at.load(relaxed), window.requests.load(relaxed), window.bytesIn.load(relaxed),
              window.bytesOut.load(relaxed)};
    if ((block.window.load(std::memory_order_acquire) & 1) == young) break;
  }
  return moment;
}

}  // namespace

std::uint64_t monotonicMilliseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

std::optional<std::chrono::nanoseconds> quantile(std::span<const std::uint64_t> counts, double q) {
  const auto edge = net::Histogram::quantile(counts, q);
  if (!edge) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*edge));
}

std::string WorkerNumbers::callback() const { return net::describe(running, subject); }

std::optional<WorkerNumbers> readStatistics(std::span<const std::byte> memory, std::uint64_t now) {
  const Block* known = blockIn(memory);
  if (known == nullptr) return std::nullopt;
  const Block& block = *known;
  WorkerNumbers numbers;
  numbers.connections = block.connections.load(relaxed);
  numbers.timers = block.timers.load(relaxed);
  numbers.requests = block.requests.load(relaxed);
  numbers.sendFails = block.sendFails.load(relaxed);
  numbers.bytesIn = block.bytesIn.load(relaxed);
  numbers.bytesOut = block.bytesOut.load(relaxed);
  numbers.turns = block.turns.load(relaxed);
  const Moment base = rateBase(block, now);
  const std::uint64_t window = now - std::min(now, base.at);
  numbers.requestRate = perSecond(numbers.requests, base.requests, window);
  numbers.inRate = perSecond(numbers.bytesIn, base.bytesIn, window);
  numbers.outRate = perSecond(numbers.bytesOut, base.bytesOut, window);
  numbers.callbacks = countsOf(block.callbacks);
  numbers.callback50 = quantile(numbers.callbacks, 0.5);
  numbers.callback99 = quantile(numbers.callbacks, 0.99);
  numbers.turn99 = quantile(countsOf(block.turnTimes), 0.99);
  if (std::min<std::uint64_t>(memory.size(), block.size.load(relaxed)) >= firstSize + sizeof(Block::Word))
    numbers.sendQueue = block.sendQueue.load(relaxed);
  constexpr std::uint64_t most = std::uint64_t{1} << 40;  // milliseconds: 35 years
  numbers.longestTurn = std::chrono::milliseconds(std::min(block.longestTurn.load(relaxed), most));
  const std::uint64_t began = block.turnBegan.load(relaxed), running = block.running.load(relaxed);
  numbers.turnBegan = began;
  if (began != 0 && began < now) numbers.inTurn = std::chrono::milliseconds(std::min(now - began, most));
  numbers.running = static_cast<net::Running>(running >> Block::kindShift);
  numbers.subject = running & ((std::uint64_t{1} << Block::kindShift) - 1);
  numbers.build = buildOf(block);
  return numbers;
}

Totals& Totals::operator+=(const Totals& other) noexcept {
  requests += other.requests;
  sendFails += other.sendFails;
  bytesIn += other.bytesIn;
  bytesOut += other.bytesOut;
  for (std::size_t i = 0; i < callbacks.size(); ++i) {
    callbacks[i] += other.callbacks[i];
    turnTimes[i] += other.turnTimes[i];
  }
  return *this;
}

std::optional<Totals> readTotals(std::span<const std::byte> memory) {
  const Block* block = blockIn(memory);
  if (block == nullptr) return std::nullopt;
  Totals totals;
  totals.requests = block->requests.load(relaxed);
  totals.sendFails = block->sendFails.load(relaxed);
  totals.bytesIn = block->bytesIn.load(relaxed);
  totals.bytesOut = block->bytesOut.load(relaxed);
  totals.callbacks = countsOf(block->callbacks);
  totals.turnTimes = countsOf(block->turnTimes);
  return totals;
}

}  // namespace artel
