// What `check` says: the plan as JSON, and a verdict on each limit and library.
#include "src/master/check_report.hpp"
#include "src/master/command_json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "artel/artel.hpp"
#include "src/worker/core.hpp"
#include "tests/support/golden.hpp"

namespace artel {
namespace {

using Limits = std::vector<std::pair<std::string, std::string>>;

Plan planOf(std::vector<Worker*> workers) {
  Plan plan;
  for (Worker* worker : workers) {
    worker->core().resolve();
    plan.workers.push_back({worker, worker->count});
  }
  return plan;
}

std::string adviceOn(const std::string& name, const Limits& limits, const Plan& plan = {},
                     std::uint64_t files = 50'000) {
  for (const auto& limit : judged(files, limits, plan)) {
    if (limit.name == name) return limit.advice;
  }
  ADD_FAILURE() << "no " << name;
  return "";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(CheckReport, ALimitThatIsTooLowHasAnAdvice) {
  EXPECT_TRUE(has(adviceOn("open files", {}, {}, 1024), "LimitNOFILE="));
  EXPECT_EQ(adviceOn("open files", {}), "");
  for (const auto& [name, low, fine] :
       std::vector<std::array<std::string, 3>>{{"net.core.somaxconn", "128", "4096"},
                                               {"net.ipv4.tcp_max_syn_backlog", "128", "512"},
                                               {"net.ipv4.ip_local_port_range", "60000 60999", "32768 60999"},
                                               {"net.netfilter.nf_conntrack_max", "8192", "262144"},
                                               {"fs.file-max", "50000", "9223372036854775807"}}) {
    EXPECT_TRUE(has(adviceOn(name, {{name, low}}), "sysctl -w " + name)) << name;
    EXPECT_EQ(adviceOn(name, {{name, fine}}), "") << name;
  }
}

TEST(CheckReport, AtEveryWidth) {
  if (!capabilities().dropPrivileges) GTEST_SKIP() << "there are no other users here";
  Worker web("http://0.0.0.0:40000"), jobs;
  web.name = "web";
  web.count = 4;
  web.user = "www";
  jobs.name = "jobs";
  Plan plan = planOf({&web, &jobs});
  plan.warnings = {"worker \"jobs\": reusePort needs an address, and this one has none: it is ignored"};
  CheckReport report;
  report.app = "chat";
  report.versions = {"artel 0.1.0", "libuv 1.44.2", "OpenSSL 3.0.22", "Linux 6.1.0-cloud-amd64 x86_64", "16 CPUs"};
  report.files = {{"pidFile", "/srv/chat/chat.pid"}, {"logFile", "/srv/chat/chat.log"}};
  report.limits = judged(1024, {{"net.core.somaxconn", "4096"}, {"net.ipv4.ip_local_port_range", "32768 60999"}}, plan);
  report.libraries = {{"libuv", "1.44.2", "1.44.2"}, {"llhttp", "9.1.3", ""}};
  report.mayBecomeOthers = true;
  testing::expectScreens("check",
                         [&](const platform::Terminal& terminal) { return checkText(plan, report, terminal); });
}

TEST(CheckReport, APortThatAnOutgoingConnectionMayHold) {
  Worker web("http://127.0.0.1:40000");
  const Plan plan = planOf({&web});
  const std::string range = "net.ipv4.ip_local_port_range", reserved = "net.ipv4.ip_local_reserved_ports";
  EXPECT_TRUE(has(adviceOn(range, {{range, "32768 60999"}}, plan), "port 40000 lies in it"));
  EXPECT_EQ(adviceOn(range, {{range, "50000 60999"}}, plan), "");
  EXPECT_EQ(adviceOn(range, {{range, "32768 60999"}, {reserved, "80,39990-40010"}}, plan), "");
  EXPECT_NE(adviceOn(range, {{range, "32768 60999"}, {reserved, "80,39990-39999"}}, plan), "");
}

TEST(CheckReport, TheTuningPageHasWhatCheckPrints) {
  std::ifstream file(ARTEL_SOURCE_DIR "/docs/tuning.md");
  if (!file) GTEST_SKIP() << "the sources are not here";
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(has(page, "\n| open files | 10,000 |"));
  EXPECT_NE(adviceOn("open files", {}, {}, 9'999), "");
  EXPECT_EQ(adviceOn("open files", {}, {}, 10'000), "");
  for (const auto& [name, value] : platform::systemLimits()) EXPECT_TRUE(has(page, "\n| `" + name + "` |")) << name;
  // "| `net.core.somaxconn` | 1,024 |": below that there is an advice.
  for (const std::string name :
       {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.netfilter.nf_conntrack_max", "fs.file-max"}) {
    const std::string row = "\n| `" + name + "` | ";
    ASSERT_TRUE(has(page, row)) << name;
    std::string number = page.substr(page.find(row) + row.size(), 10);
    std::erase(number, ',');
    const int enough = std::atoi(number.c_str());
    EXPECT_NE(adviceOn(name, {{name, std::to_string(enough - 1)}}), "") << name;
    EXPECT_EQ(adviceOn(name, {{name, std::to_string(enough)}}), "") << name;
  }
}

TEST(CheckReport, LibrariesAsTheyWereAndAsTheyAre) {
  EXPECT_EQ(misfit({"libuv", "1.44.2", "1.44.2"}), "");
  EXPECT_EQ(misfit({"libuv", "1.44.2", "1.48.0"}), "");
  EXPECT_EQ(misfit({"spdlog", "1.10.0", ""}), "");
  EXPECT_TRUE(has(misfit({"libuv", "1.44.2", "1.9.3"}), "older"));
  EXPECT_TRUE(has(misfit({"OpenSSL", "3.0.17", "4.0.0"}), "major"));
  for (const LibraryVersion& library : libraryVersions()) {
    EXPECT_FALSE(library.compiled.empty()) << library.name;
    EXPECT_EQ(misfit(library), "") << library.name << " " << library.found;
  }
}

TEST(PlanJson, HasTheWholePlan) {
  Worker web("http://[::1]:8080"), line(capabilities().unixSockets ? "unix:///run/line.sock" : "text://127.0.0.1:9"),
      jobs;
  web.name = "web";
  web.count = 4;
  web.user = "www";
  web.reusePort = true;
  line.name = "line";
  line.protocol = "text";
  line.reloadable = false;
  jobs.name = "jobs";
  Plan plan = planOf({&web, &line, &jobs});
  plan.warnings = {"a \"warning\""};
  CheckReport report{"chat",
                     "/srv/chat",
                     {{"pidFile", "/srv/chat.pid"}},
                     {{"open files", "64", "few"}, {"x", "1", ""}},
                     {{"libuv", "1.44.2", "1.43.0"}, {"spdlog", "1.10.0", ""}},
                     true};
  const std::string json = planJson(plan, report);
  EXPECT_EQ(json.find('\n'), json.size() - 1) << "one line";
  for (
      const std::string part :
      {R"({"schema":1,"app":"chat","program":"/srv/chat","version":")",
       R"("master":true,"background":false,"processes":6,"workers":[)",
       R"({"name":"web","listen":"http://[::1]:8080","address":{"kind":"tcp","host":"::1","port":8080},"protocol":"http","transport":"tcp","count":4,"user":"www","group":null,"certificates":[],"reuse_port":true,"reloadable":true})",
       R"({"name":"jobs","listen":"none","address":null,"protocol":null,"transport":"tcp","count":1,"user":null,"group":null,"certificates":[],"reuse_port":false,"reloadable":true}])",
       R"("files":[{"setting":"pidFile","path":"/srv/chat.pid","verdict":"ok"}],"may_become_others":true)",
       R"("limits":[{"name":"open files","value":"64","verdict":"low","advice":"few"},{"name":"x","value":"1","verdict":"ok"}])",
       R"("libraries":[{"name":"libuv","compiled":"1.44.2","found":"1.43.0","verdict":"misfit","advice":"older than)",
       R"({"name":"spdlog","compiled":"1.10.0","found":null,"verdict":"ok"}],"warnings":["a \"warning\""]})"})
    EXPECT_TRUE(has(json, part)) << part << "\nin " << json;
  const std::string unixWorker =
      R"("address":{"kind":"unix","host":"/run/line.sock","port":0},"protocol":"text","transport":"unix")";
  EXPECT_EQ(has(json, unixWorker), capabilities().unixSockets) << json;
}

TEST(PlanJson, ARefusalIsAnObjectToo) {
  Worker web;
  web.name = "web";
  EXPECT_EQ(
      errorJson("chat", SetupError(Exit::configuration, "no \"x\"", {{"try", "y"}}), {&web}),
      "{\"schema\":1,\"app\":\"chat\",\"error\":{\"id\":\"E06\",\"message\":\"no \\\"x\\\"\",\"hints\":[{\"label\":"
      "\"try\",\"text\":\"y\"}]},\"worker_names\":[\"web\"]}\n");
  EXPECT_TRUE(has(errorJson("chat", SetupError(Exit::internal, "x"), {}), "\"E70\""));
}

}  // namespace
}  // namespace artel
