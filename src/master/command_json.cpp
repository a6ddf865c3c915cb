#include "src/master/command_json.hpp"

namespace artel {

JsonWriter& add(JsonWriter& json, const LibraryVersion& library) {
  json.key("name").text(library.name).key("compiled").text(library.compiled);
  return json.key("found").textOrNull(library.found);
}

std::string errorJson(const std::string& app, const SetupError& error, const std::vector<Worker*>& workers) {
  JsonWriter json;
  const std::string code = std::to_string(static_cast<int>(error.exit()));
  json.object().key("schema").number(1).key("app").text(app);
  json.key("error").object().key("id").text("E" + std::string(code.size() < 2 ? "0" : "") + code);
  json.key("message").text(error.what()).key("hints").array();
  for (const auto& [label, hint] : error.hints()) json.object().key("label").text(label).key("text").text(hint).end();
  json.end().end().key("worker_names").array();
  for (const Worker* worker : workers) json.text(worker->name);
  json.end().end();
  return json.out() + "\n";
}

std::string versionJson(const VersionReport& report) {
  JsonWriter json;
  json.object().key("schema").number(1).key("app").text(report.app);
  json.key("version").text(report.version).key("build").text(report.build).key("program").text(report.program);
  json.key("libraries").array();
  for (const LibraryVersion& library : report.libraries) add(json.object(), library).end();
  json.end().end();
  return json.out() + "\n";
}

std::string answerJson(const std::string& app, const CommandAnswer& answer) {
  JsonWriter json;
  json.object().key("schema").number(1).key("app").text(app).key("code").number(answer.code);
  json.key("said").array();
  for (const std::string& line : answer.said) json.text(line);
  json.end().key("errors").array();
  for (const std::string& line : answer.errors) json.text(line);
  json.end().end();
  return json.out() + "\n";
}

}  // namespace artel
