// The screens of `status`, letter by letter (row 1.14.2), at every width where columns go.
#include <gtest/gtest.h>

#include "src/master/json.hpp"
#include "src/master/status_report.hpp"
#include "src/master/text_table.hpp"
#include "tests/support/screen.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;
using testing::plain;
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
  StatusReport::Group business{"business", "none", "tcp", 1, {}, {{"signal SEGV", 2, 14min}, {"code 250", 1, 9s}}};
  auto stuck = numbers(4, 4'400'000, 610);
  stuck.callback50 = stuck.callback99 = std::nullopt;
  stuck.inTurn = 2400ms;
  stuck.subject = 1093;
  business.processes.push_back({41207, 0, StatusReport::State::serving, 48h, 20'342'000, stuck});
  report.workers = {gateway, web, business};
  return report;
}

TEST(StatusScreen, PipedHasEveryColumn) {
  EXPECT_EQ(
      statusScreen(chat(), {false, false, 80}),
      R"(chat  up 12d 04:11  since 2026-11-10 05:02:11  master 41200  background  artel 0.1.0  libuv 1.44.2  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s  out 20.1M/s  mem 95.5M  reloads 3

WORKER    LISTEN                      PID   UP    MEM   CONN  TIMER  REQUESTS    QPS  IN/S  OUT/S    P50    P99   LAG  FAIL  EXIT  STATE
gateway   websocket://0.0.0.0:7272  41201  12d  38.2M  4,551     12      9.1M  1,204  1.1M   8.0M  0.2ms  0.8ms  90us     3     0  idle
gateway   websocket://0.0.0.0:7272  41202  12d  37.9M  4,549     12      9.0M  1,198  1.1M   8.0M  0.2ms  0.8ms  90us     3        stopping
web       http://[::]:8443          41205   3h      -    N/A    N/A       N/A    N/A   N/A    N/A    N/A    N/A   N/A   N/A     1  starting
business  none                      41207   2d  19.4M      4     12      4.4M    610  596K   4.1M      -      -  90us     3     3  BUSY 2.4s
total                                   4       95.5M  9,104     36     22.5M  3,012  2.9M  20.1M                         9     4

! web: 1 process waits to be started again
! business/41207  busy for 2.4s  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)  business 2x signal SEGV (last 14m ago)  business 1x code 250 (last 9s ago)
)");
}

TEST(StatusScreen, At120Columns) {
  const std::string screen = statusScreen(chat(), {true, false, 120});
  EXPECT_EQ(
      screen,
      R"(chat  up 12d 04:11  since 2026-11-10 05:02:11  master 41200  background  artel 0.1.0  libuv 1.44.2  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s  out 20.1M/s  mem 95.5M  reloads 3

WORKER   LISTEN                 PID  UP   MEM  CONN TIMER REQUESTS   QPS IN/S OUT/S   P50   P99  LAG FAIL EXIT STATE
gateway  websocket://0.0.0... 41201 12d 38.2M 4,551    12     9.1M 1,204 1.1M  8.0M 0.2ms 0.8ms 90us    3    0 idle
gateway  websocket://0.0.0... 41202 12d 37.9M 4,549    12     9.0M 1,198 1.1M  8.0M 0.2ms 0.8ms 90us    3      stopping
web      http://[::]:8443     41205  3h     -   N/A   N/A      N/A   N/A  N/A   N/A   N/A   N/A  N/A  N/A    1 starting
business none                 41207  2d 19.4M     4    12     4.4M   610 596K  4.1M     -     - 90us    3    3 BUSY 2.4s
total                             4     95.5M 9,104    36    22.5M 3,012 2.9M 20.1M                     9    4

! web: 1 process waits to be started again
! business/41207  busy for 2.4s  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)  business 2x signal SEGV (last 14m ago)  business 1x code 250 (last 9s ago)
)");
  EXPECT_LE(widest(screen), 120u);
}

TEST(StatusScreen, At100Columns) {
  const std::string screen = statusScreen(chat(), {true, false, 100});
  EXPECT_EQ(screen,
            R"(chat  up 12d 04:11  since 2026-11-10 05:02:11  master 41200  background  artel 0.1.0  libuv 1.44.2
  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s  out 20.1M/s  mem 95.5M  reloads 3

WORKER    LISTEN                      PID    MEM   CONN  REQUESTS    QPS    P99  FAIL  STATE
gateway   websocket://0.0.0.0:7272  41201  38.2M  4,551      9.1M  1,204  0.8ms     3  idle
gateway   websocket://0.0.0.0:7272  41202  37.9M  4,549      9.0M  1,198  0.8ms     3  stopping
web       http://[::]:8443          41205      -    N/A       N/A    N/A    N/A   N/A  starting
business  none                      41207  19.4M      4      4.4M    610      -     3  BUSY 2.4s
total                                   4  95.5M  9,104     22.5M  3,012            9

! web: 1 process waits to be started again
! business/41207  busy for 2.4s  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)  business 2x signal SEGV (last 14m ago)
  business 1x code 250 (last 9s ago)
)");
  EXPECT_LE(widest(screen), 100u);
}

TEST(StatusScreen, At80Columns) {
  const std::string screen = statusScreen(chat(), {true, false, 80});
  EXPECT_EQ(screen, R"(chat  up 12d 04:11  since 2026-11-10 05:02:11  master 41200  background
  artel 0.1.0  libuv 1.44.2  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s  out 20.1M/s  mem 95.5M
  reloads 3

WORKER      PID    MEM   CONN    QPS    P99  FAIL  STATE
gateway   41201  38.2M  4,551  1,204  0.8ms     3  idle
gateway   41202  37.9M  4,549  1,198  0.8ms     3  stopping
web       41205      -    N/A    N/A    N/A   N/A  starting
business  41207  19.4M      4    610      -     3  BUSY 2.4s
total         4  95.5M  9,104  3,012            9

! web: 1 process waits to be started again
! business/41207  busy for 2.4s  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)  business 2x signal SEGV (last 14m ago)
  business 1x code 250 (last 9s ago)
)");
  EXPECT_LE(widest(screen), 80u);
}

TEST(StatusScreen, At60Columns) {
  const std::string screen = statusScreen(chat(), {true, false, 60});
  EXPECT_EQ(screen, R"(chat  up 12d 04:11  since 2026-11-10 05:02:11  master 41200
  background  artel 0.1.0  libuv 1.44.2  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s  out 20.1M/s
  mem 95.5M  reloads 3

WORKER      PID    MEM   CONN    QPS    P99  FAIL  STATE
gateway   41201  38.2M  4,551  1,204  0.8ms     3  idle
gateway   41202  37.9M  4,549  1,198  0.8ms     3  stopping
web       41205      -    N/A    N/A    N/A   N/A  starting
business  41207  19.4M      4    610      -     3  BUSY 2.4s
total         4  95.5M  9,104  3,012            9

! web: 1 process waits to be started again
! business/41207  busy for 2.4s
  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)
  business 2x signal SEGV (last 14m ago)
  business 1x code 250 (last 9s ago)
)");
}

TEST(StatusScreen, Below60ALineForEachWorker) {
  EXPECT_EQ(statusScreen(chat(), {true, false, 50}), R"(chat  up 12d 04:11  since 2026-11-10 05:02:11
  master 41200  background  artel 0.1.0
  libuv 1.44.2  load 0.42 0.38 -
3 workers  4 processes  conns 9,104  in 2.9M/s
  out 20.1M/s  mem 95.5M  reloads 3

gateway  2 processes  9,100 conns  2,402/s
web  1 process  0 conns  0/s
business  1 process  4 conns  610/s  1 BUSY

! web: 1 process waits to be started again
! business/41207  busy for 2.4s
  in onMessage of connection 1093
exits:  web 1x code 1 (last 3h ago)
  business 2x signal SEGV (last 14m ago)
  business 1x code 250 (last 9s ago)
)");
}

TEST(StatusScreen, ColourIsOnlyColour) {
  const std::string screen = statusScreen(chat(), {true, true, 80});
  EXPECT_NE(screen.find("\x1b[32midle\x1b[0m"), std::string::npos) << screen;
  EXPECT_NE(screen.find("\x1b[33mBUSY 2.4s\x1b[0m"), std::string::npos) << screen;
  EXPECT_EQ(plain(screen), statusScreen(chat(), {true, false, 80})) << "NO_COLOR, a dumb terminal: the same letters";
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

TEST(StatusScreen, AFailedReloadIsSaidUntilOneSucceeds) {
  StatusReport report = chat();
  EXPECT_EQ(statusScreen(report, {false, false, 80}).find("reload failed"), std::string::npos);
  EXPECT_EQ(statusJson(report).find("reload_failed"), std::string::npos);
  report.failedReload = {"onWorkerStart: no database", 3min};
  const std::string screen = statusScreen(report, {false, false, 80});
  EXPECT_NE(screen.find("\n! the last reload failed 3m ago:  onWorkerStart: no database\n"), std::string::npos)
      << screen;
  const std::string json = statusJson(report);
  EXPECT_NE(json.find(R"("reload_failed":{"why":"onWorkerStart: no database","ago_s":180})"), std::string::npos)
      << json;
}

TEST(StatusJson, IsOneObjectWithAllNumbers) {
  EXPECT_EQ(
      statusJson(chat()),
      R"({"schema":1,"app":"chat","master":41200,"version":"0.1.0","build":"0.1.0+3f2a","program":"c56572c0","loop":"libuv 1.44.2","system":"Linux 6.1.0","background":true,"started":"2026-11-10 05:02:11","uptime_s":1051860,"load":[0.42,0.38,null],"reloads":3,"workers":[{"name":"gateway","listen":"websocket://0.0.0.0:7272","transport":"tcp","count":1,"exits":[],"processes":[{"pid":41201,"id":0,"state":"idle","uptime_s":1036800,"rss_bytes":40055603,"connections":4551,"send_fail":3,"timers":12,"requests":9123456,"qps":1204,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":1204000,"bytes_out_per_s":8428000,"p50_us":210,"p99_us":800,"loop_lag_us":90,"longest_turn_ms":7,"build":"0.1.0+3f2a"},{"pid":41202,"id":1,"state":"stopping","uptime_s":1036800,"rss_bytes":39740000,"connections":4549,"send_fail":3,"timers":12,"requests":9000000,"qps":1198,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":1198000,"bytes_out_per_s":8386000,"p50_us":210,"p99_us":800,"loop_lag_us":90,"longest_turn_ms":7,"build":"0.1.0+3f2a"}]},{"name":"web","listen":"http://[::]:8443","transport":"tcp","count":2,"exits":[{"reason":"code 1","count":1,"last_s":10800}],"processes":[{"pid":41205,"id":0,"state":"starting","uptime_s":10800,"rss_bytes":0}]},{"name":"business","listen":"none","transport":"tcp","count":1,"exits":[{"reason":"signal SEGV","count":2,"last_s":840},{"reason":"code 250","count":1,"last_s":9}],"processes":[{"pid":41207,"id":0,"state":"busy","uptime_s":172800,"rss_bytes":20342000,"connections":4,"send_fail":3,"timers":12,"requests":4400000,"qps":610,"bytes_in":1000000,"bytes_out":2000000,"bytes_in_per_s":610000,"bytes_out_per_s":4270000,"p50_us":null,"p99_us":null,"loop_lag_us":90,"longest_turn_ms":7,"build":"0.1.0+3f2a","busy":{"for_ms":2400,"callback":"onMessage","connection":1093}}]}]}
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
}

}  // namespace
}  // namespace artel
