#include "src/master/handover_state.hpp"

#include <charconv>
#include <map>
#include <utility>

#include "src/master/plan.hpp"

namespace artel {

namespace {

constexpr std::string_view magic = "artel handover";

/// Reads or writes, so that the order of the fields stands in one place. A field is its length, a space and its bytes.
class Fields {
 public:
  Fields() = default;
  explicit Fields(std::string_view text) : in_(text), reading_(true) {}
  bool whole() const noexcept { return whole_ && in_.empty(); }
  std::string take() { return std::move(out_); }

  void operator()(std::string& field) {
    if (!reading_) {
      out_ += std::to_string(field.size()) + " " + field;
      return;
    }
    std::size_t size = 0;
    const auto [end, failed] = std::from_chars(in_.data(), in_.data() + in_.size(), size);
    const auto digits = static_cast<std::size_t>(end - in_.data());
    whole_ = whole_ && failed == std::errc() && digits < in_.size() && size <= in_.size() - digits - 1;
    if (!whole_) return;
    field = in_.substr(digits + 1, size);
    in_.remove_prefix(digits + 1 + size);
  }
  template <class Number>
  void operator()(Number& number) {
    std::string field = std::to_string(static_cast<std::int64_t>(number));
    (*this)(field);
    if (!reading_) return;
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(field.data(), field.data() + field.size(), value);
    whole_ = whole_ && failed == std::errc() && end == field.data() + field.size();
    if (whole_) number = static_cast<Number>(value);
  }
  template <class T, class Each>
  void list(std::vector<T>& all, Each each) {
    std::size_t size = all.size();
    (*this)(size);
    for (std::size_t i = 0; i < size && whole_; ++i) {
      if (reading_) all.emplace_back();
      each(all[i]);
    }
  }
  template <class T>
  void list(std::vector<T>& all) {
    list(all, [this](T& one) { (*this)(one); });
  }

 private:
  std::string out_;
  std::string_view in_;
  bool reading_ = false, whole_ = true;
};

void pass(Fields& fields, HandoverState::Process& p) {
  fields(p.worker), fields(p.label), fields(p.id), fields(p.place), fields(p.pid);
  fields(p.channel), fields(p.statistics), fields(p.record), fields(p.generation);
  fields(p.started), fields(p.deadline), fields(p.given);
  fields(p.ready), fields(p.told), fields(p.graceful), fields(p.killed), fields(p.late);
}

void pass(Fields& fields, HandoverState::Crew& crew) {
  fields(crew.worker), fields(crew.count), fields(crew.balance);
  fields(crew.tickets), fields(crew.ticketsRotated), fields(crew.past);
  fields.list(crew.ended, [&](HandoverState::Ended& one) { fields(one.reason), fields(one.count), fields(one.last); });
}

void pass(Fields& fields, HandoverState& s) {
  fields(s.programs.version), fields(s.programs.running), fields(s.programs.tried);
  fields(s.programIdentity), fields(s.pidIdentity), fields(s.controlIdentity);
  fields(s.files.name), fields(s.files.pid), fields(s.files.lock), fields(s.files.control), fields(s.files.program);
  fields(s.lock), fields(s.control), fields(s.background), fields(s.hangupStops), fields(s.startedAt), fields(s.began),
      fields(s.generation);
  fields(s.graceful), fields(s.timeout), fields(s.replaced), fields(s.added), fields(s.gone);
  fields(s.kept), fields(s.killedLate), fields(s.cut);
  fields.list(s.clients);
  fields.list(s.socketFiles, [&](SocketFile& one) { fields(one.path), fields(one.identity); });
  fields.list(s.listeners, [&](HandoverState::Listener& one) {
    fields(one.address), fields(one.inherited), fields.list(one.sockets);
  });
  fields.list(s.runTime, [&](HandoverState::RunTime& one) {
    fields(one.worker), fields(one.id), fields(one.name), fields(one.socket);
  });
  fields.list(s.certificates,
              [&](HandoverState::Certificates& one) { fields(one.worker), fields(one.size), fields(one.memory); });
  fields.list(s.crews, [&](HandoverState::Crew& one) { pass(fields, one); });
  fields.list(s.processes, [&](HandoverState::Process& one) { pass(fields, one); });
}

}  // namespace

std::string HandoverState::text() const {
  Fields fields;
  std::string begin(magic);
  int form = version;
  HandoverState copy = *this;
  fields(begin), fields(form);
  pass(fields, copy);
  return fields.take();
}

std::optional<HandoverState> HandoverState::parse(std::string_view text) {
  Fields fields(text);
  std::string begin;
  int form = 0;
  fields(begin), fields(form);
  if (begin != magic || form != version) return std::nullopt;
  HandoverState state;
  pass(fields, state);
  if (!fields.whole()) return std::nullopt;
  return state;
}

std::vector<platform::NativeSocket> HandoverState::descriptors() const {
  std::vector<platform::NativeSocket> all{lock, control};
  all.insert(all.end(), clients.begin(), clients.end());
  for (const Listener& one : listeners) all.insert(all.end(), one.sockets.begin(), one.sockets.end());
  for (const RunTime& one : runTime) all.push_back(one.socket);
  for (const Certificates& one : certificates) all.push_back(one.memory);
  for (const Crew& crew : crews) all.push_back(crew.balance);
  for (const Process& process : processes) all.insert(all.end(), {process.channel, process.statistics});
  std::erase(all, platform::noSocket);
  return all;
}

std::vector<std::string> workerKeys(const Plan& plan) {
  std::vector<std::string> keys;
  std::map<std::string, int> seen;
  for (const PlannedWorker& one : plan.workers) {
    const std::string key = one.worker->name + "\t" + one.listener;
    const int before = seen[key]++;
    keys.push_back(before == 0 ? key : key + "\t" + std::to_string(before));
  }
  return keys;
}

}  // namespace artel
