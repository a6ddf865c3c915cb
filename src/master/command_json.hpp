// What commands say with --json, where it is more than their own report: one object on one line, schema 1; keys are
// only added. Pure.
#pragma once

#include <string>
#include <vector>

#include "artel/error.hpp"
#include "artel/worker.hpp"
#include "src/master/json.hpp"
#include "src/master/libraries.hpp"

namespace artel {

/// {"schema":1,"app":"chat","error":{"id":"E06",...},"worker_names":["web"]}, instead of any other answer. The names:
/// of what this program has, for who starts its Workers one by one.
std::string errorJson(const std::string& app, const SetupError& error, const std::vector<Worker*>& workers);

/// Its keys, into the object that is open.
JsonWriter& add(JsonWriter& json, const LibraryVersion& library);

struct VersionReport {
  std::string app, version, build, program;
  std::vector<LibraryVersion> libraries;
};
std::string versionJson(const VersionReport& report);

/// stop and reload: what the master said, and the exit code.
struct CommandAnswer {
  std::vector<std::string> said, errors;
  int code = 0;
};
std::string answerJson(const std::string& app, const CommandAnswer& answer);

}  // namespace artel
