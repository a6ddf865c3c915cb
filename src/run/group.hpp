// The programs that artel-run runs: asked, started, watched, started again, stopped.
//
//   ask ─► table ─► start ─► wait ─► lines, ends ─► start again in 1 s … 30 s ─┐
//                             ▲ └─ stop: all are asked to ─► all have ended     │
//                             └─────────────────────────────────────────────────┘
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/run/answer.hpp"
#include "src/run/lines.hpp"
#include "src/run/options.hpp"
#include "src/run/pace.hpp"

namespace artel::run {

class Group {
 public:
  explicit Group(Options options);
  /// The whole day; the exit code. Throws SetupError before anything was started.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Question {
    std::string name, program, worker;  ///< worker empty: all of them
    platform::Pid pid = 0;
    std::string printed;
    bool answered = false;
  };
  struct Child {
    std::string name;
    std::vector<std::string> words;
    Lines lines;
    Pace pace;
    platform::Pid pid = 0;   ///< 0: it does not run
    platform::Pid last = 0;  ///< the one that runs, or ran
    Clock::time_point due{};
  };

  std::vector<std::string> wordsFor(const Question& question, const std::vector<std::string>& command) const;
  /// False when it is to stop before all have answered.
  bool ask(std::vector<Question>& questions);
  bool askAll();
  void plan(const Question& question, const Answer& answer);
  void screen();
  void start(Child& child);
  void startDue();
  void ended(Child& child, const std::string& how);
  void heard(const platform::Programs::News& news);
  void noticed(platform::Notice notice);
  void stop();
  void killAll();
  bool anyRuns() const noexcept;
  std::chrono::milliseconds untilDue() const;
  void say(const std::string& text);
  void print(const std::string& text);

  Options options_;
  platform::Terminal terminal_;
  platform::Programs programs_;
  struct Row {
    std::string name;
    Answer::Row row;
  };
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::vector<std::string>>> planned_;  ///< name, words
  std::vector<Child> children_;
  std::map<platform::Pid, std::size_t> byPid_;  ///< of those before them, too: their last lines may come late
  Lines own_{"artel-run", 0, 0};
  bool stopping_ = false;
  bool written_ = true;       ///< the last lines could be
  bool nobodyReads_ = false;  ///< what is printed, any more
  int exitCode_ = 0;
};

}  // namespace artel::run
