// Names become addresses without the loop waiting for it: the system's own resolver blocks, so it runs in threads of
// its own, which exist only while something is looked up. A worker process alone resolves; the master, which forks for
// its whole life, has no threads. libuv's pool is not used: a worker that stops would have to wait for a name server
// that does not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/platform.hpp"

namespace artel::net {

class Resolver {
 public:
  using Answer = Result<std::vector<platform::SocketAddress>>;
  using Done = std::function<void(Answer)>;
  using Ticket = std::uint64_t;
  /// Called by the threads.
  using Ask = std::function<Answer(const std::string& host, std::uint16_t port)>;
  /// So many at once; the others wait for them.
  static constexpr int mostThreads = 4;

  Resolver();
  /// What still runs ends by itself and tells nobody.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` in a later turn, unless cancelled.
  Ticket lookUp(const std::string& host, std::uint16_t port, Done done);
  /// Not looked up any more, unless it is just being done.
  void cancel(Ticket ticket) noexcept;
  /// Who is asked from now on instead of the system: for tests.
  void answeredBy(Ask ask);

 private:
  struct Shared;
  static void work(const std::shared_ptr<Shared>& shared);
  std::shared_ptr<Shared> shared_;
  std::unordered_map<Ticket, Done> asked_;
  Ticket last_ = 0;
};

}  // namespace artel::net
