#include "src/master/json.hpp"
#include "src/master/status_report.hpp"

namespace artel {

namespace {

std::string_view nameOf(const StatusReport::Process& process) {
  if (process.stopped) return "stopped";
  if (process.state == StatusReport::State::starting) return "starting";
  if (process.numbers && process.numbers->busy()) return "busy";
  if (process.state == StatusReport::State::stopping) return "stopping";
  return process.numbers ? "idle" : "unknown";
}

void microseconds(JsonWriter& json, std::string_view key, const std::optional<std::chrono::nanoseconds>& time) {
  json.key(key);
  if (time)
    json.real(static_cast<double>(time->count()) / 1000);
  else
    json.null();
}

double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

void numbersOf(JsonWriter& json, const WorkerNumbers& n) {
  json.key("connections").number(n.connections);
  json.key("send_fail").number(n.sendFails);
  json.key("timers").number(n.timers);
  json.key("requests").number(n.requests);
  json.key("qps").real(n.requestRate);
  json.key("bytes_in").number(n.bytesIn).key("bytes_out").number(n.bytesOut);
  json.key("bytes_in_per_s").real(n.inRate).key("bytes_out_per_s").real(n.outRate);
  microseconds(json, "p50_us", n.callback50);
  microseconds(json, "p99_us", n.callback99);
  microseconds(json, "loop_lag_us", n.turn99);
  json.key("longest_turn_ms").number(n.longestTurn.count());
  json.key("sendq_bytes");
  n.sendQueue ? json.number(*n.sendQueue) : json.null();
  json.key("build").text(n.build);
  if (!n.busy()) return;
  json.key("busy").object().key("for_ms").number(n.inTurn.count());
  json.key("callback").text(net::nameOf(n.running));
  if (const auto subject = net::subjectOf(n.running); !subject.empty()) json.key(subject).number(n.subject);
  json.end();
}

}  // namespace

std::string statusJson(const StatusReport& report) {
  JsonWriter json;
  json.object().key("schema").number(1);
  json.key("app").text(report.app).key("master").number(report.master);
  json.key("version").text(report.version).key("build").text(report.build).key("program").text(report.program);
  json.key("loop").text(report.loop).key("system").text(report.system);
  json.key("background").boolean(report.background);
  json.key("started").text(report.startedAt).key("uptime_s").real(seconds(report.uptime));
  json.key("load").array();
  for (const auto& load : report.load) load ? json.real(*load) : json.null();
  json.end();
  json.key("reloads").number(report.reloads);
  if (report.stopping) json.key("stopping").boolean(true);
  if (const auto& failed = report.failedReload)
    json.key("reload_failed").object().key("why").text(failed->why).key("ago_s").real(seconds(failed->ago)).end();
  json.key("workers").array();
  for (const auto& group : report.workers) {
    json.object().key("name").text(group.name).key("listen").text(group.listen);
    json.key("transport").text(group.transport).key("count").number(group.count);
    json.key("exits").array();
    for (const auto& ended : group.ended)
      json.object()
          .key("reason")
          .text(ended.reason)
          .key("count")
          .number(ended.count)
          .key("last_s")
          .real(seconds(ended.ago))
          .end();
    json.end();
    json.key("processes").array();
    for (const auto& process : group.processes) {
      json.object().key("pid").number(process.pid).key("id").number(process.id);
      json.key("state").text(nameOf(process)).key("uptime_s").real(seconds(process.uptime));
      json.key("rss_bytes").number(std::uint64_t{process.memory});
      if (process.numbers) numbersOf(json, *process.numbers);
      json.end();
    }
    json.end().end();
  }
  json.end().end();
  return json.out() + "\n";
}

}  // namespace artel
