// Where a service in the background writes: log and output, opened anew, rotated, as another user (rows 1.8.2.9,
// 1.8.2.11).
#include <gtest/gtest.h>

#include <atomic>
#include <regex>
#include <set>
#include <thread>

#include "tests/support/background_service.hpp"

namespace artel::testing {
namespace {

constexpr int hangUp = 1;  // not named on every system this is compiled for

std::string status(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(Service, OutputGoesToTheStdoutFile) {
  start({"--count", "2", "--", "stdout=out/text.txt"});
  until([&] { return directory.read("out/text.txt").find("start 1 ") != std::string::npos; });
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_NE(directory.read("out/text.txt").find("stop "), std::string::npos);
}

TEST_F(Service, AHangUpReopensLogAndOutput) {
  const auto port = start({"--", "log=my.log", "stdout=out.txt"});
  get(port, "/log?before");
  std::filesystem::rename(directory.file("my.log"), directory.file("old.log"));
  std::filesystem::rename(directory.file("out.txt"), directory.file("old.txt"));
  signalProcess(pid(), hangUp);
  until([&] {
    get(port, "/log?after");
    return directory.read("my.log").find("after") != std::string::npos;
  });
  EXPECT_NE(directory.read("old.log").find("before"), std::string::npos);
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_NE(directory.read("out.txt").find("stop "), std::string::npos) << "the worker's output, too";
}

TEST_F(Service, WhoCannotBeToldOfANewLogIsNamed) {
  const auto port = start({"--", "log=my.log"});
  constexpr int halt = 19, goOn = 18;  // not named on every system this is compiled for
  const int stopped = worker(port);
  signalProcess(stopped, halt);
  Program clock("http_hello", {"version"});
  clock.until(
      [&] {
        signalProcess(pid(), hangUp);
        return directory.read("my.log").find("did not get the new log file: it does not listen") != std::string::npos;
      },
      60s);
  signalProcess(stopped, goOn);
  EXPECT_EQ(worker(port), stopped);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AReloadReopensThemToo) {
  const auto port = start({"--", "log=my.log", "stdout=out.txt"});
  get(port, "/log?before");
  std::filesystem::rename(directory.file("my.log"), directory.file("old.log"));
  std::filesystem::rename(directory.file("out.txt"), directory.file("old.txt"));
  EXPECT_EQ(run({"reload"}).code, 0);
  get(port, "/log?after");
  EXPECT_NE(directory.read("old.log").find("before"), std::string::npos);
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_NE(directory.read("my.log").find("after"), std::string::npos);
  EXPECT_NE(directory.read("out.txt").find("stop "), std::string::npos) << "the new worker's output";
}

TEST_F(Service, TheLogIsRotatedBySize) {
  const auto port = start({"--count", "4", "--", "log-size=2000"});
  std::atomic<bool> over{false};
  std::vector<std::thread> writers;  // so that all processes write at once
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&] {
      while (!over) get(port, "/log?" + std::string(300, 'x'));
    });
  const auto processes = [&](const std::string& text) {
    std::set<std::string> found;
    for (auto at = text.find(" web/"); at != std::string::npos; at = text.find(" web/", at + 1))
      found.insert(text.substr(at, text.find(' ', at + 1) - at));
    return found.size();
  };
  until([&] { return directory.has("service.log.1") && processes(directory.read("service.log")) == 4; });
  over = true;
  for (std::thread& one : writers) one.join();
  EXPECT_EQ(run({"stop"}).code, 0);
  const std::regex whole(
      R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (info |warn |error) (web/\d+ x{300}|master/\d+ [^x]*))");
  for (const char* file : {"service.log.1", "service.log"}) {
    const std::string text = directory.read(file);
    EXPECT_EQ(text.substr(text.size() - 1), "\n");
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
      ASSERT_TRUE(std::regex_match(line, whole)) << file << ": " << line;
  }
}

TEST_F(Service, ALogThatCannotBeTurnedOverGrowsOnAndSaysSo) {
  std::filesystem::create_directories(directory.file("service.log.1") + "/in-the-way");
  const auto port = start({"--", "log-size=2000"});
  until([&] {
    get(port, "/log?" + std::string(300, 'x'));
    return directory.read("service.log").find("the log cannot be turned over and grows on: ") != std::string::npos;
  });
  EXPECT_GT(directory.read("service.log").size(), 2000u);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, ALogAtTheLimitOfFileSizesEndsNobody) {
  const std::string limited = "exec env --default-signal=XFSZ ";
  if (shell(limited + "true").code != 0) GTEST_SKIP() << "env cannot undo what ignores the signal here";
  const Said started = shell("ulimit -f 100; " + limited + "\"$0\" start -d");  // 50 or 100 KiB, as the shell counts
  ASSERT_EQ(started.code, 0) << started.err;
  const auto port = static_cast<std::uint16_t>(std::stoi(started.out.substr(started.out.find("0.1:") + 4)));
  const int master = pid(), process = worker(port);
  std::size_t before = 1, now = 0;
  for (; now != before; now = std::filesystem::file_size(directory.file("service.log"))) {
    before = now;
    get(port, "/log?" + std::string(4000, 'x'));
  }
  EXPECT_GT(now, 40'000u);
  EXPECT_EQ(worker(port), process);
  EXPECT_EQ(run({"reload"}).code, 0) << "of which the master has something to say";
  EXPECT_TRUE(processExists(master));
  EXPECT_GT(worker(port), 0);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, ALogThatAnotherServiceTurnedOverIsNotTurnedOverAgain) {
  const auto port = start({"--", "log-size=2000"});
  std::filesystem::rename(directory.file("service.log"), directory.file("service.log.1"));
  std::ofstream(directory.file("service.log")) << "of the other service\n";
  for (int i = 0; i < 10; ++i) get(port, "/log?before-" + std::string(300, 'x'));
  until([&] {
    get(port, "/log?after");
    return directory.read("service.log").find("after") != std::string::npos;
  });
  EXPECT_NE(directory.read("service.log").find("of the other service"), std::string::npos);
  EXPECT_NE(directory.read("service.log.1").find("before-"), std::string::npos);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AGroupAlone) {
  const Said said = run({"start", "-d", "--", "group=daemon"});
  if (said.code == 6) GTEST_SKIP() << "not root, which the refusal says: " << said.err;
  const auto port = static_cast<std::uint16_t>(std::stoi(said.out.substr(said.out.find("127.0.0.1:") + 10)));
  const std::string text = status(worker(port));
  EXPECT_NE(text.find("\nUid:\t0\t0\t0\t0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nGid:\t1\t1\t1\t1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nGroups:\t1 \n"), std::string::npos) << text;
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, WhoMayNotBecomeTheUserServesNobody) {
  if (shell("test $(id -u) = 0 && command -v setpriv").code != 0) GTEST_SKIP() << "not root, who could give it up";
  for (const char* missing : {"setuid", "setgid"}) {
    const Said said = shell("exec setpriv --bounding-set -" + std::string(missing) + " \"$0\" start -- user=nobody");
    EXPECT_EQ(said.code, 1) << missing;
    EXPECT_NE(said.err.find("cannot become user nobody: "), std::string::npos) << said.err;
    EXPECT_EQ(said.out.find("start "), std::string::npos) << "onWorkerStart ran: " << said.out;
  }
}

TEST_F(Service, AStuckWorkerOfAnotherUserDiesWithItsMaster) {
  const Said said = run({"start", "-d", "--", "user=nobody", "stop=300"});
  if (said.code == 6) GTEST_SKIP() << "not root, which the refusal says: " << said.err;
  const auto port = static_cast<std::uint16_t>(std::stoi(said.out.substr(said.out.find("127.0.0.1:") + 10)));
  const int process = worker(port);
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  until([&] { return get(port, "/", 200ms).empty(); });
  signalProcess(pid(), 9);
  if (!until([&] { return !processExists(process); })) signalProcess(process, 9);
}

TEST_F(Service, WorkersRunAsAnotherUserAndStillLog) {
  const auto port = [&]() -> std::uint16_t {
    const Said said = run({"start", "-d", "--", "user=nobody", "log=my.log"});
    if (said.code == 6) {
      EXPECT_NE(said.err.find("only root may run workers as nobody"), std::string::npos) << said.err;
      return 0;
    }
    EXPECT_EQ(said.code, 0) << said.err;
    return static_cast<std::uint16_t>(std::stoi(said.out.substr(said.out.find("127.0.0.1:") + 10)));
  }();
  if (port == 0) GTEST_SKIP() << "not root, which the refusal says";
  const int process = worker(port);
  const std::string text = status(process);
  EXPECT_NE(text.find("\nUid:\t65534\t65534\t65534\t65534\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nGid:\t65534\t65534\t65534\t65534\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nGroups:\t65534 \n"), std::string::npos) << text;
  get(port, "/log?from-nobody");
  std::filesystem::rename(directory.file("my.log"), directory.file("old.log"));
  EXPECT_NE(directory.read("old.log").find("from-nobody"), std::string::npos);
  signalProcess(pid(), hangUp);
  until([&] {
    get(port, "/log?again");
    return directory.read("my.log").find("again") != std::string::npos;
  });
  signalProcess(process, 9);  // who comes after it is the same user
  until([&] { return worker(port) > 0 && worker(port) != process; });
  EXPECT_EQ(run({"stop"}).code, 0);
}

}  // namespace
}  // namespace artel::testing
