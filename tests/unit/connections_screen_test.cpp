// The screens of `connections`, letter by letter (row 1.14.3).
#include "src/master/connections_screen.hpp"

#include <gtest/gtest.h>

#include "tests/support/golden.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;
using testing::expectScreens;

ConnectionsReport report() {
  ConnectionsReport report;
  const auto say = [&](platform::Pid pid, ConnectionRow row) {
    report.take("row\t" + std::to_string(pid) + "\t" + encodeRow(row));
  };
  say(41205, {"web", 12, "tcp", "http", "CLOSING", true, false, false, 0, 12'288, 512, 90'000, 1s, "10.0.0.4:8443",
              "198.51.100.2:60210", "1.3", 7980s});
  say(41201, {"gateway-with-a-name", 1094, "tcp", "websocket", "ESTABLISHED", false, true, true, 0, 1'048'576, 2'150,
              32'505'856, 0ms, "[::]:7272", "[2001:db8::9]:40112", "", 660s});
  say(41201, {"gateway-with-a-name", 1093, "tcp", "websocket", "ESTABLISHED", true, false, false, 4, 0, 18'637,
              1'468'006, 4s, "10.0.0.4:7272", "203.0.113.7:51822"});
  say(41209, {"local", 3, "unix", "custom-protocol-x", "ESTABLISHED", false, false, false, 0, 0, 1, 2, 2min, "", ""});
  report.take("missing\t41207\tbusiness\tit did not answer within 500 ms");
  report.take("all\t18204");
  report.take("total\t4");
  report.take("row\tnonsense");
  report.take("");
  report.sort("");
  return report;
}

TEST(ConnectionsScreen, AtEveryWidth) {
  expectScreens("connections",
                [](const platform::Terminal& terminal) { return connectionsScreen(report(), terminal); });
}

TEST(ConnectionsScreen, LongAddressesFitToo) {
  ConnectionsReport long_;
  long_.take("row\t41201\t" + encodeRow({"gateway-with-a-name", 1'234'567, "tcp", "websocket", "ESTABLISHED", false,
                                         true, false, 0, 0, 1, 2, 2min, "[2001:db8:1234:5678:9abc:def0:1234:5678]:7272",
                                         "[2001:db8:1234:5678:9abc:def0:1234:5679]:65535"}));
  long_.take("missing\t41207\ta-worker-with-a-very-long-name\tit has ended meanwhile");
  expectScreens("connections_long",
                [&](const platform::Terminal& terminal) { return connectionsScreen(long_, terminal); });
}

TEST(ConnectionsScreen, SortedByAColumnLargestFirst) {
  ConnectionsReport sorted = report();
  sorted.sort("sendq");
  EXPECT_EQ(sorted.rows[0].row.id, 1094u);
  EXPECT_EQ(sorted.rows[1].row.id, 12u);
  sorted.sort("idle");
  EXPECT_EQ(sorted.rows[0].row.worker, "local");
  EXPECT_TRUE(sortsBy("out"));
  EXPECT_FALSE(sortsBy("colour"));
}

TEST(ConnectionsJson, IsOneObjectWithBaseUnits) {
  EXPECT_EQ(
      connectionsJson(report(), "chat"),
      R"({"schema":1,"app":"chat","all":18204,"connections":[{"pid":41201,"worker":"gateway-with-a-name","id":1093,"transport":"tcp","protocol":"websocket","ipv4":true,"ipv6":false,"recv_q":4,"send_q":0,"bytes_read":18637,"bytes_written":1468006,"status":"ESTABLISHED","paused":false,"idle_ms":4000,"age_s":0,"tls":null,"local":"10.0.0.4:7272","remote":"203.0.113.7:51822"},{"pid":41201,"worker":"gateway-with-a-name","id":1094,"transport":"tcp","protocol":"websocket","ipv4":false,"ipv6":true,"recv_q":0,"send_q":1048576,"bytes_read":2150,"bytes_written":32505856,"status":"ESTABLISHED","paused":true,"idle_ms":0,"age_s":660,"tls":null,"local":"[::]:7272","remote":"[2001:db8::9]:40112"},{"pid":41209,"worker":"local","id":3,"transport":"unix","protocol":"custom-protocol-x","ipv4":false,"ipv6":false,"recv_q":0,"send_q":0,"bytes_read":1,"bytes_written":2,"status":"ESTABLISHED","paused":false,"idle_ms":120000,"age_s":0,"tls":null,"local":"","remote":""},{"pid":41205,"worker":"web","id":12,"transport":"tcp","protocol":"http","ipv4":true,"ipv6":false,"recv_q":0,"send_q":12288,"bytes_read":512,"bytes_written":90000,"status":"CLOSING","paused":false,"idle_ms":1000,"age_s":7980,"tls":"1.3","local":"10.0.0.4:8443","remote":"198.51.100.2:60210"}],"missing":[{"pid":41207,"worker":"business","why":"it did not answer within 500 ms"}]}
)");
}

}  // namespace
}  // namespace artel
