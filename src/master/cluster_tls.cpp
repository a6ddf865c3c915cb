// Certificates and session tickets: the master reads, makes and renews them; its processes get bytes.
#include <cstring>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"

namespace artel {

/// Each turn; does something every few seconds.
void Cluster::lookAfterTls() {
  if (Clock::now() < nextTls_) return;
  bool any = false;
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    any = any || core.tls;
    if (!core.rotateTickets()) continue;  // also without TLS: its processes may listen with it at run time
    const std::string keys = core.tickets.bytes();
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned == &planned) pass(slot, process, WorkerProcess::ticketsMessage, keys, platform::noSocket);
    });
  }
  if (any && nextTls_ != Clock::time_point{}) lookAtCertificates(false);
  nextTls_ = Clock::now() + (any ? lookAtTlsEvery : Milliseconds(rotateTicketsEvery));
}

void Cluster::pass(const Slot& slot, const Process& process, char kind, const std::string& body,
                   platform::NativeSocket file) {
  if (!process.channel) return;
  if (const auto put = process.channel.put(kind, body, file); !put)
    log::error(nameOf(slot) + " (pid " + std::to_string(process.pid) + ") did not get the new " +
               (kind == WorkerProcess::ticketsMessage ? "keys of session tickets" : "certificates") + ": " +
               put.error().message);
}

/// `now`: a reload asks for it.
void Cluster::lookAtCertificates(bool now) {
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    if (!core.tls || !core.lookAtTls(now)) continue;
    const std::string bytes = encodeCertificates(core.tlsFiles.settings);
    auto memory = platform::SharedMemory::create(bytes.size());
    if (!memory) {
      log::error(core.label() + ": new certificates cannot be passed on: " + memory.error().message);
      continue;
    }
    std::memcpy(memory->data(), bytes.data(), bytes.size());
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned != &planned) return;
      pass(slot, process, WorkerProcess::certificatesMessage, std::to_string(bytes.size()), memory->native());
    });
  }
}

}  // namespace artel
