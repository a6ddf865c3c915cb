#include "src/master/handover_check.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>

#include "artel/version.hpp"
#include "src/master/log_files.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_files.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

std::map<std::string, std::size_t> heldBy(const platform::Channel& master) {
  std::map<std::string, std::size_t> held;
  for (;;) {
    const auto message = master.take();  // it was all sent before this program began
    if (!message || message->kind != HandoverCheck::heldMessage) return held;
    if (const auto one = HandoverCheck::listenerIn(message->body)) held[one->address] = one->count;
  }
}

void tell(const platform::Channel& master, char kind, const std::string& body,
          platform::NativeSocket passed = platform::noSocket) {
  for (;;) {
    const auto sent = master.put(kind, body, passed);
    if (sent) return;
    if (sent.error().code != Errc::wouldBlock)
      throw SetupError(Exit::failed, "the master that tries this program is gone: " + sent.error().message);
    platform::awaitReadable(master.native(), std::chrono::milliseconds(5));  // its end, or time for it to read
  }
}

/// What it has read now it is to have also when it takes over, whatever becomes of the files meanwhile.
void tellCertificates(const platform::Channel& master, const Plan& plan) {
  for (const PlannedWorker& one : plan.workers) {
    const Worker::Core& core = one.worker->core();
    if (!core.tls) continue;
    const std::string bytes = encodeCertificates(core.tlsFiles.settings);
    auto memory = platform::SharedMemory::create(bytes.size());
    if (!memory) throw SetupError(Exit::failed, "no memory: " + memory.error().message);
    std::memcpy(memory->data(), bytes.data(), bytes.size());
    tell(master, HandoverCheck::certificatesMessage, HandoverCheck::listener(bytes.size(), core.tlsKey()),
         memory->native());
  }
}

}  // namespace

std::string HandoverCheck::listener(std::size_t count, const std::string& address) {
  return std::to_string(count) + " " + address;
}

std::optional<HandoverCheck::Listener> HandoverCheck::listenerIn(std::string_view body) {
  Listener one;
  const auto [end, failed] = std::from_chars(body.data(), body.data() + body.size(), one.count);
  const auto digits = static_cast<std::size_t>(end - body.data());
  if (failed != std::errc() || digits >= body.size() || body[digits] != ' ') return std::nullopt;
  one.address = body.substr(digits + 1);
  return one;
}

std::string HandoverCheck::program(const std::string& running, const std::string& tried) {
  return std::to_string(HandoverState::version) + " " + running + " " + tried;
}

std::optional<HandoverState::Programs> HandoverCheck::programsIn(std::string_view body) {
  HandoverState::Programs both;
  const auto [end, failed] = std::from_chars(body.data(), body.data() + body.size(), both.version);
  const auto first = static_cast<std::size_t>(end - body.data());
  const auto second = body.find(' ', first + 1);
  if (failed != std::errc() || second == std::string_view::npos) return std::nullopt;
  both.running = body.substr(first + 1, second - first - 1);
  both.tried = body.substr(second + 1);
  return both;
}

int answerCheck(const Command& command, const platform::Channel& master) {
  const std::map<std::string, std::size_t> held = heldBy(master);
  tell(master, HandoverCheck::programMessage,
       HandoverCheck::program(platform::programId(platform::parentPid()), std::string(programId())));
  const Plan plan = resolve(Worker::all(), command, capabilities());
  if (const auto may = platform::mayFork(); !may) throw SetupError(Exit::failed, may.error().message);
  const ServiceFiles files = ServiceFiles::of(command);
  refuseSharedPaths(plan, files);
  refuseUnwritable(files, plan.background);
  tellCertificates(master, plan);
  SocketFiles made;
  try {
    for (const PlannedWorker& one : plan.workers) {
      if (one.listener.empty()) continue;
      Worker::Core& core = one.worker->core();
      const auto known = held.find(one.listener);
      const std::size_t needed = one.ownSockets() ? static_cast<std::size_t>(one.count) : 1;
      for (std::size_t i = known == held.end() ? 0 : known->second; i < needed; ++i) {
        const platform::NativeSocket socket = core.bind();
        if (core.address.kind == platform::SocketKind::unixStream) {
          made.add({core.address.host, platform::socketIdentity(core.address.host)});
          tell(master, HandoverCheck::socketFileMessage, core.address.host);
        }
        tell(master, HandoverCheck::boundMessage, one.listener, socket);
        platform::closeSocket(socket);
      }
    }
  } catch (...) {
    made.removeAll();
    throw;
  }
  tell(master, HandoverCheck::passedMessage, "");
  return static_cast<int>(Exit::ok);
}

}  // namespace artel
