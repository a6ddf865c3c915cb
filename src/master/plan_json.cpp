#include "artel/version.hpp"
#include "src/master/check_report.hpp"
#include "src/master/command_json.hpp"
#include "src/master/json.hpp"
#include "src/worker/core.hpp"

namespace artel {

namespace {

void verdict(JsonWriter& json, std::string_view bad, const std::string& advice) {
  json.key("verdict").text(advice.empty() ? "ok" : bad);
  if (!advice.empty()) json.key("advice").text(advice);
}

std::string_view kindOf(platform::SocketKind kind) {
  return kind == platform::SocketKind::udp ? "udp" : kind == platform::SocketKind::unixStream ? "unix" : "tcp";
}

void workerOf(JsonWriter& json, const PlannedWorker& one) {
  const Worker& worker = *one.worker;
  const Worker::Core& core = one.worker->core();
  json.object().key("name").text(worker.name).key("listen").text(core.address.none() ? "none" : core.address.text());
  json.key("address");
  if (core.address.none()) {
    json.null();
  } else {
    json.object().key("kind").text(kindOf(core.address.kind)).key("host").text(core.address.host);
    json.key("port").number(int{core.address.port}).end();
  }
  json.key("protocol").textOrNull(core.address.none() ? "" : core.fixedProtocol.name());
  json.key("transport").text(worker.transport).key("count").number(one.count);
  json.key("user").textOrNull(worker.user);
  json.key("group").textOrNull(worker.group);
  json.key("certificates").array();
  for (const TlsFiles::Certificate& each : core.tlsFiles.certificates) {
    json.object().key("name");
    each.name.empty() ? json.null() : json.text(each.name);
    json.key("certificate").text(each.file).key("key_file").text(each.key).key("subject").text(each.report.subject);
    json.key("key").text(each.report.key).key("valid_until").text(dateText(each.report.notAfter)).end();
  }
  json.end();
  json.key("reuse_port").boolean(worker.reusePort).key("reloadable").boolean(worker.reloadable);
  json.end();
}

}  // namespace

std::string planJson(const Plan& plan, const CheckReport& report) {
  JsonWriter json;
  json.object().key("schema").number(1).key("app").text(report.app).key("program").text(report.programFile);
  json.key("version").text(version()).key("build").text(buildId());
  json.key("platform").text(capabilities().platform).key("system").text(platform::systemName());
  json.key("cpus").number(platform::usableCpus());
  json.key("master").boolean(plan.cluster).key("background").boolean(plan.background);
  json.key("processes").number(plan.processes());
  json.key("workers").array();
  for (const PlannedWorker& one : plan.workers) workerOf(json, one);
  json.end().key("files").array();
  for (const auto& [what, path] : report.files)
    json.object().key("setting").text(what).key("path").text(path).key("verdict").text("ok").end();
  json.end().key("may_become_others").boolean(report.mayBecomeOthers);
  json.key("limits").array();
  for (const auto& [name, value, advice] : report.limits) {
    json.object().key("name").text(name).key("value").text(value);
    verdict(json, "low", advice);
    json.end();
  }
  json.end().key("libraries").array();
  for (const LibraryVersion& library : report.libraries) {
    add(json.object(), library);
    verdict(json, "misfit", misfit(library));
    json.end();
  }
  json.end().key("warnings").array();
  for (const std::string& warning : plan.warnings) json.text(warning);
  json.end().end();
  return json.out() + "\n";
}

}  // namespace artel
