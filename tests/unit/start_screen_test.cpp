#include "src/master/start_screen.hpp"

#include <gtest/gtest.h>

#include <sstream>

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
  web.user = jobs.user = "www";
  jobs.group = "adm2";
  jobs.name = "jobs";
  const std::string screen = startScreen(planOf({&web, &jobs}), {true, false, 80}, std::chrono::milliseconds(3));
  const std::string table =
      "WORKER  LISTEN                 TRANSPORT  COUNT  USER      STATE\n"
      "web     http://127.0.0.1:8080  tcp            2  www       ready\n"
      "jobs    -                      -              1  www:adm2  ready\n"
      "\n"
      "Ready in 3 ms, 3 processes. Ctrl+C stops.\n"
      "only this machine: http://127.0.0.1:8080\n";
  ASSERT_GE(screen.size(), table.size());
  EXPECT_EQ(screen.substr(screen.size() - table.size()), table) << screen;
  EXPECT_EQ(screen.substr(0, 6), "artel ");
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
