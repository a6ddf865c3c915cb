// status -d: asks the master once a second and draws what it says, until somebody ends it. Keys are served meanwhile,
// also while an answer is on its way.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "src/master/connections_screen.hpp"
#include "src/master/control.hpp"
#include "src/master/live_view.hpp"
#include "src/master/service_commands.hpp"

namespace artel {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
constexpr Milliseconds usual = 1s, longest = 5s;
constexpr auto patience = 5s;      ///< with a master that says nothing
constexpr auto askAgain = 50ms;    ///< a master that executes itself at a reload may cut an answer off
constexpr int shareOfAsking = 10;  ///< a tenth of the time, at most, is spent on asking: many connections take long

bool put(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

/// A picture that is being asked for: the status, and then the rows of the connections where they are wanted.
struct Asking {
  ControlCall call;
  Clock::time_point began, heard;
  bool timed = false;  ///< not because of a key
  bool rows = false;
  LivePicture picture{};
  ConnectionsReport connections{};
  std::string errors{};
};

struct Reloading {
  ControlCall call;
  std::string outcome{}, error{};
};

class Live {
 public:
  Live(const Command& command, const ServiceFiles& files) : command_(command), files_(files) {
    state_.worker = command.onlyWorker;
    const platform::Terminal screen = platform::standardOutput();
    if (!screen.isTerminal || command.json) return;
    terminal_.emplace(screen.obeys ? "\x1b[?1049h\x1b[?25l" : "", screen.obeys ? "\x1b[?25h\x1b[?1049l" : "");
  }

  int run() {
    while (!exit_) {
      if (!asking_ && Clock::now() >= next()) begin(!state_.paused);
      waitForNews();
    }
    terminal_.reset();
    std::fwrite(errors_.data(), 1, errors_.size(), stderr);
    return *exit_;
  }

 private:
  /// When to ask.
  Clock::time_point next() const {
    if (again_) return *again_;
    return state_.paused ? Clock::time_point::max() : due_;
  }

  void begin(bool timed) {
    again_.reset();
    if (terminal_ && !terminal_->foreground()) {
      due_ = Clock::now() + usual;
      return;
    }
    ControlRequest request = statusRequest(command_, state_.worker, platform::standardOutput());
    if (terminal_) {
      request.values["live"];
      if (!state_.connections && !state_.sort().empty()) request.values["sort"] = state_.sort();
    }
    const auto now = Clock::now();
    auto call = ControlCall::begin(files_.control, request, patience);
    if (!call) return failed(now, &call.error());
    asking_.emplace(Asking{std::move(*call), now, now, timed});
  }

  /// Of the largest connections all have to be known; else as many as there is room for.
  void askForRows() {
    ControlRequest request{"connections", {}};
    if (!state_.worker.empty()) request.values["worker"] = state_.worker;
    if (state_.sort().empty()) request.values["limit"] = std::to_string(rowsThatFit());
    auto call = ControlCall::begin(files_.control, request, patience);
    if (!call) return failed(asking_->began, &call.error());
    asking_->call = std::move(*call);
    asking_->rows = true;
  }

  std::uint64_t rowsThatFit() const {
    const platform::Terminal screen = platform::standardOutput();
    const auto& numbers = asking_->picture.numbers;
    return liveRows(numbers ? liveHeader(state_, *numbers, screen, every_) : "", screen);
  }

  void hear() {
    Asking& asking = *asking_;
    const auto state = asking.call.take([&](std::string_view kind, std::string_view text) {
      asking.heard = Clock::now();
      if (kind == "err") {
        asking.errors.append(text) += '\n';
      } else if (asking.rows) {
        asking.connections.take(text);
      } else if (auto numbers = asking.picture.screen.empty() ? parseLive(text) : std::nullopt) {
        asking.picture.numbers = std::move(numbers);
      } else {
        asking.picture.screen.append(text) += '\n';
      }
    });
    if (state == ControlCall::State::cut ||
        (state == ControlCall::State::waits && Clock::now() - asking.heard > patience))
      return failed(asking.began, nullptr);
    if (state == ControlCall::State::waits) return;
    if (asking.call.code() == static_cast<int>(Exit::usage) && picture_.numbers && !state_.worker.empty()) {
      state_.notice = "there is no worker \"" + std::exchange(state_.worker, "") + "\" any more";  // a reload
      asking_.reset();
      begin(!state_.paused);
    } else if (asking.call.code() != 0) {
      errors_ = asking.errors;  // said when the terminal is as it was
      exit_ = asking.call.code();
    } else if (terminal_ && state_.connections && !asking.rows) {
      askForRows();
    } else {
      answered();
    }
  }

  void answered() {
    Asking& asking = *asking_;
    failingSince_.reset();
    const auto now = Clock::now();
    every_ = std::clamp(std::chrono::duration_cast<Milliseconds>((now - asking.began) * shareOfAsking), usual, longest);
    if (asking.timed && (due_ += every_) < now) due_ = now + every_;
    if (asking.rows) {
      asking.connections.sort(state_.sort());
      const std::uint64_t most = rowsThatFit();
      if (asking.connections.rows.size() > most) asking.connections.rows.resize(most);
      asking.picture.screen = connectionsScreen(asking.connections, platform::standardOutput(), false);
    }
    picture_ = std::move(asking.picture);
    if (picture_.numbers && (asking.timed || state_.connectionHistory.empty()))
      state_ = sampled(std::move(state_), *picture_.numbers);
    asking_.reset();
    draw();
  }

  void failed(Clock::time_point began, const Error* why) {
    asking_.reset();
    if (!isRunning(files_)) throw notRunning(files_, command_.program);
    const auto now = Clock::now();
    if (!failingSince_) failingSince_ = began;
    if (now - *failingSince_ >= patience || (why != nullptr && why->code == Errc::permissionDenied))
      throw notAnswering(files_, command_.program, why);
    again_ = now + askAgain;
  }

  void draw() {
    if (terminal_ && !terminal_->foreground()) return;
    const std::string& screen = picture_.screen;
    if (!put(terminal_ ? liveFrame(state_, picture_, platform::standardOutput(), every_) : screen)) exit_ = 0;
  }

  void waitForNews() {
    std::vector<platform::NativeSocket> sockets;
    if (terminal_) sockets = terminal_->sockets();
    if (asking_) sockets.push_back(asking_->call.native());
    if (reloading_) sockets.push_back(reloading_->call.native());
    const auto now = Clock::now();
    const auto until = asking_ ? asking_->heard + patience + 1ms : std::min(next(), now + (front_ ? longest : usual));
    const auto wakeup = signals_.wait(sockets, std::max(std::chrono::ceil<Milliseconds>(until - now), Milliseconds(0)));
    using platform::Notice;
    if (wakeup.notice == Notice::stop || wakeup.notice == Notice::stopNow || wakeup.notice == Notice::stopGracefully) {
      exit_ = 0;
      return;
    }
    if (reloading_) hearReload();
    if (asking_) hear();
    if (terminal_ && !exit_) keys();
  }

  void keys() {
    const auto news = terminal_->take();
    // A shell says nothing to a job that runs when it gives it the terminal.
    const bool wasFront = std::exchange(front_, terminal_->foreground());
    bool ask = news.redraw || (front_ && !wasFront);  // what was drawn does not fit any more
    for (const char key : plainKeys(news.keys)) {
      static const std::vector<std::string> none;
      auto step = pressed(std::move(state_), key, picture_.numbers ? picture_.numbers->workers : none);
      state_ = std::move(step.state);
      if (step.wish == LiveWish::quit) {
        exit_ = 0;
        return;
      }
      if (step.wish == LiveWish::ask) ask = true;
      if (step.wish == LiveWish::reload) reload();
      if (step.wish == LiveWish::draw) draw();
    }
    if (state_.paused && asking_ && asking_->timed && !picture_.screen.empty()) asking_.reset();  // it would be drawn
    if (!ask) return;
    const bool timed = asking_ && asking_->timed;
    asking_.reset();
    begin(timed || (!state_.paused && Clock::now() >= due_));
  }

  void reload() {
    auto call = ControlCall::begin(files_.control, {"reload", {{"wait", ""}}}, patience);
    state_.notice = call ? "reloading ..." : "reload: " + call.error().message;
    if (call) reloading_.emplace(Reloading{std::move(*call)});
    draw();
  }

  void hearReload() {
    Reloading& reloading = *reloading_;
    const auto state = reloading.call.take([&](std::string_view kind, std::string_view text) {
      std::string& into = kind == "err" ? reloading.error : reloading.outcome;
      if (kind != "err" || into.empty()) into = text;
    });
    if (state == ControlCall::State::waits) return;
    if (state == ControlCall::State::cut) reloading.error = "reload: the master ended before it was done";
    state_.notice = reloading.error.empty() ? "reload: " + reloading.outcome : reloading.error;
    reloading_.reset();
    draw();
  }

  const Command& command_;
  const ServiceFiles& files_;
  platform::Supervisor signals_;  // before the terminal: nothing may end this process in between
  std::optional<platform::LiveTerminal> terminal_;
  LiveState state_;
  LivePicture picture_;
  Milliseconds every_ = usual;
  Clock::time_point due_ = Clock::now();
  std::optional<Clock::time_point> again_;  ///< the last try failed
  std::optional<Clock::time_point> failingSince_;
  std::optional<Asking> asking_;
  std::optional<Reloading> reloading_;
  std::optional<int> exit_;
  bool front_ = true;  ///< when it was looked at last
  std::string errors_;
};

}  // namespace

int runLiveStatus(const Command& command, const ServiceFiles& files) { return Live(command, files).run(); }

}  // namespace artel
