// A service and the commands that find it: start -d, stop, restart, the files (rows 1.5.3, 1.8.2.8 to 1.8.2.11,
// 1.8.2.13, 1.16.5, 1.16.22; decisions on lock, daemon and stop).
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>

#include "tests/support/background_service.hpp"

namespace artel::testing {
namespace {

TEST_F(Service, StartsInTheBackgroundAndStops) {
  auto began = std::chrono::steady_clock::now();
  const auto port = start({"--count", "2", "--", "stop=20000"});
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
  const int master = pid();
  ASSERT_GT(master, 0);
  EXPECT_TRUE(processExists(master));
  EXPECT_GT(worker(port), 0);
  EXPECT_NE(directory.read("service.log").find("started, 2 processes"), std::string::npos);
  began = std::chrono::steady_clock::now();
  const Said stop = run({"stop"});
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s) << "nobody waits for a time limit";
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
  EXPECT_NE(stat(master, 1), std::to_string(Worker::processId())) << "nobody's child any more";
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

TEST_F(Service, EachWorkerHasAProcessGroupOfItsOwn) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  const int process = worker(start());
  EXPECT_EQ(stat(process, 2), std::to_string(process)) << "a signal to the master's group is for the master alone";
  EXPECT_NE(stat(pid(), 2), std::to_string(process));
  EXPECT_EQ(run({"stop"}).code, 0);
}

/// What the descriptors of a process are, but for those that this one has, too: they come from whoever runs the tests.
std::vector<std::string> open(int process) {
  const auto targets = [](const std::string& of) {
    std::vector<std::string> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + of + "/fd"))
      found.push_back(std::filesystem::read_symlink(entry.path(), gone).string());
    return found;
  };
  const auto ours = targets("self");
  auto found = targets(std::to_string(process));
  std::erase_if(found, [&](const std::string& one) { return std::find(ours.begin(), ours.end(), one) != ours.end(); });
  return found;
}

std::set<std::string> ofKind(const std::vector<std::string>& all, const std::string& kind) {
  std::set<std::string> found;
  for (const std::string& one : all) {
    if (one.rfind(kind, 0) == 0) found.insert(one);
  }
  return found;
}

std::set<std::string> both(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> found;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(found, found.end()));
  return found;
}

TEST_F(Service, AWorkerHoldsNothingOfTheMastersAndOfOtherWorkers) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  start({"--count", "web=2", "--", "keep=reloadable", "stdout=out.txt"});
  const std::string files = std::filesystem::canonical(directory.path()).string() + "/";
  for (const bool reloaded : {false, true}) {
    if (reloaded) {
      EXPECT_EQ(run({"reload"}).code, 0) << "forked while a command is connected";
    }
    const auto master = open(pid());
    const auto childrenFile = "/proc/" + std::to_string(pid()) + "/task/" + std::to_string(pid()) + "/children";
    std::ifstream children(childrenFile);
    std::set<std::string> listeners, channels;
    int workers = 0;
    for (int child = 0; children >> child; ++workers) {
      const auto held = open(child);
      const auto sockets = ofKind(held, "socket:"), shared = both(sockets, ofKind(master, "socket:"));
      EXPECT_EQ(sockets.size(), 2u) << "where it listens, and its channel";
      EXPECT_EQ(shared.size(), 1u) << "the master holds the other end of the channel";
      listeners.insert(shared.begin(), shared.end());
      for (const std::string& one : sockets) {
        if (shared.contains(one)) continue;
        EXPECT_TRUE(channels.insert(one).second) << one << " is another worker's";
      }
      EXPECT_EQ(both(ofKind(held, "pipe:"), ofKind(master, "pipe:")), std::set<std::string>());
      EXPECT_EQ(std::count(held.begin(), held.end(), "/memfd:artel (deleted)"), 2) << "its numbers, its Worker's";
      for (const std::string& one : ofKind(held, "/")) {
        const bool known = one == "/dev/null" || one == "/memfd:artel (deleted)" || one == files + "service.log" ||
                           one == files + "out.txt";
        EXPECT_TRUE(known) << one;
      }
    }
    EXPECT_EQ(workers, 3);
    EXPECT_EQ(listeners.size(), 2u) << "one of each Worker";
  }
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AWorkerMayOpenAsManyFilesAsTheStartHasSaid) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  Program foreground(
      "/bin/sh", {"-c", "ulimit -Sn 256; ulimit -Hn 4096; exec \"$0\" start --log-level debug", program()}, &directory);
  const auto port = foreground.port();
  const std::string marker = "open files: ";
  foreground.until([&] { return foreground.errHas(marker); });
  const auto said = std::stoul(foreground.err().substr(foreground.err().find(marker) + marker.size()));
  EXPECT_GE(said, 4096u);
  std::ifstream limits("/proc/" + std::to_string(worker(port)) + "/limits");
  std::string line;
  while (std::getline(limits, line) && line.rfind("Max open files", 0) != 0) {
  }
  EXPECT_EQ(std::stoul(line.substr(14)), said) << line;
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

TEST_F(Service, ItsSocketAnswersNoOtherUser) {
  if (shell("test $(id -u) = 0 && command -v setpriv").code != 0) GTEST_SKIP() << "not root, who could be another";
  const std::string copy = directory.file("service");  // where the other one may reach it
  std::filesystem::copy_file(program(), copy);
  ASSERT_EQ(run({"start", "-d"}, copy).code, 0);
  for (const std::string& path : {directory.path(), directory.file("service.pid.ctl")})
    std::filesystem::permissions(path, std::filesystem::perms::all);
  const std::string ask = " ./service status";
  EXPECT_EQ(shell("exec" + ask).code, 0);
  // Whatever the file allows.
  const Said other = shell("exec setpriv --reuid 65534 --regid 65534 --clear-groups" + ask);
  EXPECT_EQ(other.code, 1) << other.err;
  EXPECT_EQ(other.out, "");
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, NeitherDeletingItsFilesNorAKilledMasterConfusesTheCommands) {
  start();
  const int master = pid();
  std::filesystem::remove(directory.file("service.pid"));
  std::filesystem::remove(directory.file("service.pid.ctl"));
  EXPECT_EQ(run({"start"}).code, 4) << "the lock says so, not the file";
  const Said stop = run({"stop", "-t", "9"});
  EXPECT_EQ(stop.code, 0) << stop.err;
  EXPECT_NE(stop.out.find("by signal"), std::string::npos) << stop.out;
  EXPECT_NE(stop.err.find("a signal carries no -t"), std::string::npos) << stop.err;
  until([&] { return !processExists(master); });

  start();
  const int second = pid();
  signalProcess(second, 9);
  until([&] { return !processExists(second); });
  EXPECT_TRUE(directory.has("service.pid")) << "a killed master cannot take it away";
  EXPECT_EQ(run({"status"}).code, 3);
  EXPECT_TRUE(directory.has("service.pid"));
  EXPECT_EQ(run({"stop"}).code, 3);
  EXPECT_FALSE(directory.has("service.pid")) << "its number is another program's one day";
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
  const std::vector<std::string> words{"--listen", "web=http://127.0.0.1:" + std::to_string(port), "--", "stop=3000",
                                       "stdout=out.txt"};
  ASSERT_EQ(start(words), port);
  Wire busy(port);
  keepBusy(busy);
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
    EXPECT_NE(said.err.find("cannot fork with 2 threads in the process (beside the main one: service): "),
              std::string::npos)
        << said.err;
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

TEST_F(Service, AnotherUserIsToldWhoseServiceItIs) {
  if (shell("[ $(id -u) = 0 ] && command -v setpriv").code != 0) GTEST_SKIP() << "only root can become somebody else";
  const std::string copy = directory.file("service");
  std::filesystem::copy_file(program(), copy);
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  ASSERT_EQ(run({"start", "-d"}, copy).code, 0);
  for (const char* command : {"stop", "reload", "status"}) {
    const Said other = shell(std::string("setpriv --reuid 61000 --clear-groups ./service ") + command);
    EXPECT_EQ(other.code, 1) << command << other.out;
    EXPECT_NE(other.err.find("the user who started the service: root\n"), std::string::npos) << command << other.err;
  }
  EXPECT_EQ(run({"stop"}, copy).code, 0);
}

TEST_F(Service, ProgramsGetOneObjectFromStopReloadAndVersion) {
  const Said none = run({"stop", "--json"});
  EXPECT_EQ(none.code, 3);
  EXPECT_EQ(none.out.find(R"({"schema":1,"app":"service","error":{"id":"E03","message":"service is not running)"), 0u)
      << none.out;
  start();
  EXPECT_EQ(run({"reload", "--json"}).out,
            R"({"schema":1,"app":"service","code":0,"said":["1 worker replaced"],"errors":[]})"
            "\n");
  EXPECT_EQ(run({"stop", "--json"}).out, R"({"schema":1,"app":"service","code":0,"said":["stopped"],"errors":[]})"
                                         "\n");
  const std::string version = run({"version", "--json"}).out;
  EXPECT_EQ(version.find(R"({"schema":1,"app":"service","version":")"), 0u) << version;
  EXPECT_NE(version.find(R"("libraries":[{"name":"libuv","compiled":")"), std::string::npos) << version;
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

TEST_F(Service, TwoInOneDirectory) {
  const auto port = start();
  const Said second = run({"start", "-d", "--pid-file", "second.pid"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(directory.has("second.pid.ctl"));
  const std::string option = " --pid-file second.pid";
  const Said again = run({"start", "--pid-file", "second.pid"});
  EXPECT_EQ(again.code, 4);
  EXPECT_NE(again.err.find("/service status" + option + " | "), std::string::npos)
      << "a hint means this one: " << again.err;
  EXPECT_NE(directory.read("second.log").find("started"), std::string::npos) << "a log of its own";
  EXPECT_EQ(run({"stop", "--pid-file", "second.pid"}).code, 0);
  const Said gone = run({"stop", "--pid-file", "second.pid"});
  EXPECT_NE(gone.err.find("/service start -d" + option + "\n"), std::string::npos) << gone.err;
  EXPECT_GT(worker(port), 0);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, TwoProgramsInOneDirectoryAndOneByTwoNames) {
  std::filesystem::create_symlink(program(), directory.file("by-a-link"));
  std::filesystem::copy_file(program(), directory.file("a-copy"));  // a link does not leave its file system
  std::filesystem::create_hard_link(directory.file("a-copy"), directory.file("by-another"));
  const std::vector<std::string> programs{"fixtures/service", "http_hello", directory.file("by-a-link"),
                                          directory.file("by-another")};
  std::vector<int> masters;
  for (const std::string& one : programs) {
    std::vector<std::string> words{"start", "-d"};
    if (one == "http_hello") words.insert(words.end(), {"--listen", "http://127.0.0.1:0"});
    const Said said = run(words, one);
    EXPECT_EQ(said.code, 0) << one << said.err;
  }
  for (const std::string& one : programs) {
    const std::string name = std::filesystem::path(one).filename().string();
    masters.push_back(std::stoi("0" + directory.read(name + ".pid")));
    const Said said = run({"status"}, one);
    EXPECT_EQ(said.code, 0) << one << said.err;
    EXPECT_EQ(said.out.rfind(name + "  up ", 0), 0u) << said.out;
    EXPECT_NE(said.out.find("  master " + std::to_string(masters.back()) + "  "), std::string::npos) << said.out;
    EXPECT_NE(directory.read(name + ".log").find("master/" + std::to_string(masters.back()) + " started"),
              std::string::npos);
    EXPECT_EQ(run({"start", "-d"}, one).code, 4) << one;
  }
  while (!masters.empty()) {
    EXPECT_EQ(run({"stop"}, programs[masters.size() - 1]).code, 0);
    until([&] { return !processExists(masters.back()); });
    masters.pop_back();
    for (std::size_t i = 0; i < programs.size(); ++i)
      EXPECT_EQ(run({"status"}, programs[i]).code, i < masters.size() ? 0 : 3) << programs[i];
  }
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
  const Said output = run({"start", "-d", "--", "stdout=/proc/no/such.txt"});
  EXPECT_EQ(output.code, 6);
  EXPECT_NE(output.err.find("error[E06]"), std::string::npos) << output.err;
  EXPECT_NE(output.err.find("stdoutFile cannot be written"), std::string::npos) << output.err;
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

TEST_F(Service, OnWorkerExitHearsOfASignalAs128AndItsNumber) {
  const auto port = start({"--", "stdout=out.txt", "hooks"});
  const int killed = worker(port);
  signalProcess(killed, 9);
  until([&] {
    return directory.read("out.txt").find("exit web 137 " + std::to_string(killed) + "\n") != std::string::npos;
  });
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, WhatAHookOfTheMasterThrowsIsInTheLog) {
  const auto port = start({"--", "throw-in-hooks"});
  EXPECT_EQ(run({"reload"}).code, 0);
  EXPECT_GT(worker(port), 0);
  EXPECT_EQ(run({"stop"}).code, 0);
  const std::string log = directory.read("service.log");
  for (const char* line :
       {"an exception left onWorkerExit: 1 on purpose\n", "an exception left onMasterReload: 2 on purpose\n",
        "an exception of an unknown type left onMasterStop\n"})
    EXPECT_NE(log.find(line), std::string::npos) << line << log;
}

TEST_F(Service, AChildThatIsNoneOfItsWorkersIsReapedInSilence) {
  Program foreground("/bin/sh", {"-c", "sleep 0.2 & echo stranger $!; exec \"$0\" start", program()}, &directory);
  const auto port = foreground.port();
  const int stranger = std::stoi(foreground.out().substr(foreground.out().find("stranger ") + 9));
  const int process = worker(port);
  until([&] { return !processExists(stranger); });
  EXPECT_EQ(run({"status"}).code, 0);
  EXPECT_EQ(worker(port), process);
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(foreground.wait(), 0);
  EXPECT_FALSE(foreground.errHas("ended")) << foreground.err();
}

TEST_F(Service, AForkInACallbackIsItsOwnAffair) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  const auto port = start();
  const int process = worker(port);
  EXPECT_EQ(get(port, "/fork").substr(0, 12), "HTTP/1.1 200");
  const std::string number = std::to_string(process);
  until([&] {
    int child = 0;
    return (std::ifstream("/proc/" + number + "/task/" + number + "/children") >> child) && stat(child, 0) == "Z";
  });
  EXPECT_EQ(worker(port), process);
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(directory.read("service.log").find("ended"), std::string::npos) << directory.read("service.log");
}

TEST_F(Service, WhatIsFixedByThenIsChangedInVainAndSaidOnce) {
  const auto port = start({"--count", "2", "--", "late"});
  for (int i = 0; i < 10; ++i) get(port);
  EXPECT_EQ(run({"reload"}).code, 0);
  const Said status = run({"status", "--json"});
  EXPECT_NE(status.out.find("\"name\":\"web\""), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("\"count\":2,"), std::string::npos) << status.out;
  EXPECT_EQ(run({"stop"}).code, 0);
  const std::string log = directory.read("service.log");
  EXPECT_NE(log.find("started, 2 processes"), std::string::npos) << log;
  std::size_t warnings = 0;
  for (auto at = log.find("changing them now has no effect"); at != std::string::npos;
       at = log.find("changing them now has no effect", at + 1))
    ++warnings;
  EXPECT_EQ(warnings, 4u) << "one of each process: " << log;
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
