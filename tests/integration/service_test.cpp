// A service and the commands that find it: start -d, stop, restart, the files (rows 1.5.3, 1.8.2.8 to 1.8.2.11,
// 1.8.2.13, 1.16.5, 1.16.22; decisions on lock, daemon and stop).
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

constexpr int hangUp = 1;  // not named on every system this is compiled for

/// Services run in the background of a directory; what a failed test leaves is ended with the directory.
class Service : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().daemonize) GTEST_SKIP() << capabilities().whyLimited;
  }
  void TearDown() override {
    if (const int master = pid(); master > 0 && processExists(master)) {
      signalProcess(master, SIGTERM);
      until([&] { return !processExists(master); });
    }
  }
  struct Said {
    int code = 0;
    std::string out, err;
  };
  Said run(std::vector<std::string> words, const std::string& program = "fixtures/service") {
    Program command(program, std::move(words), &directory);
    const int code = command.wait(15s);
    return {code, command.out(), command.err()};
  }
  /// start -d; its port.
  std::uint16_t start(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"start", "-d"});
    const Said said = run(words);
    EXPECT_EQ(said.code, 0) << said.err << directory.read("service.log");
    const auto at = said.out.find("listening http://127.0.0.1:");
    return at == std::string::npos ? 0 : static_cast<std::uint16_t>(std::stoi(said.out.substr(at + 27)));
  }
  int pid() const {
    const std::string text = directory.read("service.pid");
    return text.empty() ? 0 : std::stoi(text);
  }
  /// One field of /proc/PID/stat after the name, counted from 0: state, parent, group, session, terminal.
  static std::string stat(int process, int field) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::istringstream words(text.substr(text.rfind(')') + 1));
    std::string word;
    for (int i = 0; i <= field; ++i) words >> word;
    return word;
  }
  bool until(const std::function<bool()>& condition) {
    Program clock("http_hello", {"version"});
    return clock.until(condition);
  }
  /// In this directory, with "$0" as our program.
  Said shell(const std::string& line) { return run({"-c", line, program()}, "/bin/sh"); }
  static std::string program() {
    const char* given = std::getenv("ARTEL_BIN");
    return std::string(given != nullptr ? given : ARTEL_BIN_DIR) + "/fixtures/service";
  }
  std::string descriptor(int process, int number) {
    std::error_code failed;
    return std::filesystem::read_symlink("/proc/" + std::to_string(process) + "/fd/" + std::to_string(number), failed)
        .string();
  }
  static int worker(std::uint16_t port) {
    const std::string body = bodyOf(get(port));
    const auto slash = body.find('/');
    return slash == std::string::npos ? -1 : std::stoi(body.substr(slash + 1));
  }
  Directory directory;
};

TEST_F(Service, StartsInTheBackgroundAndStops) {
  const auto port = start({"--count", "2"});
  const int master = pid();
  ASSERT_GT(master, 0);
  EXPECT_TRUE(processExists(master));
  EXPECT_GT(worker(port), 0);
  EXPECT_NE(directory.read("service.log").find("started, 2 processes"), std::string::npos);
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 0) << stop.err;
  EXPECT_EQ(stop.out, "service: stopped\n");
  until([&] { return !processExists(master); });
  for (const char* file : {"service.pid", "service.pid.lock", "service.pid.ctl"})
    EXPECT_FALSE(directory.has(file)) << file;
}

TEST_F(Service, ADaemonHasItsOwnSessionAndNoTerminal) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  start();
  const int master = pid();
  EXPECT_NE(stat(master, 3), std::to_string(master)) << "not the leader of its session";
  EXPECT_NE(stat(master, 3), stat(static_cast<int>(Worker::processId()), 3)) << "a session of its own";
  EXPECT_EQ(stat(master, 4), "0") << "no terminal";
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(master) + "/fd/0"), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(master) + "/fd/1"), "/dev/null");
  std::ifstream status("/proc/" + std::to_string(master) + "/status");
  std::string line;
  while (std::getline(status, line) && line.rfind("Umask:", 0) != 0) {
  }
  EXPECT_EQ(line, "Umask:\t0022");
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, ASecondStartSaysWhoRuns) {
  start();
  for (const auto& words : {std::vector<std::string>{"start"}, std::vector<std::string>{"start", "-d"}}) {
    const Said second = run(words);
    EXPECT_EQ(second.code, 4);
    EXPECT_NE(second.err.find("error[E04] service is already running: master " + std::to_string(pid())),
              std::string::npos)
        << second.err;
  }
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, WithoutOneTheCommandsSaySo) {
  for (const char* verb : {"stop", "reload"}) {
    const Said said = run({verb});
    EXPECT_EQ(said.code, 3) << verb;
    EXPECT_NE(said.err.find("error[E03] service is not running"), std::string::npos) << said.err;
  }
}

TEST_F(Service, ASocketThatThisUserMayNotUseIsNoDeletedOne) {
  start();
  std::filesystem::permissions(directory.file("service.pid.ctl"), std::filesystem::perms::none);
  for (const char* verb : {"status", "connections"}) {
    const Said said = run({verb});
    if (said.code == 0) continue;  // root may do everything; NotAnswering.WhoMayNotConnectIsToldSo has the words
    EXPECT_EQ(said.code, 1);
    EXPECT_NE(said.err.find("the same command as the user who started the service"), std::string::npos) << said.err;
    EXPECT_EQ(said.err.find("deleted"), std::string::npos) << said.err;
  }
  std::filesystem::remove(directory.file("service.pid.ctl"));
  for (const char* verb : {"status", "connections"}) {
    const Said said = run({verb});
    EXPECT_EQ(said.code, 1);
    EXPECT_NE(said.err.find("somebody may have deleted the socket"), std::string::npos) << said.err;
  }
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, NeitherDeletingItsFilesNorAKilledMasterConfusesTheCommands) {
  start();
  const int master = pid();
  std::filesystem::remove(directory.file("service.pid"));
  std::filesystem::remove(directory.file("service.pid.ctl"));
  EXPECT_EQ(run({"start"}).code, 4) << "the lock says so, not the file";
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 0) << stop.err;
  EXPECT_NE(stop.out.find("by signal"), std::string::npos) << stop.out;
  until([&] { return !processExists(master); });

  start();
  const int second = pid();
  signalProcess(second, 9);
  until([&] { return !processExists(second); });
  EXPECT_TRUE(directory.has("service.pid")) << "a killed master cannot take it away";
  EXPECT_EQ(run({"stop"}).code, 3);
  start();  // the files it left are in nobody's way
  EXPECT_NE(pid(), second);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AMasterWhoseLockWasDeletedIsStillFound) {
  const auto port = start();
  const int master = pid();
  std::filesystem::remove(directory.file("service.pid.lock"));
  for (const auto& words : {std::vector<std::string>{"start"}, std::vector<std::string>{"start", "-d"}}) {
    const Said second = run(words);
    EXPECT_EQ(second.code, 4) << second.err;
    EXPECT_NE(second.err.find("a master answers at " + directory.file("service.pid.ctl")), std::string::npos)
        << second.err;
  }
  EXPECT_EQ(pid(), master) << "a refused start leaves the files of the first alone";
  EXPECT_EQ(run({"status"}).code, 0);
  EXPECT_EQ(run({"connections"}).code, 0);
  EXPECT_EQ(run({"reload"}).code, 0);
  EXPECT_GT(worker(port), 0);
  std::ofstream(directory.file("service.pid.lock")) << "";  // another one's by now
  std::ofstream(directory.file("service.pid")) << "0 another\n";
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 0) << stop.err;
  until([&] { return !processExists(master); });
  EXPECT_EQ(directory.read("service.pid"), "0 another\n") << "only its own files go with it";
  EXPECT_TRUE(directory.has("service.pid.lock"));
  std::filesystem::remove(directory.file("service.pid"));
}

TEST_F(Service, AStartAfterACrashWaitsForTheWorkersAddress) {
  const auto port = [] {
    Program holder("http_hello", {"start", "--listen", "http://127.0.0.1:0"});
    return holder.port();
  }();
  const std::vector<std::string> words{"--listen", "web=http://127.0.0.1:" + std::to_string(port), "--", "stop=1500"};
  ASSERT_EQ(start(words), port);
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  until([&] { return get(port, "/", 200ms).empty(); });
  const int master = pid();
  signalProcess(master, 9);
  until([&] { return !processExists(master); });
  EXPECT_EQ(start(words), port);
  EXPECT_NE(directory.read("service.log").find("an address that its workers may still hold"), std::string::npos);
  EXPECT_GT(worker(port), 0);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, StartsWithoutStandardStreams) {
  const Said background = shell("exec \"$0\" start -d <&- >&- 2>&-");
  EXPECT_EQ(background.code, 0);
  EXPECT_EQ(run({"stop"}).code, 0);
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  Program foreground("/bin/sh", {"-c", "exec \"$0\" start <&- >&- 2>&-", program()}, &directory);
  until([&] { return directory.has("service.pid"); });
  for (const int number : {0, 1, 2}) EXPECT_EQ(descriptor(foreground.pid(), number), "/dev/null") << number;
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(foreground.wait(), 0);
}

TEST_F(Service, ThreadsBesideTheMainOneRefuseTheBackgroundToo) {
  for (const auto& words : {std::vector<std::string>{"start", "--", "thread"}, {"start", "-d", "--", "thread"}}) {
    const Said said = run(words);
    EXPECT_EQ(said.code, 1);
    EXPECT_NE(said.err.find("cannot fork with "), std::string::npos) << said.err;
  }
  EXPECT_FALSE(directory.has("service.pid"));
}

TEST_F(Service, UnderAServiceManagerDaemonizeStaysInTheForeground) {
  Program foreground("/bin/sh", {"-c", "NOTIFY_SOCKET=$PWD/notify exec \"$0\" start -q -- daemonize", program()},
                     &directory);
  until([&] { return pid() > 0; });
  EXPECT_EQ(pid(), foreground.pid());
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(foreground.wait(), 0);
}

TEST_F(Service, AWorkersSocketIsNoneOfTheServicesFiles) {
  for (const char* file : {"service.pid", "service.pid.lock", "service.pid.ctl", "./x/../service.log"}) {
    for (const char* verb : {"start", "check", "restart"}) {
      const Said said = run({verb, "--listen", "line=unix://" + directory.file(file), "--", "keep"});
      EXPECT_EQ(said.code, 6) << verb << " " << file;
      EXPECT_NE(said.err.find("listens where the service keeps a file of its own"), std::string::npos) << said.err;
    }
  }
  EXPECT_EQ(run({"start", "-d", "--listen", "line=unix://" + directory.file("service.sock"), "--", "keep"}).code, 0);
  EXPECT_TRUE(directory.has("service.sock"));
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AFailedStartInTheBackgroundSaysWhy) {
  const Said busy = [&] {
    Program holder("http_hello", {"start", "--listen", "http://127.0.0.1:0"});
    return run({"start", "-d", "--listen", "web=http://127.0.0.1:" + std::to_string(holder.port())});
  }();
  EXPECT_EQ(busy.code, 5);
  EXPECT_NE(busy.err.find("error[E05]"), std::string::npos) << busy.err;
  const Said broken = run({"start", "-d", "--", "fail-from=/dev/null"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("error[E01]"), std::string::npos) << broken.err;
  EXPECT_NE(broken.err.find("failed on purpose"), std::string::npos) << broken.err;
  EXPECT_FALSE(directory.has("service.pid"));
  EXPECT_EQ(run({"stop"}).code, 3);
}

TEST_F(Service, AStopWhileItIsStartingIsSaidToWhoStartsIt) {
  std::ofstream(directory.file("hold-0")) << "now";
  Program launcher("fixtures/service", {"start", "-d", "--", "hold=" + directory.file("hold")}, &directory);
  launcher.until([&] { return directory.has("service.pid"); });
  Program stop("fixtures/service", {"stop"}, &directory);
  stop.until([&] { return directory.read("service.log").find("stopping") != std::string::npos; });
  std::filesystem::remove(directory.file("hold-0"));
  EXPECT_EQ(stop.wait(), 0) << stop.err();
  EXPECT_EQ(launcher.wait(), 1) << launcher.out();
  EXPECT_NE(launcher.err().find("error[E01] service was stopped while it was starting"), std::string::npos)
      << launcher.err();
}

TEST_F(Service, TheLaunchersEndChangesNothing) {
  std::uint16_t port = 0;
  {
    Program launcher("fixtures/service", {"start", "-d"}, &directory);
    port = launcher.port();
    launcher.wait();
    launcher.hangUp();
  }
  EXPECT_GT(worker(port), 0);
  get(port, "/log?after-the-end");
  EXPECT_NE(directory.read("service.log").find("after-the-end"), std::string::npos);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, StopKillsWhoDoesNotStopAndSaysSo) {
  const auto port = start({"--count", "2", "--", "stop=300"});
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  until([&] { return !get(port, "/", 200ms).empty(); });  // one that the busy worker took goes unanswered
  const auto began = std::chrono::steady_clock::now();
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 8);
  EXPECT_EQ(stop.out, "service: stopped, 1 of 2 processes had to be killed\n");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
  EXPECT_NE(directory.read("service.log").find("did not stop within stopTimeout (300 ms) and is killed"),
            std::string::npos)
      << directory.read("service.log");
}

TEST_F(Service, TheTimeoutOfOneStop) {
  const auto port = start({"--", "stop=60000"});
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  until([&] { return get(port, "/", 200ms).empty(); });
  EXPECT_EQ(run({"stop", "-t", "0.2"}).code, 8);
}

TEST_F(Service, AGracefulStopWaitsForTheConnectionAndThenSaysDrained) {
  const Said started = run({"start", "-d", "--", "keep=reloadable", "graceful=700"});
  ASSERT_EQ(started.code, 0) << started.err;
  const auto at = started.out.find("text://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << started.out;
  const auto port = static_cast<std::uint16_t>(std::stoi(started.out.substr(at + 17)));
  Wire wire(port);
  const auto line = [](const std::string& bytes) { return bytes.find('\n') != std::string::npos; };
  wire.send("who\n");
  const std::string who = wire.receive(line);
  EXPECT_FALSE(who.empty());
  Program stop("fixtures/service", {"stop", "-g"}, &directory);
  stop.until([&] { return !Wire(port).connected(); });
  wire.send("who\n");
  EXPECT_EQ(wire.receive(line), who) << "it still works";
  EXPECT_FALSE(stop.ended());
  EXPECT_EQ(wire.receive(line), "drained\n") << "the last words at the deadline";
  EXPECT_EQ(stop.wait(), 0) << stop.err();
}

TEST_F(Service, AGracefulStopEndsWithTheLastConnection) {
  const Said started = run({"start", "-d", "--", "keep=reloadable"});
  const auto at = started.out.find("text://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << started.out;
  const auto port = static_cast<std::uint16_t>(std::stoi(started.out.substr(at + 17)));
  auto wire = std::make_unique<Wire>(port);
  wire->send("who\n");
  wire->receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  Program stop("fixtures/service", {"stop", "-g", "-t", "60"}, &directory);
  stop.until([&] { return !Wire(port).connected(); });
  EXPECT_FALSE(stop.ended());
  wire.reset();
  EXPECT_EQ(stop.wait(), 0) << stop.err();
}

TEST_F(Service, RestartStopsAndStarts) {
  Said first = run({"restart", "-d"});
  EXPECT_EQ(first.code, 0) << "a dead service is simply started" << first.err;
  const int before = pid();
  ASSERT_GT(before, 0);
  Said second = run({"restart", "-d", "-g"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.out.find("service: stopped\n"), std::string::npos) << second.out;
  until([&] { return !processExists(before); });
  EXPECT_NE(pid(), before);
  EXPECT_TRUE(processExists(pid()));
  const Said refused = run({"restart", "-d", "--listen", "nope=http://127.0.0.1:0"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(processExists(pid())) << "what cannot start does not stop what runs";
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, TwoInOneDirectory) {
  const auto port = start();
  const Said second = run({"start", "-d", "--pid-file", "second.pid"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(directory.has("second.pid.ctl"));
  EXPECT_NE(directory.read("second.log").find("started"), std::string::npos) << "a log of its own";
  EXPECT_EQ(run({"stop", "--pid-file", "second.pid"}).code, 0);
  EXPECT_GT(worker(port), 0);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AVeryLongPathHasItsSocket) {
  const std::string deep = directory.file(std::string(100, 'a')) + "/" + std::string(100, 'b');
  std::filesystem::create_directories(deep);
  const std::string file = deep + "/long.pid";
  EXPECT_EQ(run({"start", "-d", "--pid-file", file}).code, 0);
  const auto socket = std::filesystem::status(deep + "/long.pid.ctl");
  EXPECT_EQ(socket.type(), std::filesystem::file_type::socket);
  EXPECT_EQ(socket.permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const Said stop = run({"stop", "--pid-file", file});
  EXPECT_EQ(stop.code, 0) << stop.err;
  EXPECT_EQ(stop.out.find("by signal"), std::string::npos) << stop.out;
}

TEST_F(Service, APidFileThatCannotBeWritten) {
  for (const auto& words : {std::vector<std::string>{"start", "--pid-file", "/proc/no/such.pid"},
                            std::vector<std::string>{"start", "-d", "--pid-file", "/proc/no/such.pid"}}) {
    const Said said = run(words);
    EXPECT_EQ(said.code, 6);
    EXPECT_NE(said.err.find("cannot write the pid file"), std::string::npos) << said.err;
  }
  const Said log = run({"start", "-d", "--", "log=/proc/no/such.log"});
  EXPECT_EQ(log.code, 6);
  EXPECT_NE(log.err.find("logFile cannot be written"), std::string::npos) << log.err;
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
  const auto port = start({"--", "log-size=2000"});
  until([&] {
    get(port, "/log?" + std::string(300, 'x'));
    return directory.has("service.log.1") && directory.read("service.log").find("xxx") != std::string::npos;
  });
  EXPECT_EQ(run({"stop"}).code, 0);
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
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  EXPECT_NE(text.find("\nUid:\t65534\t65534\t65534\t65534\n"), std::string::npos) << text;
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

TEST_F(Service, TheHooksOfTheMaster) {
  start({"--", "stdout=out.txt", "hooks"});
  EXPECT_EQ(run({"reload"}).code, 0);
  EXPECT_EQ(run({"stop"}).code, 0);
  const std::string out = directory.read("out.txt");
  EXPECT_NE(out.find("master-reload\n"), std::string::npos) << out;
  EXPECT_NE(out.find("exit web 0 "), std::string::npos) << out;
  EXPECT_NE(out.find("master-stop locked\n"), std::string::npos) << "before stop returns and the lock is free: " << out;
}

TEST_F(Service, AHookOfTheMasterStopsTheService) {
  const auto port = start({"--", "end-with-worker"});
  const int master = pid();
  signalProcess(worker(port), 9);
  EXPECT_TRUE(until([&] { return !processExists(master); })) << directory.read("service.log");
  EXPECT_FALSE(directory.has("service.pid"));
}

TEST_F(Service, CheckDecidesAndDoesNothing) {
  const Said fine = run({"check", "--count", "3", "--", "stdout=out.txt"});
  EXPECT_EQ(fine.code, 0) << fine.err;
  EXPECT_NE(fine.out.find("worker web"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("3 processes"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("service: this could start\n"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find(" " + directory.file("out.txt") + " "), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("checking\n"), std::string::npos) << "Worker::checking() was asked in main";
  for (const char* file : {"service.pid", "service.pid.lock", "service.pid.ctl", "out.txt", "service.log"})
    EXPECT_FALSE(directory.has(file)) << file;
  EXPECT_EQ(run({"check", "--listen", "nope://1"}).code, 6);
  EXPECT_EQ(run({"check", "--", "user=no-such-user"}).code, 6);
  const Said file = run({"check", "--pid-file", "no-such-folder/x.pid"});
  EXPECT_EQ(file.code, 6);
  EXPECT_NE(file.err.find("pidFile cannot be written"), std::string::npos) << file.err;
  start();
  EXPECT_EQ(run({"check"}).code, 0) << "beside a service that runs";
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, CheckTellsThePlanToPrograms) {
  const Said fine = run({"check", "--json", "--count", "web=auto", "--", "keep"});
  EXPECT_EQ(fine.code, 0) << fine.err;
  const std::string json = fine.out.substr(fine.out.rfind('\n', fine.out.size() - 2) + 1);  // main may print before it
  EXPECT_EQ(json.substr(0, 36), "{\"schema\":1,\"app\":\"service\",\"program") << fine.out;
  EXPECT_EQ(json.find("\"count\":0"), std::string::npos) << json;
  for (const char* part : {"{\"name\":\"web\",\"listen\":\"http://127.0.0.1:0\",", "\"reloadable\":false",
                           "{\"name\":\"open files\",\"value\":\"", "{\"name\":\"OpenSSL\",\"compiled\":\"3."})
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  const Said refused = run({"check", "--json", "--", "user=no-such-user"});
  EXPECT_EQ(refused.code, 6);
  EXPECT_NE(refused.out.find("\"error\":{\"id\":\"E06\",\"message\":"), std::string::npos) << refused.out;
  EXPECT_NE(refused.err.find("error[E06]"), std::string::npos) << refused.err;
}

TEST_F(Service, MainKnowsACheckWhereverTheWordStands) {
  EXPECT_NE(run({"--count", "2", "check"}).out.find("checking\n"), std::string::npos);
  EXPECT_EQ(run({"help", "check"}).out.find("checking\n"), std::string::npos);
  EXPECT_EQ(run({"version", "--", "check"}).out.find("checking\n"), std::string::npos);
}

TEST_F(Service, AUnitForThisProgramHere) {
  const Said unit = run({"unit", "--pid-file", "my 100%.pid"});
  EXPECT_EQ(unit.code, 0);
  EXPECT_NE(unit.out.find("\nWorkingDirectory=" + directory.path() + "\n"), std::string::npos) << unit.out;
  EXPECT_NE(unit.out.find("/fixtures/service start -q --pid-file \"" + directory.file("my 100%%.pid") + "\"\n"),
            std::string::npos)
      << unit.out;
  EXPECT_NE(unit.out.find("\nTimeoutStopSec=6\n"), std::string::npos) << unit.out;
  EXPECT_NE(unit.out.find("\nWatchdogSec=30\n"), std::string::npos) << unit.out;
  EXPECT_FALSE(directory.has("my 100%.pid"));
  const Said odd = shell("mkdir 'a b%' && cd 'a b%' && exec \"$0\" unit --pid-file 'a$b.pid'");
  EXPECT_NE(odd.out.find("\nWorkingDirectory=" + directory.file("a b%%") + "\n"), std::string::npos) << odd.out;
  EXPECT_NE(odd.out.find(" start -q --pid-file \"" + directory.file("a b%%/a$$b.pid") + "\"\n"), std::string::npos)
      << odd.out;
}

TEST_F(Service, AForegroundServiceIsFoundAsWell) {
  Program foreground("fixtures/service", {"start"}, &directory);
  foreground.port();
  EXPECT_EQ(run({"start"}).code, 4);
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(foreground.wait(), 0);
}

}  // namespace
}  // namespace artel::testing
