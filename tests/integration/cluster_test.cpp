// Master and workers as real processes (rows 1.2, 1.3, 1.8.2.1, 1.8.2.2, 1.8.4.2, decisions on start and stop).
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

class Cluster : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  }
  static std::vector<std::string> startWords(const std::string& count) { return {"start", "--count", count}; }
  /// "id/pid" of the worker that answers.
  static std::pair<int, int> who(std::uint16_t port) {
    const std::string body = bodyOf(get(port));
    const auto slash = body.find('/');
    if (slash == std::string::npos) return {-1, -1};
    return {std::stoi(body.substr(0, slash)), std::stoi(body.substr(slash + 1))};
  }
  /// Returns when a worker of the fixture "service" is in a callback that never ends.
  static void keepBusy(Program& program, Wire& wire) {
    wire.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    program.until([&] { return program.out().find("loop ") != std::string::npos; });
  }
  /// What this process has open, too, comes from whoever runs the tests.
  static bool sameHere(int number, const std::string& target) {
    std::error_code none;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(number), none) == target;
  }
};

TEST_F(Cluster, FourProcessesWithFourIds) {
  Program program("fixtures/misbehave", startWords("4"));
  const auto port = program.port();
  std::map<int, int> pidOf;
  program.until([&] {
    const auto [id, pid] = who(port);
    pidOf[id] = pid;
    return pidOf.size() == 4;
  });
  for (int id = 0; id < 4; ++id) EXPECT_TRUE(pidOf.contains(id)) << id;
  std::set<int> pids;
  for (const auto& [id, pid] : pidOf) pids.insert(pid);
  EXPECT_EQ(pids.size(), 4u);
  EXPECT_FALSE(pids.contains(program.pid())) << "the master serves nobody";
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
  for (const int pid : pids) EXPECT_FALSE(processExists(pid));
}

TEST_F(Cluster, KeptConnectionsAreSpread) {
  Program program("fixtures/misbehave", startWords("4"));
  const auto port = program.port();
  std::map<std::string, int> spread;
  std::vector<std::unique_ptr<Wire>> wires;
  const auto all = [&] {
    return spread.size() == 4 && std::all_of(spread.begin(), spread.end(), [&](const auto& one) {
             return static_cast<std::size_t>(one.second) * 20 >= wires.size() * 3;
           });
  };
  // On a busy machine one may miss its turn for a while, and has that made up later.
  for (int i = 0; i < 200 || (i < 400 && !all()); ++i) {
    wires.push_back(std::make_unique<Wire>(port));
    wires.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string body = bodyOf(wires.back()->receive(
        [](const std::string& bytes) { return bytes.find("/", bytes.find("\r\n\r\n") + 1) != std::string::npos; }));
    ++spread[body.substr(0, body.find('/'))];
  }
  EXPECT_TRUE(all()) << "each has 15 % of them at least";
  wires.clear();
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, WhoIsFullSaysSoAndAcceptsNoMore) {
  Program program("fixtures/service", {"start", "--count", "web=2", "--", "max-connections=2"});
  const auto port = program.port();
  const auto ask = [](Wire& wire) {
    wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return bodyOf(wire.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); }, 10s));
  };
  std::vector<std::unique_ptr<Wire>> all;
  std::map<std::string, int> spread;
  for (int i = 0; i < 4; ++i) ++spread[ask(*all.emplace_back(std::make_unique<Wire>(port)))];
  EXPECT_EQ(spread.size(), 2u);
  program.until([&] { return program.errHas("this process accepts no more until a connection ends"); });
  Wire fifth(port);
  fifth.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(fifth.receive([](const std::string& bytes) { return !bytes.empty(); }, 300ms), "") << "it waits unaccepted";
  all.pop_back();
  EXPECT_NE(bodyOf(fifth.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); }, 10s)), "");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, WhoWasFullAcceptsAgainWhenThereIsNoLimitAnyMore) {
  Program program("fixtures/service", {"start", "--count", "web=2", "--", "max-connections=1"});
  const auto port = program.port();
  const auto answered = [](Wire& wire) {
    return !bodyOf(wire.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); }, 10s)).empty();
  };
  std::vector<std::unique_ptr<Wire>> all;
  for (int i = 0; i < 2; ++i) {
    all.push_back(std::make_unique<Wire>(port));
    all.back()->send("GET /no-limit HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(answered(*all.back()));
  }
  Wire third(port);
  third.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  all.clear();
  EXPECT_TRUE(answered(third));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, AStoppedSiblingIsNotWaitedFor) {
  constexpr int halt = 19, goOn = 18;  // not named on every system this is compiled for
  Program program("fixtures/misbehave", startWords("2"));
  const auto port = program.port();
  const auto [id, pid] = who(port);
  ASSERT_TRUE(signalProcess(pid, halt));
  std::vector<std::unique_ptr<Wire>> wires;
  const auto keepOne = [&] {
    wires.push_back(std::make_unique<Wire>(port));
    wires.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return bodyOf(wires.back()->receive(
        [](const std::string& bytes) { return bytes.find("/", bytes.find("\r\n\r\n") + 1) != std::string::npos; }));
  };
  for (int i = 0; i < 100; ++i) ASSERT_NE(keepOne(), "") << "connection " << i << ", all of them with one process";
  ASSERT_TRUE(signalProcess(pid, goOn));
  const std::string back = std::to_string(id) + "/" + std::to_string(pid);
  for (int i = 0; i < 1000 && keepOne() != back; ++i) {  // it has to be woken first
  }
  int mine = 0;
  // Not all of them: it may have to wait for its turn on a busy machine, and the other gets some meanwhile.
  for (int round = 0; round < 3 && mine < 80; ++round) {
    int others = 0;
    mine = 0;
    while (mine < 80 && mine + others < 120) ++(keepOne() == back ? mine : others);
  }
  EXPECT_GE(mine, 80) << "who is back gets what it has missed";
  wires.clear();
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, AKilledWorkerIsReplacedUnderItsId) {
  Program program("fixtures/misbehave", startWords("2"));
  const auto port = program.port();
  const auto [id, pid] = who(port);
  ASSERT_GT(pid, 0);
  ASSERT_TRUE(signalProcess(pid, 9));
  program.until([&, id = id, pid = pid] {
    const auto [again, other] = who(port);
    return again == id && other > 0 && other != pid;
  });
  program.until([&] { return program.errHas("ended: signal KILL; a new one starts\n"); });
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, ExitAndAbortInACallbackAreNamed) {
  Program program("fixtures/misbehave", startWords("1"));
  const auto port = program.port();
  get(port, "/exit");
  program.until([&] { return program.errHas("ended: code 3"); });
  program.until([&] { return who(port).second > 0; });
  get(port, "/abort");
  program.until([&] { return program.errHas("ended: signal ABRT"); });
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, AnExceptionEndsTheWorkerWith250AndTheRequestWith500) {
  Program program("fixtures/misbehave", startWords("1"));
  const auto port = program.port();
  EXPECT_EQ(get(port, "/throw").substr(0, 12), "HTTP/1.1 500");
  program.until([&] { return program.errHas("ended: code 250"); });
  program.until([&] { return program.errHas("thrown on purpose") && program.errHas("onWorkerStop ran"); });
  program.until([&] { return who(port).second > 0; });
  EXPECT_EQ(get(port, "/number").substr(0, 12), "HTTP/1.1 500");
  program.until([&] { return program.errHas("unknown type"); });
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, ACrashLoopIsPaced) {
  Program program("fixtures/misbehave", {"start", "--", "exit"});
  program.port();
  program.until([&] { return program.errHas("a new one starts in 2 s"); });
  const std::string& err = program.err();
  std::size_t restarts = 0;
  for (auto at = err.find("a new one starts"); at != std::string::npos; at = err.find("a new one starts", at + 1))
    ++restarts;
  EXPECT_LE(restarts, 4u) << err;
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, AWorkerThatCannotStartFailsTheStart) {
  Program program("fixtures/misbehave", {"start", "--count", "2", "--", "fail"});
  EXPECT_EQ(program.wait(), 1);
  EXPECT_TRUE(program.errHas("error[E01]")) << program.err();
  EXPECT_TRUE(program.errHas("no database")) << program.err();
  EXPECT_EQ(program.out(), "");
}

TEST_F(Cluster, StopAllAnswersThenTheWorkerIsReplaced) {
  Program program("fixtures/misbehave", startWords("1"));
  const auto port = program.port();
  const auto [id, pid] = who(port);
  EXPECT_EQ(bodyOf(get(port, "/stopAll")), "0/" + std::to_string(pid));
  program.until([&, pid = pid] {
    const int other = who(port).second;
    return other > 0 && other != pid;
  });
  program.until([&] { return program.errHas("onWorkerStop ran in 0"); });
  program.until([&] { return program.errHas("stopped on purpose"); });
  program.until([&] { return program.errHas("ended: code 5; a new one starts"); });
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Cluster, AProgramStartedInACallbackInheritsNoDescriptor) {
  if (!capabilities().daemonize) GTEST_SKIP() << capabilities().whyLimited;
  Directory directory;
  const std::string file = directory.file("descriptors.txt");
  Program launcher("fixtures/misbehave", {"start", "-d", "--", file}, &directory);  // so that there is a log file
  const auto port = launcher.port();
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_EQ(bodyOf(get(port, "/descriptors")), "0");
  std::istringstream list(directory.read("descriptors.txt"));
  std::size_t standard = 0, own = 0;
  for (std::string line; std::getline(list, line);) {
    const auto arrow = line.find(" -> ");
    if (arrow == std::string::npos) continue;
    const int number = std::stoi(line.substr(line.rfind(' ', arrow - 1)));
    if (number <= 2)
      ++standard;
    else if (line.compare(line.size() - 3, 3, "/fd") == 0)  // what ls reads
      ++own;
    else if (!sameHere(number, line.substr(arrow + 4)))
      ADD_FAILURE() << line;
  }
  EXPECT_EQ(standard, 3u);
  EXPECT_EQ(own, 1u);
  EXPECT_GT(who(port).second, 0) << "its exit does not confuse the master";
  EXPECT_EQ(directory.read("misbehave.log").find("ended"), std::string::npos) << directory.read("misbehave.log");
  Program stop("fixtures/misbehave", {"stop"}, &directory);
  EXPECT_EQ(stop.wait(), 0);
}

TEST_F(Cluster, AGracefulStopLetsAConnectionStayUntilAnOrderedOne) {
  Program program("text_echo", {"start", "--listen", "text://127.0.0.1:0"});
  const auto port = program.port();
  Wire wire(port);
  const auto echo = [&](const std::string& line) {
    wire.send(line + "\n");
    return wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  };
  EXPECT_EQ(echo("before"), "before\n");
  constexpr int quit = 3;  // not named on every system this is compiled for
  program.signal(quit);
  program.until([&] { return !Wire(port).connected(); });
  EXPECT_EQ(echo("still here"), "still here\n");
  EXPECT_FALSE(program.ended());
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  wire.receive([](const std::string&) { return false; });
  EXPECT_TRUE(wire.ended());
}

TEST_F(Cluster, StopServiceEndsTheMaster) {
  Directory directory;
  Program program("fixtures/misbehave", startWords("3"), &directory);
  const auto port = program.port();
  std::set<int> pids;
  program.until([&] {
    pids.insert(who(port).second);
    return pids.size() == 3;
  });
  EXPECT_TRUE(directory.has("misbehave.pid"));
  EXPECT_EQ(get(port, "/stopService").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(program.wait(), 0);
  for (const int pid : pids) EXPECT_FALSE(processExists(pid));
  EXPECT_FALSE(directory.has("misbehave.pid"));
}

TEST_F(Cluster, ABusyWorkerIsKilledAtStopTimeout) {
  Program program("fixtures/service", startWords("2"));
  Wire busy(program.port());
  keepBusy(program, busy);
  const auto began = std::chrono::steady_clock::now();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 8);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
  EXPECT_TRUE(program.errHas("did not stop within stopTimeout"));
}

// Two different signals, for two equal ones that are pending count as one.
TEST_F(Cluster, ASecondSignalKillsNow) {
  Program program("fixtures/service", {"start", "--count", "1", "--", "stop=20000"});
  Wire busy(program.port());
  keepBusy(program, busy);
  const auto began = std::chrono::steady_clock::now();
  program.signal(SIGTERM);
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 8);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "without it the worker has its 20";
}

TEST_F(Cluster, WorkersLeaveWhenTheMasterIsKilled) {
  Program program("fixtures/misbehave", startWords("2"));
  const auto port = program.port();
  std::set<int> pids;
  program.until([&] {
    pids.insert(who(port).second);
    return pids.size() == 2;
  });
  program.signal(9);
  EXPECT_EQ(program.wait(), -9);
  program.until([&] { return get(port).empty(); });  // the port is free: nobody accepts
}

TEST_F(Cluster, AStuckWorkerDiesWithItsMaster) {
  Program program("fixtures/service", startWords("1"));
  const auto port = program.port();
  const int worker = who(port).second;
  Wire busy(port);
  keepBusy(program, busy);
  program.signal(9);
  EXPECT_EQ(program.wait(), -9);
  program.until([&] { return !Wire(port).connected(); });
  EXPECT_GT(worker, 0);
}

TEST_F(Cluster, AStopAnswersARequestInFlightAndEndsKeptConnections) {
  Directory directory;
  Program program("fixtures/steady", {"start", "--count", "1", "--", "slow=1500", "stop-timeout=20000"}, &directory);
  const auto port = program.port();
  const auto said = [](const char* body) {
    return [body](const std::string& bytes) { return bytes.find(body) != std::string::npos; };
  };
  Wire busy(port), kept(port), idle(port);
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  for (Wire* wire : {&kept, &idle}) {
    wire->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(wire->receive(said("hello")).find("Connection: close"), std::string::npos);
  }
  const auto began = std::chrono::steady_clock::now();
  Program stop("fixtures/steady", {"stop"}, &directory);
  program.until([&] { return !Wire(port).connected(); });
  // Who was idle may just have sent something.
  kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string last = kept.receive(said("hello"));
  EXPECT_EQ(last.substr(0, 12), "HTTP/1.1 200") << last;
  EXPECT_NE(last.find("Connection: close"), std::string::npos) << last;
  const std::string answer = busy.receive(said("slow"));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 200") << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
  EXPECT_EQ(bodyOf(answer), "slow");
  EXPECT_EQ(stop.wait(), 0) << stop.err();
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s) << "nobody waits for stopTimeout";
  for (Wire* wire : {&busy, &kept, &idle}) {
    wire->receive([](const std::string&) { return false; });
    EXPECT_TRUE(wire->ended());
  }
}

}  // namespace
}  // namespace artel::testing
