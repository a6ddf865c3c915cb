#include "src/master/start_screen.hpp"

#include <gtest/gtest.h>

#include "src/worker/core.hpp"

namespace artel {
namespace {

Plan planOf(std::vector<Worker*> workers) {
  Plan plan;
  plan.program = "./chat";
  for (Worker* worker : workers) plan.workers.push_back({worker, worker->count});
  return plan;
}

TEST(StartScreen, PipedIsOneLinePerWorker) {
  Worker web("http://127.0.0.1:8080"), jobs;
  jobs.name = "jobs";
  EXPECT_EQ(startScreen(planOf({&web, &jobs}), {false, false, 80}, std::chrono::milliseconds(3)),
            "listening http://127.0.0.1:8080\nrunning jobs\n");
}

TEST(StartScreen, ATerminalGetsATable) {
  Worker web("http://127.0.0.1:8080"), jobs;
  web.name = "web";
  web.count = 2;
  jobs.name = "jobs";
  const std::string screen = startScreen(planOf({&web, &jobs}), {true, false, 80}, std::chrono::milliseconds(3));
  const std::string table =
      "WORKER  LISTEN                 TRANSPORT  COUNT  STATE\n"
      "web     http://127.0.0.1:8080  tcp            2  ready\n"
      "jobs    -                      -              1  ready\n"
      "\n"
      "Ready in 3 ms, 3 processes. Ctrl+C stops.\n"
      "only this machine: http://127.0.0.1:8080\n";
  ASSERT_GE(screen.size(), table.size());
  EXPECT_EQ(screen.substr(screen.size() - table.size()), table) << screen;
  EXPECT_EQ(screen.substr(0, 6), "artel ");
}

TEST(StartScreen, QuietSaysNothing) {
  Worker web("http://127.0.0.1:8080");
  Plan plan = planOf({&web});
  plan.quiet = true;
  EXPECT_EQ(startScreen(plan, {true, true, 80}, std::chrono::milliseconds(3)), "");
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
