// The master's side of one `connections` command: asks its workers for pages, passes the rows on, and knows who did not
// answer. Pure: it is told what was heard and what time it is, and says what to do.
//
// Every worker is asked at once for a small first page, so that one that is stuck costs its patience once and delays
// nobody. Further pages are asked for one at a time, and only when the command has taken what was said before: neither
// the master nor a worker ever holds more than a page of it.
//
//   > row <tab> PID <tab> fields of connection_rows.hpp
//   > missing <tab> PID <tab> worker <tab> why
//   > total <tab> rows said
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/worker/connection_rows.hpp"

namespace artel {

class ConnectionsQuery {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds patience{500};  ///< with a worker, for each page
  static constexpr std::uint64_t firstRows = 32;

  struct Source {
    platform::Pid pid = 0;
    std::string name;
  };
  struct Hooks {
    std::function<bool(platform::Pid, const std::string& request)> ask;  ///< false: it cannot be asked
    std::function<void(std::string_view line)> say;
  };

  /// `filter.query` must differ from that of other queries; `limit` 0: all rows.
  ConnectionsQuery(const PageRequest& filter, std::uint64_t limit, const std::vector<Source>& sources, Hooks hooks);
  void begin(Clock::time_point now);
  void heard(platform::Pid pid, const Page& page, Clock::time_point now);
  /// The command has taken what was said.
  void taken(Clock::time_point now);
  /// The process has ended.
  void gone(platform::Pid pid, Clock::time_point now);
  void timePasses(Clock::time_point now);
  /// When timePasses() has something to do.
  Clock::time_point due() const;
  bool done() const noexcept { return done_; }
  std::uint64_t id() const noexcept { return filter_.query; }

 private:
  struct Asked {
    Source source;
    enum class State { asked, askedOn, more, last, missing } state = State::more;  ///< askedOn: for a further page
    PageRequest next;
    Clock::time_point until{};
    bool waits() const noexcept { return state == State::asked || state == State::askedOn; }
  };
  void ask(Asked& one, std::uint64_t rows, Asked::State state, Clock::time_point now);
  void missing(Asked& one, std::string_view why);
  void advance(Clock::time_point now);
  Asked* find(platform::Pid pid) noexcept;

  PageRequest filter_;
  std::uint64_t limit_, said_ = 0;
  std::vector<Asked> all_;
  Hooks hooks_;
  bool taken_ = true, done_ = false;
};

}  // namespace artel
