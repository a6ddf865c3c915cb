#include "src/worker/stacks.hpp"

#include <charconv>

#include "artel/log.hpp"
#include "platform/fixed_text.hpp"
#include "src/log.hpp"
#include "src/net/statistics.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"

namespace artel {

std::optional<StackAnswer> StackAnswer::parse(std::string_view body) noexcept {
  const auto end = body.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  StackAnswer answer;
  const auto [at, failed] = std::from_chars(body.data(), body.data() + end, answer.progress);
  if (failed != std::errc() || at != body.data() + end) return std::nullopt;
  answer.stack = body.substr(end + 1);
  return answer;
}

namespace stacks {

namespace {

const platform::Channel* master = nullptr;
platform::Pid self = 0;               ///< a child that a callback has forked is not the worker
platform::FixedText<24 * 1024> text;  // a handler's stack has no room for it

std::string_view withoutNewline(std::string_view lines) noexcept {
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  return lines;
}

void addSignal(const platform::Crash& crash) noexcept {
  text.add("signal ").add(crash.signal);
  if (!crash.detail.empty()) text.add(" ").add(crash.detail);
}

void crashed(const platform::Crash& crash) noexcept {
  text.clear();
  if (master == nullptr) text.add("crashed: ");  // a master says who
  addSignal(crash);
  if (const net::Activity& now = net::activity; now.inTurn()) {
    text.add(", in ").add(net::nameOf(now.running()));
    if (const auto subject = net::subjectOf(now.running()); !subject.empty())
      text.add(" of ").add(subject).add(" ").add(now.subject());
  }
  text.add("\n").add(withoutNewline(crash.stack));
  if (master == nullptr || platform::currentPid() != self || !master->tryPut(WorkerProcess::crashMessage, text.view()))
    log::writeInHandler(log::Level::error, text.view());
}

void masterCrashed(const platform::Crash& crash) noexcept {
  text.clear();
  text.add("the master process crashed: ");
  addSignal(crash);
  text.add("\n").add(withoutNewline(crash.stack));
  log::writeInHandler(log::Level::error, text.view());
}

void asked(std::string_view stack) noexcept {
  if (platform::currentPid() != self) return;
  text.clear();
  text.add(net::activity.entered() + Worker::Core::allRequests()).add("\n").add(withoutNewline(stack));
  static_cast<void>(master->tryPut(WorkerProcess::stackMessage, text.view()));  // full: it will ask again
}

}  // namespace

void reportTo(const platform::Channel& channel) noexcept {
  master = &channel;
  self = platform::currentPid();
  platform::onCrash(&crashed);
  platform::answerTraces(&asked);
}

void reportNoMore() noexcept {
  platform::answerTraces(nullptr);
  platform::offCrash();
  master = nullptr;
}

void reportAlone() noexcept {
  master = nullptr;
  self = platform::currentPid();
  platform::onCrash(&crashed);
}

void reportOfMaster() noexcept { platform::onCrash(&masterCrashed); }

}  // namespace stacks
}  // namespace artel
