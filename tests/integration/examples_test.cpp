// Every example, on every system: it says what it has, serves at another address than its own, and stops when asked to.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
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

class Examples {
 public:
  /// All of them at the same time, from the first question to the exit code.
  void run(const std::vector<std::string>& names) {
    for (const std::string& name : names) all_.push_back({name, ask(name, ""), "", ""});
    for (Example& one : all_) learn(one);
    for (Example& one : all_) start(one);
    for (Example& one : all_) {
      SCOPED_TRACE(one.name);
      if (one.listen == "none") {
        one.program->until([&] { return one.program->out().find("running ") != std::string::npos; });
      } else {
        EXPECT_NE(one.program->port(), 0);
        const bool datagrams = one.listen.starts_with("udp://");
        EXPECT_TRUE(datagrams || Wire(one.program->port()).connected());
      }
      const bool endsByItself = one.name == "websocket_client";  // its server is not there
      EXPECT_TRUE(endsByItself || one.program->askToStop());
    }
    for (Example& one : all_) EXPECT_EQ(one.program->wait(), 0) << one.name << ": " << one.program->err();
  }

 private:
  struct Example {
    std::string name;
    std::unique_ptr<Program> program;
    std::string worker, listen;
  };

  static std::unique_ptr<Program> ask(const std::string& name, const std::string& worker) {
    std::vector<std::string> words{"check", "--json"};
    if (!worker.empty()) words.insert(words.end(), {"--worker", worker});
    return std::make_unique<Program>(name, words);
  }
  /// Of a program with several Workers the first one, as it has to be where a process has one.
  static void learn(Example& one) {
    SCOPED_TRACE(one.name);
    one.program->wait();
    run::Answer answer = run::parseAnswer(one.name, one.program->out());
    if (!answer.oneByOne.empty()) {
      one.program = ask(one.name, answer.oneByOne.front());
      one.program->wait();
      answer = run::parseAnswer(one.name, one.program->out());
    }
    ASSERT_FALSE(answer.rows.empty()) << one.program->err();
    one.worker = answer.rows.front().worker;
    one.listen = answer.rows.front().listen;
  }
  static void start(Example& one) {
    const bool named = one.worker != "none";
    const std::string of = named ? one.worker + "=" : "";
    std::vector<std::string> words{"start"};
    if (named) words.insert(words.end(), {"--worker", one.worker});
    if (const auto scheme = one.listen.find("://"); scheme != std::string::npos)
      words.insert(words.end(),
                   {"--listen", of + one.listen.substr(0, scheme) + "://127.0.0.1:0", "--count", of + "1"});
    if (one.name == "push_from_outside") words.insert(words.end(), {"--", "text://127.0.0.1:0"});
    one.program = std::make_unique<Program>(one.name, words);
  }
  std::vector<Example> all_;
};

TEST(EveryExample, StartsAndStops) {
  const std::vector<std::string> names = examples();
  ASSERT_GT(names.size(), 30u);
  // Not all at once, for a small machine under Wine.
  for (std::size_t at = 0; at < names.size(); at += 10)
    Examples().run({names.begin() + static_cast<std::ptrdiff_t>(at),
                    names.begin() + static_cast<std::ptrdiff_t>(std::min(at + 10, names.size()))});
}

}  // namespace
}  // namespace artel::testing
