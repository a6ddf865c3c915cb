// The screens of `status`, letter by letter (row 1.14.2), at every width where columns go.
#include <gtest/gtest.h>

#include "src/master/json.hpp"
#include "src/master/live_view.hpp"
#include "src/master/status_report.hpp"
#include "src/master/text_table.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/screen.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;
using testing::expectGolden;
using testing::expectScreens;
using testing::widest;

WorkerNumbers numbers(std::uint64_t connections, std::uint64_t requests, double qps) {
  WorkerNumbers n;
  n.connections = connections;
  n.requests = requests;
  n.requestRate = qps;
  n.timers = 12;
  n.sendFails = 3;
  n.bytesIn = 1'000'000;
  n.bytesOut = 2'000'000;
  n.inRate = qps * 1000;
  n.outRate = qps * 7000;
  n.sendQueue = 4096;
  n.callbacks[net::Histogram::bucketOf(750'000)] = 1000;
  n.callback50 = 210us;
  n.callback99 = 800us;
  n.turn99 = 90us;
  n.longestTurn = 7ms;
  n.build = "0.1.0+3f2a";
  return n;
}

StatusReport chat() {
  StatusReport report;
  report.app = "chat";
  report.version = "0.1.0";
  report.build = "0.1.0+3f2a";
  report.program = "c56572c0";
  report.loop = "libuv 1.44.2";
  report.system = "Linux 6.1.0";
  report.startedAt = "2026-11-10 05:02:11";
  report.master = 41200;
  report.background = true;
  report.uptime = 12 * 24h + 4h + 11min;
  report.load = {0.42, 0.38, std::nullopt};
  report.reloads = 3;
  StatusReport::Group gateway{"gateway", "websocket://0.0.0.0:7272", "tcp", 1, {}, {}};
  gateway.processes.push_back(
      {41201, 0, StatusReport::State::serving, 12 * 24h, 40'055'603, numbers(4551, 9'123'456, 1204)});
  gateway.processes.push_back(
      {41202, 1, StatusReport::State::stopping, 12 * 24h, 39'740'000, numbers(4549, 9'000'000, 1198)});
  StatusReport::Group web{"web", "http://[::]:8443", "tcp", 2, {}, {{"code 1", 1, 3h}}};
  web.processes.push_back({41205, 0, StatusReport::State::starting, 3h, 0, std::nullopt});
  StatusReport::Group business{"business", "none", "tcp", 2, {}, {{"signal SEGV", 2, 14min}, {"code 250", 1, 9s}}};
  auto stuck = numbers(4, 4'400'000, 610);
  stuck.callback50 = stuck.callback99 = std::nullopt;
  stuck.callbacks = {};
  stuck.inTurn = 2400ms;
  stuck.subject = 1093;
  business.processes.push_back({41207, 0, StatusReport::State::serving, 48h, 20'342'000, stuck});
  business.processes.push_back({41208, 1, StatusReport::State::serving, 48h, 20'342'000, numbers(1, 7, 0), true});
  report.workers = {gateway, web, business};
  return report;
}

TEST(StatusScreen, AtEveryWidth) {
  expectScreens("status", [](const platform::Terminal& terminal) { return statusScreen(chat(), terminal); });
  const std::string piped = statusScreen(chat(), {false, false, 80});
  for (const char* column : {"WORKER", "LISTEN", "PID", "UP", "MEM", "CONN", "TIMER", "REQUESTS", "QPS", "IN/S",
                             "OUT/S", "P50", "P99", "LAG", "FAIL", "EXIT", "STATE"})
    EXPECT_NE(piped.find(column), std::string::npos) << column;
}

TEST(StatusScreen, BetweenThem) {
  for (const int width : {50, 100}) {
    const std::string screen = statusScreen(chat(), {true, false, width});
    expectGolden("status." + std::to_string(width), screen);
    EXPECT_LE(widest(screen), static_cast<std::size_t>(width)) << screen;
  }
}

TEST(StatusScreen, LongNamesAndNumbersFitToo) {
  StatusReport report = chat();
  report.workers[0].name = "a-gateway-with-a-long-name-for-websockets";
  report.workers[0].listen = "websocket://[2001:db8:1234:5678:9abc:def0:1234:5678]:7272";
  expectScreens("status_long", [&](const platform::Terminal& terminal) { return statusScreen(report, terminal); });
}

LiveState watched() {
  LiveState state;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    LiveNumbers numbers;
    numbers.connections = 228 * i;
    numbers.requestRate = i % 5 * 600;
    state = sampled(std::move(state), numbers);
  }
  return state;
}

LivePicture pictureOf(const StatusReport& report, const platform::Terminal& terminal, std::string_view sort = {}) {
  LivePicture picture{liveNumbers(report), statusScreen(report, terminal, {false, sort})};
  picture.numbers->workers = workerNames(report);
  return picture;
}

void expectLive(const std::string& name, const LiveState& state, const LivePicture& picture,
                const platform::Terminal& terminal) {
  const std::string shown = liveFrame(state, picture, terminal, 1s);
  expectGolden(name, shown);
  std::string text;  // without what a terminal obeys
  for (std::size_t at = 0; at < shown.size(); ++at) {
    if (shown[at] != '\x1b')
      text += shown[at];
    else
      at = shown.find_first_of("HKJm", at);
  }
  EXPECT_LE(widest(text), static_cast<std::size_t>(terminal.width)) << name;
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), terminal.height - 1) << name;
}

TEST(StatusScreen, LiveAtEveryWidth) {
  for (const int width : {60, 80, 120}) {
    for (const bool utf8 : {true, false}) {
      const platform::Terminal terminal{true, width == 80, width, 16, true, utf8};
      expectLive("live." + std::to_string(width) + (utf8 ? "" : ".ascii"), watched(), pictureOf(chat(), terminal),
                 terminal);
    }
  }
  const platform::Terminal dumb{true, false, 80, 24};
  expectLive("live.dumb", watched(), pictureOf(chat(), dumb), dumb);
}

TEST(StatusScreen, LiveInItsOtherStates) {
  const platform::Terminal terminal{true, false, 80, 24, true, true};
  LiveState state = watched();
  state.help = true;
  for (const int width : {40, 60, 80}) {
    const platform::Terminal other{true, false, width, 24, true, true};
    expectLive("live.help." + std::to_string(width), state, pictureOf(chat(), other), other);
  }
  state.help = false;
  state.paused = true;
  state.processSort = 3;
  state.worker = "a worker with a long name";
  expectLive("live.sorted", state, pictureOf(chat(), terminal, state.sort()), terminal);
  state.asksReload = true;
  expectLive("live.reload", state, pictureOf(chat(), terminal), terminal);
}

TEST(StatusScreen, SortedByAColumnLargestFirst) {
  const auto pids = [](std::string_view sort) {
    const std::string screen = statusScreen(chat(), {false, false, 80}, {false, sort});
    std::string order;
    for (const char* pid : {"41201", "41202", "41205", "41207", "41208"})
      order += std::to_string(
          std::count(screen.begin(), screen.begin() + static_cast<std::ptrdiff_t>(screen.find(pid)), '\n'));
    return order;
  };
  EXPECT_EQ(pids(""), "12345");
  EXPECT_EQ(pids("no such column"), "12345");
  EXPECT_EQ(pids("mem"), "12534");
  EXPECT_EQ(pids("conn"), "12534") << "N/A is last";
  EXPECT_EQ(pids("qps"), "12534");
  EXPECT_EQ(pids("p99"), "12543") << "- is little, and equals stay as they were";
  EXPECT_EQ(pids("fail"), "12534");
  for (const auto& sort : statusSorts()) EXPECT_NE(pids(sort.name), pids("")) << sort.name << " is known";
}

TEST(LiveNumbers, AreOfAllProcessesTogether) {
  StatusReport report = chat();
  for (auto& group : report.workers) {
    for (auto& process : group.processes) {
      if (process.numbers) process.numbers->callbacks = {};
    }
  }
  auto& gateway = report.workers[0].processes;
  gateway[0].numbers->callbacks[net::Histogram::bucketOf(1000)] = 970;
  gateway[1].numbers->callbacks[net::Histogram::bucketOf(1'000'000)] = 30;
  const LiveNumbers numbers = liveNumbers(report);
  EXPECT_EQ(numbers.app, "chat");
  EXPECT_EQ(numbers.processes, 5u);
  EXPECT_EQ(numbers.connections, 9105u);
  EXPECT_EQ(numbers.requestRate, 3012u);
  ASSERT_TRUE(numbers.callback99);
  EXPECT_GE(*numbers.callback99, 1ms) << "three of a hundred take that long";
  EXPECT_EQ(workerNames(report), (std::vector<std::string>{"gateway", "web", "business"}));
}

TEST(StatusScreen, EmptyAndAloneAndOfAnotherBuild) {
  StatusReport report;
  report.app = "x";
  report.startedAt = "-";
  report.version = "0";
  EXPECT_NE(statusScreen(report, {false, false, 80}).find("0 workers  0 processes"), std::string::npos);
  StatusReport::Group one{"none", "none", "tcp", 3, {{7, 0, StatusReport::State::serving, 1s, 5, std::nullopt}}, {}};
  report.workers = {one};
  const std::string screen = statusScreen(report, {false, false, 80});
  EXPECT_NE(screen.find("N/A"), std::string::npos);
  EXPECT_NE(screen.find("other build"), std::string::npos);
  EXPECT_NE(screen.find("! none: 2 processes wait to be started again"), std::string::npos) << screen;
}

TEST(StatusScreen, WhileItStopsNobodyWaitsToBeStarted) {
  StatusReport report = chat();
  EXPECT_EQ(statusJson(report).find("stopping\":true"), std::string::npos);
  report.stopping = true;
  const std::string screen = statusScreen(report, {false, false, 80});
  EXPECT_NE(screen.find("\n! the service is stopping\n"), std::string::npos) << screen;
  EXPECT_EQ(screen.find("to be started again"), std::string::npos) << screen;
  EXPECT_NE(statusJson(report).find(R"("stopping":true)"), std::string::npos);
}

TEST(StatusScreen, AFailedReloadIsSaidUntilOneSucceeds) {
  StatusReport report = chat();
  EXPECT_EQ(statusScreen(report, {false, false, 80}).find("reload failed"), std::string::npos);
  EXPECT_EQ(statusJson(report).find("reload_failed"), std::string::npos);
  report.failedReload = {"onWorkerStart: no database", 3min};
  const std::string screen = statusScreen(report, {false, false, 80});
  EXPECT_NE(screen.find("\n! the last reload failed 3m ago: onWorkerStart: no database\n"), std::string::npos)
      << screen;
  const std::string json = statusJson(report);
  EXPECT_NE(json.find(R"("reload_failed":{"why":"onWorkerStart: no database","ago_s":180})"), std::string::npos)
      << json;
}

TEST(StatusJson, IsOneObjectWithAllNumbers) {
  EXPECT_EQ(
      statusJson(chat()),
      R"({"schema":1,"app":"chat","master":41200,"version":"0.1.0","build":"0.1.0+3f2a","program":"c56572c0","loop":"libuv 1.44.2","system":"Linux 6.1.0","background":true,"started":"2026-11-10 05:02:11","uptime_s":1051860,"load":[0.42,0.38,null],"reloads":3,"workers":[{"name":"gateway","listen":"websocket://0.0.0.0:7272","transport":"tcp","count":1,"exits":[],"processes":[{"pid":41201,"id":0,"state":"idle","uptime_s":1036800,"rss_bytes":40055603,"connections":4551,"send_fail":3,"timers":12,"requests":9123456,"qps":1204,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":1204000,"bytes_out_per_s":8428000,"p50_us":210,"p99_us":800,"loop_lag_us":90,"longest_turn_ms":7,"sendq_bytes":4096,"build":"0.1.0+3f2a"},{"pid":41202,"id":1,"state":"stopping","uptime_s":1036800,"rss_bytes":39740000,"connections":4549,"send_fail":3,"timers":12,"requests":9000000,"qps":1198,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":1198000,"bytes_out_per_s":8386000,"p50_us":210,"p99_us":800,"loop_lag_us":90,"longest_turn_ms":7,"sendq_bytes":4096,"build":"0.1.0+3f2a"}]},{"name":"web","listen":"http://[::]:8443","transport":"tcp","count":2,"exits":[{"reason":"code 1","count":1,"last_s":10800}],"processes":[{"pid":41205,"id":0,"state":"starting","uptime_s":10800,"rss_bytes":0}]},{"name":"business","listen":"none","transport":"tcp","count":2,"exits":[{"reason":"signal SEGV","count":2,"last_s":840},{"reason":"code 250","count":1,"last_s":9}],"processes":[{"pid":41207,"id":0,"state":"busy","uptime_s":172800,"rss_bytes":20342000,"connections":4,"send_fail":3,"timers":12,"requests":4400000,"qps":610,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":610000,"bytes_out_per_s":4270000,"p50_us":null,"p99_us":null,"loop_lag_us":90,"longest_turn_ms":7,"sendq_bytes":4096,"build":"0.1.0+3f2a","busy":{"for_ms":2400,"callback":"onMessage","connection":1093}},{"pid":41208,"id":1,"state":"stopped","uptime_s":172800,"rss_bytes":20342000,"connections":1,"send_fail":3,"timers":12,"requests":7,"qps":0,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":0,"bytes_out_per_s":0,"p50_us":210,"p99_us":800,"loop_lag_us":90,"longest_turn_ms":7,"sendq_bytes":4096,"build":"0.1.0+3f2a"}]}]}
)");
}

TEST(Json, QuotesWhatMustBeQuoted) {
  EXPECT_EQ(jsonQuoted("a\"b\\c\n\x01\x7f"), R"("a\"b\\c\u000a\u0001\u007f")");
  EXPECT_EQ(jsonQuoted("h\xc3\xa9"), "\"h\xc3\xa9\"");
  EXPECT_EQ(jsonQuoted("\xff\xc3"), "\"\\ufffd\\ufffd\"");
  JsonWriter json;
  json.object().key("a").real(1.5).key("b").array().real(0.0 / 0.0).number(2).end().key("c").boolean(true).end();
  EXPECT_EQ(json.out(), R"({"a":1.5,"b":[null,2],"c":true})");
}

TEST(TextTable, CutsAndDropsByRank) {
  const std::vector<TableColumn> columns{{"A", false, 0, true}, {"B", true, 40}, {"C", false, 0}};
  const std::vector<TableRow> rows{{{"a long cell to cut"}, {"1"}, {"x"}}};
  EXPECT_EQ(textTable(columns, rows, 0, false), "A                   B  C\na long cell to cut  1  x\n");
  EXPECT_EQ(textTable(columns, rows, 15, false), "A             C\na long cell.. x\n");
  EXPECT_EQ(wrapped({"one", "", "two", "three"}, 8), "one  two\n  three\n");
  const std::vector<TableColumn> cutInOrder{{"A", false, 0, 2}, {"B", false, 0, 1}};
  EXPECT_EQ(textTable(cutInOrder, {{{"0123456789"}, {"0123456789"}}}, 20, false),
            "A          B\n0123456789 0123456..\n");
}

TEST(TextTable, WhatIsStillTooWideLosesColumns) {
  const std::vector<TableColumn> columns{{"A"}, {"B", false, 40}, {"C", false, 50}, {"D"}};
  const std::vector<TableRow> rows{{{"aaaaaaaaaa"}, {"bbbbbbbbbb"}, {"cccccccccc"}, {"dddddddddd"}}};
  EXPECT_EQ(textTable(columns, rows, 60, false),
            "A           B           C           D\naaaaaaaaaa  bbbbbbbbbb  cccccccccc  dddddddddd\n");
  const std::vector<TableRow> wide{{{std::string(30, 'a')}, {"bbbbbbbbbb"}, {"cccccccccc"}, {"dddddddddd"}}};
  EXPECT_EQ(textTable(columns, wide, 60, false),
            "A                               B           D\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  bbbbbbbbbb  dddddddddd\n");
  const std::vector<TableRow> wider{{{std::string(55, 'a')}, {"bbbbbbbbbb"}, {"cccccccccc"}, {"dddddddddd"}}};
  EXPECT_EQ(textTable(columns, wider, 60, false).find('B'), std::string::npos);
}

TEST(TextTable, BrokenAtBlanks) {
  EXPECT_EQ(broken("one two three", 8), "one two\n  three\n");
  EXPECT_EQ(broken("  one two", 5), "  one\n  two\n");
  EXPECT_EQ(broken("one two", 0), "one two\n");
  EXPECT_EQ(broken("awordthatdoesnotfit x", 4), "awordthatdoesnotfit\n  x\n");
}

}  // namespace
}  // namespace artel
