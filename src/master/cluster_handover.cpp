// A reload onto a new program file. The new program is tried in a child, while the service goes on; when it could
// start, it becomes this process: same pid, same lock, same sockets, same children (cluster_takeover.cpp). Whatever is
// wrong with it before that leaves everything as it was. docs/internals.md has the steps and the one window that
// remains.
#include <algorithm>
#include <utility>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/master/handover_check.hpp"
#include "src/worker/bounded_wait.hpp"
#include "src/worker/core.hpp"

namespace artel {

using namespace std::chrono_literals;

namespace {

/// Commands other than the reload are answered before this program is gone, unless they take longer.
constexpr auto drainPatience = 1s;
constexpr std::size_t mostSaid = 4096;
/// A socket that a service manager has bound stands for all processes, also with reusePort.
constexpr std::size_t enoughForAll = 1'000'000;

using Clock = std::chrono::steady_clock;

std::int64_t millisecondsOf(Clock::time_point time) {
  if (time == Clock::time_point::max()) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::vector<std::string> linesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

void Cluster::beginHandover(bool graceful, Milliseconds timeout, const Client& client) {
  const bool trying = candidate_.has_value();
  if (!trying) candidate_.emplace();
  candidate_->graceful = graceful;
  candidate_->timeout = timeout;
  if (client) candidate_->waiting.push_back(client);
  if (!trying) tryProgram();
}

void Cluster::tryProgram() {
  log::info("reload: trying the program file " + files_.program);
  auto program = platform::openProgram(files_.program);
  if (!program) return refuseProgram(program.error().message);
  candidate_->program = *program;
  auto pair = platform::openChannel();
  if (!pair) return refuseProgram(pair.error().message);
  bool told = true;
  for (const HandoverState::Listener& one : listenersHeld()) {
    const std::size_t count = one.inherited ? enoughForAll : one.sockets.size();
    told = told && pair->master.put(HandoverCheck::heldMessage, HandoverCheck::listener(count, one.address));
  }
  // Untold, the trial would find an address busy and blame it.
  if (!told || !pair->master.put(HandoverCheck::endOfHeld))
    return refuseProgram("it cannot be told of all addresses: there are too many");
  const auto checked = platform::checkProgram(*program, pair->worker);
  if (!checked) return refuseProgram(checked.error().message);
  candidate_->pid = checked->pid;
  candidate_->output = checked->output;
  candidate_->channel = std::move(pair->master);
  candidate_->deadline = Clock::now() + boundedWait(Worker::checkTimeout);
}

void Cluster::candidateHeard() {
  Candidate& candidate = *candidate_;
  char bytes[4096];
  std::ptrdiff_t got = 0;
  // As much as fits into its socket at most: one that floods us is heard in the next turn again.
  for (int i = 0; i < mostHeard && candidate.output != platform::noSocket &&
                  (got = platform::receiveNow(candidate.output, bytes, sizeof bytes)) != 0;
       ++i) {
    if (got < 0) {
      platform::closeSocket(std::exchange(candidate.output, platform::noSocket));
      break;
    }
    // More is thrown away: a program that says much is not stopped by it.
    const auto room = mostSaid - std::min(mostSaid, candidate.said.size());
    candidate.said.append(bytes, std::min(room, static_cast<std::size_t>(got)));
  }
  for (int i = 0; i < allHeard && candidate.channel; ++i) {
    auto message = candidate.channel.take();
    if (!message && message.error().code == Errc::wouldBlock) return;
    if (!message || message->kind == 0) return candidate.channel.close();
    platform::NativeSocket passed = message->descriptor;
    candidate.lost = candidate.lost || message->lost;
    switch (message->kind) {
      case HandoverCheck::programMessage:
        if (const auto both = HandoverCheck::programsIn(message->body); both) candidate.programs = *both;
        break;
      case HandoverCheck::socketFileMessage:
        candidate.socketFiles.add({message->body, platform::socketIdentity(message->body)});
        break;
      case HandoverCheck::boundMessage:
        candidate.bound.push_back({message->body, {std::exchange(passed, platform::noSocket)}, false});
        break;
      case HandoverCheck::certificatesMessage:
        if (const auto one = HandoverCheck::listenerIn(message->body); one && passed != platform::noSocket)
          candidate.certificates.push_back({one->address, one->count, std::exchange(passed, platform::noSocket)});
        break;
      case HandoverCheck::passedMessage:
        candidate.passed = true;
        break;
      default:
        break;
    }
    platform::closeFile(passed);  // nobody has taken it
  }
}

/// True: it was the candidate.
bool Cluster::candidateEnded(const platform::ChildExit& exit) {
  if (!candidate_ || candidate_->pid != exit.pid) return false;
  candidateHeard();
  candidate_->pid = 0;
  const bool well = exit.signal == 0 && exit.code == 0;
  if (candidate_->programs.version == 0)
    refuseProgram("it ended before it came to Worker::runAll: " + platform::describe(exit));
  else if (candidate_->programs.version != HandoverState::version)
    refuseProgram("it is built with another version of artel, which cannot take this one's place; restart does it");
  else if (candidate_->lost)
    refuseProgram("a socket that it has opened did not reach this one: too many open files");
  else if (!candidate_->passed || !well)
    refuseProgram("it does not start: " + platform::describe(exit));
  else
    candidate_->patience = Clock::now() + drainPatience;
  return true;
}

void Cluster::advanceHandover() {
  if (!candidate_) return;
  if (candidate_->pid != 0) {
    if (Clock::now() < candidate_->deadline) return;
    return refuseProgram("it did not come to an end of Worker::runAll within " +
                         std::to_string(Worker::checkTimeout.count()) + " ms (Worker::checkTimeout)");
  }
  if (phase_ != Phase::running || !settled()) return;
  if (platform::fileIdentity(files_.program) != platform::fileIdentity(candidate_->program)) {
    // The file has changed once more while it was tried.
    Candidate again;
    again.graceful = candidate_->graceful;
    again.timeout = candidate_->timeout;
    again.waiting = std::move(candidate_->waiting);
    dropCandidate(true);
    candidate_ = std::move(again);
    return tryProgram();
  }
  handOver();
}

/// Between two steps of a reload, and with every other command answered.
bool Cluster::settled() const {
  for (const Slot& slot : slots_) {
    if (slot.successor.alive() || slot.counted) return false;
  }
  const auto waiting = [](const auto& clients) {
    return std::count_if(clients.begin(), clients.end(), [](const auto& one) { return !one.expired(); });
  };
  const auto ours = static_cast<std::size_t>(waiting(candidate_->waiting) + waiting(reload_.waiting));
  return control_.clients() <= ours || Clock::now() >= candidate_->patience;
}

/// `undo`: what it has made is taken away again. In a worker only the descriptors are closed.
void Cluster::dropCandidate(bool undo) {
  if (!candidate_) return;
  if (undo && candidate_->pid != 0) static_cast<void>(platform::killNow(candidate_->pid));
  for (const HandoverState::Listener& one : candidate_->bound) {
    for (const platform::NativeSocket socket : one.sockets) platform::closeSocket(socket);
  }
  for (const HandoverState::Certificates& one : candidate_->certificates) platform::closeFile(one.memory);
  if (undo) {
    candidate_->socketFiles.removeAll();
  }
  platform::closeFile(candidate_->program);
  platform::closeSocket(candidate_->output);
  candidate_.reset();
}

void Cluster::refuseProgram(const std::string& why) {
  const std::string line = "the new program is refused, and the one that runs goes on: " + why;
  std::vector<std::string> said = linesOf(candidate_->said);
  log::error("reload: " + line);
  failedReload_ = {line, Clock::now()};
  for (const std::string& one : said) log::error("reload: it said: " + one);
  for (const auto& waiting : candidate_->waiting) {
    const Client client = waiting.lock();
    if (!client) continue;
    client->err("error[E01] reload: " + line);
    for (const std::string& one : said) client->err("  it said: " + one);
    client->end(static_cast<int>(Exit::failed));
  }
  dropCandidate(true);
}

std::vector<HandoverState::Listener> Cluster::listenersHeld() const {
  std::vector<HandoverState::Listener> all;
  for (const Slot& slot : slots_) {
    if (slot.listener == platform::noSocket) continue;
    const std::string& address = slot.planned->listener;
    if (all.empty() || all.back().address != address)
      all.push_back({address, {}, slot.planned->worker->core().inherited});
    auto& sockets = all.back().sockets;
    if (sockets.empty() || sockets.back() != slot.listener) sockets.push_back(slot.listener);
  }
  return all;
}

HandoverState Cluster::stateToLeave() {
  HandoverState state;
  state.programs = candidate_->programs;
  state.files = files_;
  state.programIdentity = platform::fileIdentity(candidate_->program);
  state.pidIdentity = pidIdentity_;
  state.controlIdentity = control_.identity();
  state.lock = lock_.native();
  state.control = control_.native();
  state.background = plan_.background;
  state.startedAt = startedAt_;
  state.began = millisecondsOf(began_);
  state.generation = generation_;
  state.graceful = candidate_->graceful;
  state.timeout = candidate_->timeout.count();
  state.replaced = reload_.replaced;
  state.added = reload_.added;
  state.gone = reload_.gone;
  state.kept = reload_.kept;
  state.killedLate = reload_.killed;
  state.cut = reload_.cut;
  for (const auto* clients : {&candidate_->waiting, &reload_.waiting}) {
    for (const auto& one : *clients) {
      if (const Client client = one.lock(); client && !client->ended()) state.clients.push_back(client->native());
    }
  }
  for (const SocketFiles* files : {&socketFiles_, &candidate_->socketFiles})
    state.socketFiles.insert(state.socketFiles.end(), files->all().begin(), files->all().end());
  state.hangupStops = supervisor_.hangupStops();
  state.listeners = listenersHeld();
  for (const HandoverState::Listener& one : candidate_->bound) {
    const auto same = std::find_if(state.listeners.begin(), state.listeners.end(),
                                   [&](const HandoverState::Listener& held) { return held.address == one.address; });
    if (same == state.listeners.end())
      state.listeners.push_back(one);
    else
      same->sockets.insert(same->sockets.end(), one.sockets.begin(), one.sockets.end());
  }
  state.certificates = candidate_->certificates;
  const std::vector<std::string> keys = workerKeys(plan_);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    HandoverState::Crew crew;
    crew.worker = keys[i];
    crew.count = plan_.workers[i].count;
    crew.balance = balances_[&plan_.workers[i]].native();
    const Worker::Core& core = plan_.workers[i].worker->core();
    crew.tickets = core.tickets.bytes();
    crew.ticketsRotated = millisecondsOf(core.ticketsRotated);
    const Totals& past = past_[&plan_.workers[i]];
    crew.past.assign(reinterpret_cast<const char*>(&past), sizeof past);
    for (const ExitCounts::Ended& one : exits_[&plan_.workers[i]].all())
      crew.ended.push_back({one.reason, one.count, millisecondsOf(one.last)});
    state.crews.push_back(std::move(crew));
  }
  for (const Slot& slot : slots_) {
    for (const auto& [name, socket] : slot.kept)
      state.runTime.push_back(
          {keys[static_cast<std::size_t>(slot.planned - plan_.workers.data())], slot.id, name, socket});
  }
  forEach([&](Slot& slot, Process& process) {
    HandoverState::Process left;
    if (slot.planned != nullptr) left.worker = keys[static_cast<std::size_t>(slot.planned - plan_.workers.data())];
    left.label = nameOf(slot);
    left.id = slot.id;
    left.place =
        &process == &slot.serving && !slot.leaves ? HandoverState::Place::serving : HandoverState::Place::predecessor;
    left.pid = process.pid;
    left.channel = process.channel.native();
    left.statistics = process.statistics.native();
    left.record = process.record;
    left.generation = process.generation;
    left.started = millisecondsOf(process.started);
    left.deadline = millisecondsOf(process.deadline);
    left.given = process.given.count();
    left.ready = process.ready;
    left.told = process.told;
    left.graceful = process.graceful;
    left.killed = process.killed;
    left.late = process.late;
    state.processes.push_back(std::move(left));
  });
  return state;
}

void Cluster::handOver() {
  for (Slot& slot : slots_) takeBack(slot);  // who helps is not in the state
  // What has failed was this program's reload; the next one's is another.
  if (!reload_.failures.empty()) {
    answerWaiting(reload_, "another program takes over", static_cast<int>(Exit::failed));
    reload_.waiting.clear();
    control_.flush();
  }
  const HandoverState state = stateToLeave();
  if (const auto failed = platform::becomeProgram(candidate_->program, state.text(), state.descriptors()))
    refuseProgram(failed->message);
}

}  // namespace artel
