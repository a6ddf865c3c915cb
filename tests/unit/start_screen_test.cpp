#include "src/master/start_screen.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "src/worker/core.hpp"
#include "tests/support/golden.hpp"

namespace artel {
namespace {

using testing::expectScreens;

Plan planOf(std::vector<Worker*> workers) {
  Plan plan;
  plan.program = "./chat";
  for (Worker* worker : workers) plan.workers.push_back({worker, worker->count});
  return plan;
}

const Surroundings somewhere{
    {"artel 0.1.0", "libuv 1.44.2", "OpenSSL 3.0.22", "Linux 6.1.0-cloud-amd64 x86_64", "16 CPUs"},
    4711,
    {"192.0.2.7", "2001:db8::7"}};

TEST(StartScreen, AtEveryWidth) {
  Worker gateway("websocket://0.0.0.0:7272"), web("http://[::]:8443"), admin("http://127.0.0.1:8080"), jobs;
  gateway.name = "gateway";
  gateway.count = 4;
  gateway.user = web.user = admin.user = jobs.user = "www";
  web.name = "a-web-server-with-a-long-name";
  web.group = "adm2";
  admin.name = "admin";
  jobs.name = "jobs";
  Plan plan = planOf({&gateway, &web, &admin, &jobs});
  plan.name = "chat";
  plan.logFile = "/srv/chat/chat.log";
  const auto draw = [&](const platform::Terminal& terminal) {
    return startScreen(plan, terminal, std::chrono::milliseconds(38), somewhere);
  };
  expectScreens("start", draw);
  plan.background = true;
  expectScreens("start_background", draw);
  if (capabilities().platform == "windows") return;  // which says so here
  plan.background = plan.cluster = false;
  plan.workers.pop_back();
  expectScreens("start_one_process", draw);
}

TEST(StartScreen, NarrowTerminalsLoseColumns) {
  Worker web("http://127.0.0.1:8080");
  web.name = "web";
  web.count = 12;
  const auto titles = [&](int width, bool cluster = true) {
    Plan plan = planOf({&web});
    plan.cluster = cluster;
    const std::string screen = startScreen(plan, {true, false, width}, std::chrono::milliseconds(3));
    std::istringstream lines(screen.substr(screen.find("WORKER")));
    std::string line, words;
    std::getline(lines, line);
    for (std::istringstream in(line); in >> line;) words += line + " ";
    for (; std::getline(lines, line) && !line.empty();) EXPECT_LE(line.size(), static_cast<std::size_t>(width));
    return words;
  };
  EXPECT_EQ(titles(70), "WORKER LISTEN TRANSPORT COUNT USER STATE ");
  EXPECT_EQ(titles(69), "WORKER LISTEN COUNT USER STATE ");
  EXPECT_EQ(titles(59), "WORKER LISTEN COUNT STATE ");
  EXPECT_EQ(titles(38), "WORKER LISTEN COUNT STATE ") << "the address is cut";
  EXPECT_EQ(titles(80, false), "WORKER LISTEN TRANSPORT COUNT STATE ") << "one process is whoever started it";
}

TEST(StartScreen, WhoseProcessesTheyAreWhenNobodyIsNamed) {
  Worker web("http://127.0.0.1:8080");
  const std::string screen = startScreen(planOf({&web}), {true, false, 80}, std::chrono::milliseconds(3));
  EXPECT_NE(screen.find("  " + platform::userName() + "  ready\n"), std::string::npos) << screen;
}

TEST(StartScreen, QuietSaysNothing) {
  Worker web("http://127.0.0.1:8080");
  Plan plan = planOf({&web});
  plan.quiet = true;
  EXPECT_EQ(startScreen(plan, {true, true, 80}, std::chrono::milliseconds(3)), "");
}

TEST(StartScreen, CommandsNameThePidFileThatWasGiven) {
  Worker web("http://127.0.0.1:8080");
  Plan plan = planOf({&web});
  plan.background = true;
  plan.pidFileOption = " --pid-file two.pid";
  plan.logFile = "two.log";
  const std::string screen = startScreen(plan, {true, false, 120}, std::chrono::milliseconds(3));
  EXPECT_NE(screen.find("/chat status --pid-file two.pid, ./chat stop --pid-file two.pid; log two.log\n"),
            std::string::npos)
      << screen;
}

TEST(StartScreen, WhoCanConnect) {
  Worker everywhere("websocket://0.0.0.0:2000"), six("text://[::]:3"), one("tcp://192.0.2.7:4"),
      loopback("http://[::1]:5");
  const std::vector<std::string> local{"192.0.2.7", "2001:db8::7"};
  EXPECT_EQ(reachOf(everywhere, local).urls, (std::vector<std::string>{"ws://127.0.0.1:2000", "ws://192.0.2.7:2000"}));
  EXPECT_EQ(reachOf(six, local).urls,
            (std::vector<std::string>{"text://127.0.0.1:3", "text://192.0.2.7:3", "text://[2001:db8::7]:3"}));
  EXPECT_FALSE(reachOf(one, local).onlyThisMachine);
  EXPECT_TRUE(reachOf(loopback, local).onlyThisMachine);
}

}  // namespace
}  // namespace artel
