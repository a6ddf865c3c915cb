#include "src/run/answer.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "artel/error.hpp"
#include "src/run/json_reader.hpp"

namespace artel::run {

namespace {

/// A main may print before it comes to the answer, and errors follow it.
std::optional<Json> answerIn(std::string_view printed) {
  for (std::size_t at = 0; at < printed.size();) {
    const auto end = std::min(printed.find('\n', at), printed.size());
    const std::string_view line = printed.substr(at, end - at);
    if (line.starts_with("{\"schema\":")) {
      if (auto json = parseJson(line)) return json;
    }
    at = end + 1;
  }
  return std::nullopt;
}

std::string lastLine(std::string_view printed) {
  while (!printed.empty() && (printed.back() == '\n' || printed.back() == '\r')) printed.remove_suffix(1);
  return std::string(printed.substr(printed.rfind('\n') + 1));
}

Exit exitOf(std::string_view id) {
  int code = static_cast<int>(Exit::configuration);
  if (id.starts_with("E")) std::from_chars(id.data() + 1, id.data() + id.size(), code);
  return static_cast<Exit>(code);
}

void refuse(const std::string& program, const Json& error) {
  SetupError::Hints hints;
  for (const Json& hint : error["hints"].items) hints.emplace_back(hint["label"].text, hint["text"].text);
  throw SetupError(exitOf(error["id"].text), program + " would not start: " + error["message"].text, std::move(hints));
}

}  // namespace

Answer parseAnswer(const std::string& program, std::string_view printed) {
  const std::optional<Json> json = answerIn(printed);
  if (!json) {
    SetupError::Hints hints{{"why", "artel-run asks each program what it has before it starts it"},
                            {"try", "a program whose main ends with Worker::runAll(argc, argv)"}};
    if (const std::string said = lastLine(printed); !said.empty()) hints.insert(hints.begin(), {"it said", said});
    throw SetupError(Exit::configuration, program + " did not answer \"check --json\"", std::move(hints));
  }
  Answer answer;
  if (const Json& error = (*json)["error"]; error.kind == Json::Kind::object) {
    const Json& names = (*json)["worker_names"];
    if (error["id"].text != "E07" || names.items.size() < 2) refuse(program, error);
    for (const Json& name : names.items) answer.oneByOne.push_back(name.text);
    std::vector<std::string> sorted = answer.oneByOne;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
      throw SetupError(
          Exit::configuration, program + " has two Workers named \"" + *twice + "\"",
          {{"why", "here each Worker is a process of its own, chosen by its name"}, {"try", "worker.name = \"...\""}});
    return answer;
  }
  if ((*json)["background"].truth)
    throw SetupError(Exit::configuration, program + " goes to the background by itself (Worker::daemonize)",
                     {{"why", "artel-run would take its first process for one that has ended"}});
  for (const Json& worker : (*json)["workers"].items)
    answer.rows.push_back(
        {worker["name"].text, worker["listen"].text, static_cast<int>(std::clamp(worker["count"].number, 0.0, 1e6))});
  return answer;
}

}  // namespace artel::run
