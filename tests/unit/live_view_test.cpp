// `status -d`: what keys make of it, and how it is drawn (row 1.14.2). The screens themselves are in
// status_screen_test.cpp.
#include "src/master/live_view.hpp"

#include <gtest/gtest.h>

#include "src/master/connections_screen.hpp"
#include "src/master/sparkline.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> workers{"gateway", "web"};
const std::string keyLine = "q quit  s sort  w worker  c connections  p pause  r reload  ? help";

std::string frame(const std::string& screen, const platform::Terminal& terminal, const LiveState& state = {}) {
  return liveFrame(state, {std::nullopt, screen}, terminal, 1s);
}

LiveStep after(std::string_view keys, LiveState state = {}) {
  LiveStep step{std::move(state), LiveWish::nothing};
  for (const char key : keys) step = pressed(std::move(step.state), key, workers);
  return step;
}

TEST(LiveView, AFrameIsDrawnOverTheLastOne) {
  EXPECT_EQ(frame("a\nb\n", {true, false, 80, 24, true}),
            "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[K\n" + keyLine + "\x1b[K\x1b[J");
}

TEST(LiveView, AFrameFitsTheTerminal) {
  EXPECT_EQ(frame("1\n2\n3\n4\n5\n", {true, false, 80, 5, true}),
            "\x1b[H1\x1b[K\n2\x1b[K\n... 3 lines more\x1b[K\n\x1b[K\n" + keyLine + "\x1b[K\x1b[J");
  EXPECT_EQ(frame("1\n2\n3\n", {true, false, 80, 5, true}),
            "\x1b[H1\x1b[K\n2\x1b[K\n3\x1b[K\n\x1b[K\n" + keyLine + "\x1b[K\x1b[J");
  EXPECT_EQ(frame("", {true, false, 60, 5, true}), "\x1b[H\x1b[K\nq quit  ? help  keys s w c p r\x1b[K\x1b[J");
}

TEST(LiveView, ATerminalThatDoesNotObeyGetsLines) {
  EXPECT_EQ(frame("a\nb\n", {true, false, 80, 24}), "a\nb\n\n" + keyLine + "\n");
}

TEST(LiveView, ThereIsRoomForTheRowsThatAreAskedFor) {
  const platform::Terminal terminal{true, false, 80, 24, true};
  LiveState state;
  state.connections = true;
  ConnectionsReport report;
  const std::string header = liveHeader(state, {}, terminal, 1s);
  report.rows.resize(static_cast<std::size_t>(liveRows(header, terminal)));
  const auto lines = [&] {
    const std::string shown =
        liveFrame(state, {LiveNumbers{}, connectionsScreen(report, terminal, false)}, terminal, 1s);
    EXPECT_EQ(shown.find("lines more") == std::string::npos, shown.find("shown.") != std::string::npos);
    return std::count(shown.begin(), shown.end(), '\n');
  };
  EXPECT_EQ(lines(), 23) << "the last line is the terminal's last";
  report.rows.resize(report.rows.size() + 1);
  EXPECT_EQ(lines(), 23);
  EXPECT_EQ(liveRows("1\n2\n3\n", {true, false, 80, 4, true}), 1u);
}

TEST(LiveView, KeysAreWhatTheLastLineSays) {
  EXPECT_EQ(after("q").wish, LiveWish::quit);
  EXPECT_EQ(after("s").wish, LiveWish::ask);
  EXPECT_EQ(after("s").state.sort(), "mem");
  EXPECT_EQ(after("ss").state.sort(), "conn");
  EXPECT_EQ(after("ssssss").state.sort(), "") << "as they come, once more";
  EXPECT_EQ(after("cs").state.sort(), "sendq") << "connections have columns of their own";
  EXPECT_EQ(after("scsc").state.sort(), "mem") << "and the processes keep theirs";
  EXPECT_EQ(after("csssssss").state.sort(), "");
  EXPECT_EQ(after("c").wish, LiveWish::ask);
  EXPECT_TRUE(after("c").state.connections);
  EXPECT_FALSE(after("cc").state.connections);
  EXPECT_TRUE(after("p").state.paused);
  EXPECT_EQ(after("p").wish, LiveWish::draw);
  EXPECT_FALSE(after("pp").state.paused);
  EXPECT_EQ(after("pp").wish, LiveWish::ask) << "what is there now";
  EXPECT_TRUE(after("?").state.help);
  EXPECT_FALSE(after("?q").state.help) << "any key goes back";
  EXPECT_EQ(after("?q").wish, LiveWish::draw);
  EXPECT_EQ(after("x").wish, LiveWish::draw);
}

TEST(LiveView, WorkersComeOneAfterAnother) {
  LiveState state;
  state.connectionHistory = state.requestHistory = {1, 2};
  EXPECT_EQ(after("w", state).state.worker, "gateway");
  EXPECT_EQ(after("w", state).wish, LiveWish::ask);
  EXPECT_TRUE(after("w", state).state.connectionHistory.empty()) << "those were of others";
  EXPECT_TRUE(after("w", state).state.requestHistory.empty());
  EXPECT_EQ(after("ww").state.worker, "web");
  EXPECT_EQ(after("www").state.worker, "");
  state.worker = "gone";
  EXPECT_EQ(after("w", state).state.worker, "");
  EXPECT_EQ(pressed({}, 'w', {}).state.worker, "");
}

TEST(LiveView, AReloadAsksFirst) {
  EXPECT_EQ(after("r").wish, LiveWish::draw);
  EXPECT_NE(frame("", {true, false, 80, 24, true}, after("r").state).find("y/n"), std::string::npos);
  EXPECT_EQ(after("ry").wish, LiveWish::reload);
  EXPECT_EQ(after("rY").wish, LiveWish::reload);
  EXPECT_EQ(after("rn").wish, LiveWish::draw);
  EXPECT_EQ(after("rq").wish, LiveWish::draw) << "no, and nothing else";
  EXPECT_EQ(after("rny").wish, LiveWish::draw);
  EXPECT_EQ(after("y").wish, LiveWish::draw);
  LiveState done;
  done.notice = "reload: 2 workers replaced";
  EXPECT_NE(frame("", {true, false, 80, 24, true}, done).find("\nreload: 2 workers replaced\x1b[K"), std::string::npos);
  EXPECT_EQ(after("x", done).state.notice, "") << "until a key is pressed";
}

TEST(LiveView, ArrowsAreNoKeys) {
  EXPECT_EQ(plainKeys("sq"), "sq");
  EXPECT_EQ(plainKeys("\x1b[As\x1b[1;5Cq"), "sq");
  EXPECT_EQ(plainKeys("\x1bOPc\x1b[24~"), "c") << "function keys";
  EXPECT_EQ(plainKeys("\x1bqs"), "s") << "Alt and a letter";
  EXPECT_EQ(plainKeys("\x1b"), "\x1b");
  EXPECT_EQ(plainKeys("\x1b["), "");
  EXPECT_EQ(plainKeys(""), "");
}

TEST(LiveView, TheLastRedrawsAreKept) {
  LiveState state;
  LiveNumbers numbers;
  for (std::uint64_t i = 1; i <= LiveState::longestHistory + 5; ++i) {
    numbers.connections = i;
    numbers.requestRate = 2 * i;
    state = sampled(std::move(state), numbers);
  }
  EXPECT_EQ(state.connectionHistory.size(), LiveState::longestHistory);
  EXPECT_EQ(state.connectionHistory.front(), 6u);
  EXPECT_EQ(state.requestHistory.back(), 2 * (LiveState::longestHistory + 5));
}

TEST(LiveView, BarsAreFromNothingToTheLargest) {
  const std::vector<std::uint64_t> rising{0, 100, 200, 300, 400, 500, 600, 700};
  EXPECT_EQ(sparkline(rising, false), ".:-=+*#%");
  EXPECT_EQ(sparkline(rising, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>{0, 0}, false), "..");
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>{7, 7}, false), "%%");
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>{0, UINT64_MAX}, false), ".%");
  EXPECT_EQ(sparkline({}, true), "");
}

TEST(LiveNumbers, TravelInOneLine) {
  LiveNumbers numbers{"chat", 1234ms, 10, 18204, 4829, 900us, {"gateway", "a\tname"}};
  const std::string line = lineOf(numbers);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = parseLive(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->app, "chat");
  EXPECT_EQ(back->uptime, 1234ms);
  EXPECT_EQ(back->processes, 10u);
  EXPECT_EQ(back->connections, 18204u);
  EXPECT_EQ(back->requestRate, 4829u);
  EXPECT_EQ(back->callback99, 900us);
  EXPECT_EQ(back->workers, (std::vector<std::string>{"gateway", "a name"}));
}

TEST(LiveNumbers, WhatAnotherVersionSaysIsBounded) {
  EXPECT_FALSE(parseLive(""));
  EXPECT_FALSE(parseLive("live"));
  EXPECT_FALSE(parseLive("chat  up 00:00:07  since 2026-11-28")) << "the screen of a master that has no such line";
  const auto odd =
      parseLive("live\tapp\tuptime_ms=99999999999999999999999\tprocesses=x\tconnections=-1\tnew=1\tworker=");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->processes, 0u);
  EXPECT_EQ(odd->connections, 0u);
  EXPECT_GE(odd->uptime, 0ms);
  EXPECT_FALSE(odd->callback99);
  EXPECT_EQ(odd->workers, std::vector<std::string>{""});
}

}  // namespace
}  // namespace artel
