#include "src/master/connections_query.hpp"

#include <algorithm>

namespace artel {

ConnectionsQuery::ConnectionsQuery(const PageRequest& filter, std::uint64_t limit, const std::vector<Source>& sources,
                                   Hooks hooks)
    : filter_(filter), limit_(limit), hooks_(std::move(hooks)) {
  for (const Source& source : sources) all_.push_back({source, Asked::State::more, filter, {}});
}

void ConnectionsQuery::begin(Clock::time_point now) {
  for (Asked& one : all_) ask(one, firstRows, Asked::State::asked, now);
  advance(now);
}

void ConnectionsQuery::ask(Asked& one, std::uint64_t rows, Asked::State state, Clock::time_point now) {
  one.next.rows = rows;
  one.state = state;
  one.until = now + patience;
  if (!hooks_.ask(one.source.pid, one.next.encode())) missing(one, "it cannot be asked");
}

void ConnectionsQuery::missing(Asked& one, std::string_view why) {
  one.state = Asked::State::missing;
  std::string name = one.source.name;
  std::replace(name.begin(), name.end(), '\t', ' ');
  hooks_.say("missing\t" + std::to_string(one.source.pid) + "\t" + name + "\t" + std::string(why));
}

void ConnectionsQuery::heard(platform::Pid pid, const Page& page, Clock::time_point now) {
  Asked* one = find(pid);
  if (done_ || one == nullptr || !one->waits() || page.query != filter_.query) return;
  one->state = page.last ? Asked::State::last : Asked::State::more;
  one->next.worker = page.worker;
  one->next.after = page.after;
  for (const std::string& row : page.rows) {
    if (limit_ > 0 && said_ >= limit_) break;
    ++said_;
    hooks_.say("row\t" + std::to_string(pid) + "\t" + row);
    taken_ = false;
  }
  advance(now);
}

void ConnectionsQuery::taken(Clock::time_point now) {
  taken_ = true;
  advance(now);
}

void ConnectionsQuery::gone(platform::Pid pid, Clock::time_point now) {
  Asked* one = find(pid);
  if (done_ || one == nullptr) return;
  if (one->waits() || one->state == Asked::State::more) missing(*one, "it has ended");
  advance(now);
}

void ConnectionsQuery::timePasses(Clock::time_point now) {
  if (done_) return;
  for (Asked& one : all_) {
    if (one.waits() && now >= one.until)
      missing(one, "it did not answer within " + std::to_string(patience.count()) + " ms");
  }
  advance(now);
}

ConnectionsQuery::Clock::time_point ConnectionsQuery::due() const {
  auto due = Clock::time_point::max();
  if (done_) return due;
  for (const Asked& one : all_) {
    if (one.waits()) due = std::min(due, one.until);
  }
  return due;
}

void ConnectionsQuery::advance(Clock::time_point now) {
  if (done_) return;
  const auto with = [&](Asked::State state) {
    return std::find_if(all_.begin(), all_.end(), [state](const Asked& one) { return one.state == state; });
  };
  const bool enough = limit_ > 0 && said_ >= limit_;
  while (!enough && with(Asked::State::more) != all_.end()) {
    if (!taken_ || with(Asked::State::askedOn) != all_.end()) return;
    ask(*with(Asked::State::more), PageRequest::mostRows, Asked::State::askedOn, now);
  }
  if (!enough && (with(Asked::State::asked) != all_.end() || with(Asked::State::askedOn) != all_.end())) return;
  done_ = true;
  hooks_.say("total\t" + std::to_string(said_));
}

ConnectionsQuery::Asked* ConnectionsQuery::find(platform::Pid pid) noexcept {
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const Asked& one) { return one.source.pid == pid; });
  return at == all_.end() ? nullptr : &*at;
}

}  // namespace artel
