// Every example, on every system: it says what it has, serves at another address than its own, and stops when asked to.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>

#include "artel/artel.hpp"
#include "src/run/answer.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

std::vector<std::string> examples() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(ARTEL_SOURCE_DIR) + "/examples")) {
    if (entry.path().extension() == ".cpp" || entry.is_directory()) names.push_back(entry.path().stem().string());
  }
  return names;
}

TEST(Examples, EachStartsAndStops) {
  std::map<std::string, std::unique_ptr<Program>> programs;
  for (const std::string& name : examples())
    programs[name] = std::make_unique<Program>(name, std::vector<std::string>{"check", "--json"});
  ASSERT_GT(programs.size(), 25u);
  std::map<std::string, std::string> listen, worker;
  for (auto& [name, check] : programs) {
    // Of a program with several Workers the first one, as it has to be where a process has one.
    for (int asked = 0; asked < 2; ++asked) {
      const int code = check->wait(20s);
      const run::Answer answer = run::parseAnswer(name, check->out());
      if (answer.oneByOne.empty()) {
        ASSERT_EQ(code, 0) << name << check->err();
        ASSERT_FALSE(answer.rows.empty()) << name;
        listen[name] = answer.rows[0].listen;
        worker[name] = answer.rows[0].worker;
        break;
      }
      check =
          std::make_unique<Program>(name, std::vector<std::string>{"check", "--json", "--worker", answer.oneByOne[0]});
    }
  }
  for (auto& [name, program] : programs) {
    const std::string of = worker[name] == "none" ? "" : worker[name] + "=";
    std::vector<std::string> words{"start"};
    if (!of.empty()) words.insert(words.end(), {"--worker", worker[name]});
    if (const auto scheme = listen[name].find("://"); scheme != std::string::npos) {
      const std::string address = of + listen[name].substr(0, scheme) + "://127.0.0.1:0";
      words.insert(words.end(), {"--listen", address, "--count", of + "1"});
    }
    if (name == "push_from_outside") words.insert(words.end(), {"--", "text://127.0.0.1:0"});
    program = std::make_unique<Program>(name, words);
  }
  for (const auto& [name, program] : programs) {
    if (listen[name] == "none") {
      EXPECT_TRUE(program->until([&, p = program.get()] { return p->out().find("running ") != std::string::npos; }));
    } else {
      EXPECT_NE(program->port(), 0) << name;
    }
    EXPECT_TRUE(program->askToStop()) << name;
  }
  for (const auto& [name, program] : programs) EXPECT_EQ(program->wait(20s), 0) << name << program->err();
}

}  // namespace
}  // namespace artel::testing
