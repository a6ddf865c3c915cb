#include "src/net/resolver.hpp"

#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "src/net/loop.hpp"

namespace artel::net {

/// What the threads know of us.
struct Resolver::Shared {
  struct Question {
    Ticket ticket;
    std::string host;
    std::uint16_t port;
  };
  std::mutex mutex;
  Resolver* owner = nullptr;  // null: gone, and its loop with it
  std::deque<Question> waiting;
  int threads = 0;
  Ask ask = [](const std::string& host, std::uint16_t port) { return platform::resolve(host, port); };
};

Resolver::Resolver() : shared_(std::make_shared<Shared>()) { shared_->owner = this; }

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->owner = nullptr;
  shared_->waiting.clear();
}

Resolver::Ticket Resolver::lookUp(const std::string& host, std::uint16_t port, Done done) {
  const Ticket ticket = ++last_;
  asked_.emplace(ticket, std::move(done));
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting.push_back({ticket, host, port});
  if (shared_->threads >= mostThreads) return ticket;
  try {
    std::thread([shared = shared_] { work(shared); }).detach();
    ++shared_->threads;
  } catch (const std::system_error&) {
    // With others at work it only takes longer.
    if (shared_->threads > 0) return ticket;
    shared_->waiting.pop_back();
    loop().post([this, ticket] {
      if (auto asked = asked_.extract(ticket))
        asked.mapped()(Error{Errc::system, "no thread can be started to look it up", 0});
    });
  }
  return ticket;
}

void Resolver::cancel(Ticket ticket) noexcept {
  asked_.erase(ticket);
  const std::lock_guard lock(shared_->mutex);
  std::erase_if(shared_->waiting, [&](const Shared::Question& one) { return one.ticket == ticket; });
}

void Resolver::answeredBy(Ask ask) {
  const std::lock_guard lock(shared_->mutex);
  shared_->ask = std::move(ask);
}

void Resolver::work(const std::shared_ptr<Shared>& shared) {
  platform::blockSignals();  // they are for the loop's thread
  std::unique_lock lock(shared->mutex);
  while (!shared->waiting.empty()) {
    const Shared::Question question = std::move(shared->waiting.front());
    shared->waiting.pop_front();
    const Ask ask = shared->ask;
    lock.unlock();
    auto answer = std::make_shared<Answer>(ask(question.host, question.port));
    lock.lock();
    // Under the lock: the loop is there as long as the owner is.
    if (shared->owner == nullptr) break;
    loop().post([owner = shared->owner, ticket = question.ticket, answer = std::move(answer)] {
      if (auto asked = owner->asked_.extract(ticket)) asked.mapped()(std::move(*answer));
    });
  }
  --shared->threads;
}

}  // namespace artel::net
