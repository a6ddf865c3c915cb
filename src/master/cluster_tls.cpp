// Certificates and session tickets: the master reads, makes and renews them; its processes get bytes.
#include <algorithm>
#include <cstring>

#include "artel/log.hpp"
#include "src/master/cluster.hpp"
#include "src/worker/core.hpp"

namespace artel {

/// Each turn; does something every few seconds.
void Cluster::lookAfterTls() {
  if (Clock::now() < nextTls_) return;
  bool any = false;
  Clock::time_point next = Clock::time_point::max();
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    any = any || core.tls;
    const bool rotated = core.rotateTickets();
    next = std::min(next, core.ticketsRotated + rotateTicketsEvery);
    if (!rotated) continue;  // also without TLS: its processes may listen with it at run time
    std::string keys = core.tickets.bytes();
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned == &planned) pass(slot, process, WorkerProcess::ticketsMessage, keys, platform::noSocket);
    });
    net::wipe(keys);
  }
  if (any && nextTls_ != Clock::time_point{}) lookAtCertificates(false);
  nextTls_ = any ? std::min(next, Clock::now() + lookAtTlsEvery) : next;
}

/// `now`: a reload asks for it.
void Cluster::lookAtCertificates(bool now) {
  for (const PlannedWorker& planned : plan_.workers) {
    Worker::Core& core = planned.worker->core();
    if (!core.tls || !core.lookAtTls(now)) continue;
    std::string bytes = encodeCertificates(core.tlsFiles.settings);
    const std::size_t size = bytes.size();
    auto memory = platform::SharedMemory::create(size);
    if (memory) std::memcpy(memory->data(), bytes.data(), size);
    net::wipe(bytes);
    if (!memory) {
      log::error(core.label() + ": new certificates cannot be passed on: " + memory.error().message);
      continue;
    }
    forEach([&](Slot& slot, Process& process) {
      if (slot.planned != &planned) return;
      pass(slot, process, WorkerProcess::certificatesMessage, std::to_string(size), memory->native());
    });
  }
}

}  // namespace artel
