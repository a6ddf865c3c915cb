#include "src/run/group.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "artel/error.hpp"
#include "artel/version.hpp"
#include "src/master/text_table.hpp"

namespace artel::run {

namespace {

constexpr std::chrono::seconds answerTime{15};
constexpr int colours[] = {36, 33, 32, 35, 34, 96, 93, 92, 95, 94};  // red is for errors

std::string programs(std::size_t count) { return std::to_string(count) + (count == 1 ? " program" : " programs"); }

constexpr std::size_t longestAnswer = std::size_t{1} << 20;

}  // namespace

Group::Group(Options options) : options_(std::move(options)), terminal_(platform::standardOutput()) {}

int Group::run() {
  if (!askAll()) {
    std::fputs("artel-run: stopped before anything was started\n", stderr);
    return 0;
  }
  std::size_t width = std::string_view("artel-run").size();
  for (const auto& [name, words] : planned_) width = std::max(width, name.size());
  own_ = Lines("artel-run", width, terminal_.colour ? 1 : 0);
  for (auto& [name, words] : planned_) {
    const int colour = colours[children_.size() % std::size(colours)];
    children_.push_back({name, std::move(words), Lines(name, width, terminal_.colour ? colour : 0), {}, 0, 0, {}});
  }
  screen();
  for (Child& child : children_) {
    if (!nobodyReads_) start(child);
  }
  while (!stopping_ || anyRuns()) {
    if (nobodyReads_ && !stopping_) {
      noticed(platform::Notice::stop);
      continue;
    }
    const auto wakeup = programs_.wait(untilDue());
    for (const auto& news : wakeup.news) heard(news);
    if (wakeup.notice) noticed(*wakeup.notice);
    if (!stopping_ && !nobodyReads_) startDue();
  }
  for (Child& child : children_) print(child.lines.rest());
  say(exitCode_ == static_cast<int>(Exit::deadlinePassed) ? "not all have stopped in time" : "all have stopped");
  return exitCode_;
}

// ---- before ---------------------------------------------------------------------------------------------------------

std::vector<std::string> Group::wordsFor(const Question& question, const std::vector<std::string>& command) const {
  std::vector<std::string> words{question.program};
  words.insert(words.end(), command.begin(), command.end());
  if (!question.worker.empty()) words.insert(words.end(), {"--worker", question.worker});
  if (!options_.words.empty()) words.emplace_back("--");
  words.insert(words.end(), options_.words.begin(), options_.words.end());
  return words;
}

bool Group::ask(std::vector<Question>& questions) {
  for (Question& question : questions) {
    const auto started = programs_.start(wordsFor(question, {"check", "--json"}));
    if (!started)
      throw SetupError(Exit::configuration, "cannot run " + question.program + ": " + started.error().message,
                       {{"try", "the path of a program, such as ./chat"}});
    question.pid = *started;
  }
  const auto deadline = Clock::now() + answerTime;
  const auto open = [&] {
    return std::find_if(questions.begin(), questions.end(), [](const Question& one) { return !one.answered; });
  };
  while (open() != questions.end()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0)
      throw SetupError(Exit::configuration, open()->name + " did not answer \"check --json\" within " +
                                                std::to_string(answerTime.count()) + " s");
    const auto wakeup = programs_.wait(left);
    for (const auto& news : wakeup.news) {
      for (Question& question : questions) {
        if (question.pid != news.pid) continue;
        question.printed += news.output;
        question.answered = question.answered || news.exit.has_value();
        if (question.printed.size() > longestAnswer)
          throw SetupError(Exit::configuration,
                           question.name + " prints more than 1 MiB and does not end, asked \"check --json\"",
                           {{"try", "a program whose main ends with Worker::runAll(argc, argv)"}});
      }
    }
    using platform::Notice;
    if (wakeup.notice == Notice::stop || wakeup.notice == Notice::stopGracefully || wakeup.notice == Notice::stopNow)
      return false;
  }
  return true;
}

bool Group::askAll() {
  std::vector<Question> questions;
  const std::vector<std::string> names = namesOf(options_.programs);
  for (std::size_t i = 0; i < names.size(); ++i)
    questions.push_back({names[i], options_.programs[i], "", 0, "", false});
  // A second time of those that here have a process for each Worker.
  while (!questions.empty()) {
    if (!ask(questions)) return false;
    std::vector<Question> next;
    for (const Question& question : questions) {
      const Answer answer = parseAnswer(question.name, question.printed);
      if (answer.oneByOne.empty()) plan(question, answer);
      for (const std::string& worker : answer.oneByOne)
        next.push_back({question.name + "/" + worker, question.program, worker, 0, "", false});
    }
    questions = std::move(next);
  }
  return true;
}

void Group::plan(const Question& question, const Answer& answer) {
  planned_.emplace_back(question.name, wordsFor(question, {"start", "-q"}));
  for (const Answer::Row& row : answer.rows) rows_.push_back({question.name, row});
}

void Group::screen() {
  std::vector<TableRow> rows;
  for (const auto& [name, row] : rows_)
    rows.push_back({{name}, {row.worker}, {row.listen}, {std::to_string(row.processes)}});
  print("artel-run " + std::string(version()) + ": " + programs(children_.size()) + ". Ctrl+C stops " +
        (children_.size() == 1 ? "it" : "them all") + ".\n\n" +
        textTable({{"PROGRAM"}, {"WORKER"}, {"LISTEN", false, 0, true}, {"COUNT", true}}, rows, terminal_.width,
                  terminal_.colour) +
        "\n");
}

// ---- while they run -------------------------------------------------------------------------------------------------

void Group::say(const std::string& text) { print(own_.add(text + "\n")); }

/// A full disk may have room again; who reads a pipe does not come back.
void Group::print(const std::string& text) {
  if (nobodyReads_) return;
  errno = 0;
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (const int why = errno; !written && std::exchange(written_, written)) {
    nobodyReads_ = platform::outputIsGone(why);
    std::fprintf(stderr, "artel-run: lines of programs cannot be written: %s\n",
                 nobodyReads_ ? "nobody reads them any more; stopping" : std::generic_category().message(why).c_str());
  }
  written_ = written;
  std::clearerr(stdout);
}

void Group::start(Child& child) {
  const auto started = programs_.start(child.words);
  child.pace.started(Clock::now());
  if (!started) return ended(child, started.error().message);
  const auto index = static_cast<std::size_t>(&child - children_.data());
  std::erase_if(byPid_, [&](const auto& one) { return one.second == index && one.first != child.last; });
  byPid_[child.last = child.pid = *started] = index;
}

void Group::startDue() {
  for (Child& child : children_) {
    if (child.pid != 0 || Clock::now() < child.due) continue;
    start(child);
    if (child.pid != 0) say(child.name + " was started again, pid " + std::to_string(child.pid));
  }
}

void Group::ended(Child& child, const std::string& how) {
  print(child.lines.rest());
  if (stopping_) return;
  const auto pause = child.pace.ended(Clock::now());
  child.due = Clock::now() + pause;
  say(child.name + " ended: " + how + "; it is started again in " + std::to_string(pause.count()) + " s");
}

void Group::heard(const platform::Programs::News& news) {
  const auto found = byPid_.find(news.pid);
  if (found == byPid_.end()) return;
  Child& child = children_[found->second];
  print(child.lines.add(news.output));
  if (!news.exit || child.pid != news.pid) return;
  child.pid = 0;
  const std::string how = platform::describe(*news.exit);
  // TERM is how it was asked: nobody handles that in a program of another kind, or in one that has just begun.
  const bool well = (news.exit->code == 0 && news.exit->signal == 0) || how == "signal TERM";
  if (stopping_ && !well) {
    say(child.name + " ended: " + how);
    const auto killed = static_cast<int>(Exit::deadlinePassed);
    if (news.exit->code == killed || news.exit->signal != 0)
      exitCode_ = killed;
    else if (exitCode_ == 0)
      exitCode_ = static_cast<int>(Exit::failed);
  }
  ended(child, how);
}

void Group::noticed(platform::Notice notice) {
  switch (notice) {
    case platform::Notice::stopNow:
      return killAll();
    case platform::Notice::stop:
    case platform::Notice::stopGracefully:
      if (stopping_) return killAll();
      stop();
      break;
    default:
      say("passed on");  // reload, reopening of logs: what it means to a program is the program's to say
      break;
  }
  for (const Child& child : children_) {
    if (child.pid != 0) static_cast<void>(platform::notify(child.pid, notice));
  }
}

void Group::stop() {
  stopping_ = true;
  const auto running =
      std::count_if(children_.begin(), children_.end(), [](const Child& child) { return child.pid != 0; });
  say("stopping " + programs(static_cast<std::size_t>(running)) + "; Ctrl+C again kills");
}

void Group::killAll() {
  stopping_ = true;
  exitCode_ = static_cast<int>(Exit::deadlinePassed);
  for (const Child& child : children_) {
    if (child.pid != 0) static_cast<void>(platform::killNow(child.pid));
  }
}

bool Group::anyRuns() const noexcept {
  return std::any_of(children_.begin(), children_.end(), [](const Child& child) { return child.pid != 0; });
}

std::chrono::milliseconds Group::untilDue() const {
  auto soonest = Clock::now() + std::chrono::hours(1);
  for (const Child& child : children_) {
    if (child.pid == 0 && !stopping_) soonest = std::min(soonest, child.due);
  }
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(soonest - Clock::now()), std::chrono::milliseconds(0));
}

}  // namespace artel::run
