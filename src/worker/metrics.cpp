#include "artel/metrics.hpp"

#include <string>

#include "src/worker/process.hpp"

namespace artel::http {

namespace {

bool asksFor(const Request& request, std::string_view path) {
  return request.path() == path && (request.method() == "GET" || request.method() == "HEAD");
}

constexpr const char* words = "text/plain; charset=utf-8";
constexpr const char* samples = "text/plain; version=0.0.4; charset=utf-8";

Response plain(int status, std::string body, const char* type = words) {
  return {status, {{"Content-Type", type}, {"Cache-Control", "no-store"}}, std::move(body)};
}

}  // namespace

bool serveMetrics(TcpConnection& connection, const Request& request, std::string_view path) {
  if (!asksFor(request, path)) return false;
  WorkerProcess* process = WorkerProcess::current();
  if (process == nullptr) return connection.send(plain(503, "there is no service\n")), true;
  process->numbers().want([weak = connection.weak()](const std::string* text) {
    const auto alive = weak.lock();
    if (!alive) return;
    alive->send(text != nullptr ? plain(200, *text, samples) : plain(503, "the master process does not answer\n"));
  });
  return true;
}

bool serveHealth(TcpConnection& connection, const Request& request, std::string_view path) {
  if (!asksFor(request, path)) return false;
  connection.send(WorkerProcess::serviceStopping() ? plain(503, "stopping\n") : plain(200, "serving\n"));
  return true;
}

}  // namespace artel::http
