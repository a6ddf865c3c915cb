// A page of the connections of this process.
#include <algorithm>

#include "src/net/tls.hpp"
#include "src/worker/connection_rows.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"

namespace artel {

namespace {

/// "1.3" of "TLSv1.3".
std::string_view tlsOf(const Conn& connection) {
  const net::TlsSession* session = connection.tls();
  const std::string_view version = session != nullptr ? session->version() : "";
  return version.substr(std::min(version.find('v') + 1, version.size()));
}

ConnectionRow rowOf(const Worker& worker, const Conn& connection, Conn::Clock now) {
  ConnectionRow row;
  row.worker = worker.name;
  row.id = connection.id();
  row.transport = connection.transport();
  row.protocol = connection.callbacks().protocol.name();
  if (row.protocol.empty()) row.protocol = row.transport;
  row.status = connection.getStatusName();
  row.paused = connection.paused();
  row.receiveQueue = connection.buffered();
  row.sendQueue = connection.queued();
  row.bytesRead = connection.bytesIn();
  row.bytesWritten = connection.bytesOut();
  row.idle = std::chrono::milliseconds(now - connection.lastReceived());
  row.age = connection.age();
  row.tls = tlsOf(connection);
  row.local = connection.getLocalAddress();
  return row;
}

}  // namespace

Page connectionPage(const PageRequest& request) {
  Page page{request.query, request.worker, request.after, false, {}};
  const auto peers = PeerFilter::parse(request.peer).value_or(PeerFilter());
  const Conn::Clock now = Conn::clock();
  std::vector<Worker*> workers;  // those who listen, then what was dialled
  WorkerProcess::eachHolder([&](Worker& worker) { workers.push_back(&worker); });
  std::uint64_t scanned = 0, bytes = 0;
  for (; page.worker < workers.size(); ++page.worker, page.after = 0) {
    Worker& worker = *workers[page.worker];
    if (!request.workerName.empty() && worker.name != request.workerName) continue;
    Connections& all = worker.connections();
    for (auto at = all.after(page.after); at != all.end(); ++at) {
      const auto& [id, one] = *at;
      if (page.rows.size() >= request.rows || bytes >= PageRequest::mostBytes || scanned >= PageRequest::mostScanned)
        return page;
      page.after = id;
      ++scanned;
      const Conn& connection = Conn::of(*one);
      if (!request.status.empty() && connection.getStatusName() != request.status) continue;
      const std::string address = connection.getRemoteAddress();
      if (!request.peer.empty() && !peers.matches(connection.getRemoteIp(), address)) continue;
      ConnectionRow row = rowOf(worker, connection, now);
      row.remote = address;
      row.ipv6 = !address.empty() && address.front() == '[';
      row.ipv4 = !address.empty() && !row.ipv6;
      page.rows.push_back(encodeRow(row));
      bytes += page.rows.back().size() + 1;
    }
  }
  page.last = true;
  return page;
}

}  // namespace artel
