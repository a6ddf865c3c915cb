// What the commands ask of a running master. `src/master/control.hpp` has the form, docs/internals.md the list.
#include "src/master/cluster.hpp"

namespace artel {

void Cluster::asked(const Client& client, const ControlRequest& request) {
  const bool graceful = request.has("graceful");
  const auto timeout = [&] {
    const auto given = request.number("timeout");
    return given ? Milliseconds(std::max<std::int64_t>(*given, 0)) : timeoutOf(graceful);
  };
  if (request.command == "stop") {
    stopWaiting_.push_back(client);
    return beginStop(graceful, timeout(), "the command");
  }
  if (request.command == "reload") {
    if (!request.has("wait")) {
      client->out("the reload has begun");
      client->end(static_cast<int>(Exit::ok));
      return beginReload(graceful, timeout(), nullptr, request.has("exec"));
    }
    return beginReload(graceful, timeout(), client, request.has("exec"));
  }
  if (request.command == "hello") return client->end(static_cast<int>(Exit::ok));  // whether anybody answers
  if (request.command == "status") return statusAsked(client, request);
  if (request.command == "connections") return connectionsAsked(client, request);
  if (request.command == "trace") return traceAsked(client, request);
  client->err("the running master does not know the request \"" + request.command + "\"; it is another version");
  client->end(static_cast<int>(Exit::usage));
}

}  // namespace artel
