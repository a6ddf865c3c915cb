// A worker that crashes, one that is asked where it is, and one that is stuck (rows 1.14.1, 1.14.3; F2, F5).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "artel/artel.hpp"
#include "platform/sanitized.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

constexpr int stopSignal = 19, continueSignal = 18;  // Linux's; Windows has no names for them

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// As g++ or as clang calls them.
bool namesALambdaOfMain(const std::string& stack) {
  return stack.find("main::{lambda") != std::string::npos || stack.find("main::$_") != std::string::npos;
}

class Debug : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  }
  struct Said {
    int code = 0;
    std::string out, err;
  };
  void start(std::vector<std::string> words) {
    words.insert(words.begin(), "start");
    service = std::make_unique<Program>("fixtures/misbehave", words, &directory);
    port = service->port();
    ASSERT_NE(port, 0);
  }
  void startInBackground() {
    const Said started = run({"start", "-d", "--count", "1"});
    ASSERT_EQ(started.code, 0) << started.err;
    const auto colon = started.out.find("127.0.0.1:");
    ASSERT_NE(colon, std::string::npos) << started.out;
    port = static_cast<std::uint16_t>(std::atoi(started.out.c_str() + colon + 10));
  }
  void TearDown() override {
    if (!service || service->ended()) return;
    service->signal(SIGTERM);
    service->wait();
  }
  Said run(std::vector<std::string> words) {
    Program command("fixtures/misbehave", std::move(words), &directory);
    const int code = command.wait(15s);
    return {code, command.out(), command.err()};
  }
  /// Of the first worker in that state; 0 when there is none.
  int pidOf(const std::string& state) {
    const std::string json = run({"status", "--json"}).out;
    const auto at = json.find("\"state\":\"" + state + "\"");
    const auto pid = at == std::string::npos ? at : json.rfind("\"pid\":", at);
    return pid == std::string::npos ? 0 : std::atoi(json.c_str() + pid + 6);
  }
  std::unique_ptr<Wire> ask(const std::string& path) {
    auto wire = std::make_unique<Wire>(port);
    wire->send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return wire;
  }
  /// The worker that is busy with it.
  int busyWith(const std::string& path, std::unique_ptr<Wire>& wire) {
    wire = ask(path);
    int pid = 0;
    service->until([&] { return (pid = pidOf("busy")) != 0; });
    return pid;
  }
  Directory directory;
  std::unique_ptr<Program> service;
  std::uint16_t port = 0;
};

TEST_F(Debug, WhatACallbackPrintsIsSeenInTheForegroundOnly) {
  start({"--count", "2"});
  EXPECT_FALSE(bodyOf(get(port, "/print")).empty());
  service->until([&] { return service->out().find("printed by a callback\n") != std::string::npos; });
  service->signal(SIGTERM);
  EXPECT_EQ(service->wait(), 0);
  startInBackground();
  EXPECT_FALSE(bodyOf(get(port, "/print")).empty());
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(directory.read("misbehave.log").find("printed"), std::string::npos) << "nothing keeps it";
}

TEST_F(Debug, ACoreFileIsWrittenOnlyWhereItIsAskedFor) {
  for (const bool asked : {false, true}) {
    Program started("/bin/sh",
                    {"-c", R"(ulimit -Sc 0; ulimit -Hc 4096 && ulimit -Sc 2048; exec "$0" start "$@")",
                     programFile("fixtures/service"), "--", asked ? "cores" : "none"},
                    &directory);
    ASSERT_NE(port = started.port(), 0);
    const std::string worker = bodyOf(get(port)).substr(2);
    for (const std::string& pid : {worker, std::to_string(started.pid())}) {
      std::ifstream file("/proc/" + pid + "/limits");
      std::string line;
      while (std::getline(file, line) && line.rfind("Max core file size", 0) != 0) {
      }
      std::istringstream words(line.substr(std::min(line.size(), std::string("Max core file size").size())));
      std::string soft, hard;
      words >> soft >> hard;
      ASSERT_FALSE(hard.empty()) << pid << ": " << line;
      EXPECT_NE(hard, "0") << line;
      EXPECT_EQ(soft, asked ? hard : "0") << line;
    }
    started.signal(SIGTERM);
    EXPECT_EQ(started.wait(), 0);
  }
}

class Crash : public Debug {
  void SetUp() override {
    Debug::SetUp();
    if (platform::sanitized) GTEST_SKIP() << "the sanitizer reports";
  }
};

TEST_F(Crash, TheLogNamesTheFunctionAndTheCallback) {
  start({"--count", "1"});
  get(port, "/crash");
  service->until([&] { return service->errHas("ended: signal SEGV; a new one starts"); });
  const std::string& err = service->err();
  EXPECT_NE(err.find(" crashed: signal SEGV at address 0x0, in onMessage of connection 1\n  #0   "), std::string::npos)
      << err;
  const auto at = err.find("  #0   "), end = err.find("\n", at);
  EXPECT_NE(err.substr(at, end - at).find("writeToNowhere()  misbehave+0x"), std::string::npos) << err;
  EXPECT_TRUE(namesALambdaOfMain(err)) << "who called it\n" << err;
  EXPECT_NE(err.find("source lines: addr2line -Cfpie /"), std::string::npos) << err;
  EXPECT_EQ(count(err, " crashed: "), 1u);
  service->until([&] { return !bodyOf(get(port)).empty(); });
}

TEST_F(Crash, AStackOverflowShowsWhereItBegan) {
  start({"--count", "1"});
  get(port, "/overflow");
  service->until([&] { return service->errHas("ended: signal SEGV"); });
  const std::string& err = service->err();
  EXPECT_NE(err.find("callYourself(int)"), std::string::npos) << err;
  EXPECT_NE(err.find(" times)\n"), std::string::npos) << err;
  EXPECT_TRUE(namesALambdaOfMain(err)) << err;
}

TEST_F(Crash, InTheBackgroundItIsInTheLogFile) {
  startInBackground();
  get(port, "/abort");
  Program any("fixtures/misbehave", {"version"}, &directory);  // until() wants one
  any.until([&] { return directory.read("misbehave.log").find("ended: signal ABRT") != std::string::npos; });
  const std::string log = directory.read("misbehave.log");
  EXPECT_NE(log.find(" crashed: signal ABRT, in onMessage of connection 1\n"), std::string::npos) << log;
  EXPECT_NE(log.find("  abort  "), std::string::npos) << log;
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Crash, ACoreDumpIsNamed) {
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string where;
  if (!std::getline(pattern, where) || where.find_first_of("/|") != std::string::npos)
    GTEST_SKIP() << "cores go elsewhere";
  if (Program("/bin/sh", {"-c", "ulimit -c unlimited"}).wait() != 0) GTEST_SKIP() << "there is a limit to cores";
  service =
      std::make_unique<Program>("/bin/sh",
                                std::vector<std::string>{"-c", "ulimit -c unlimited && exec \"$0\" start -- cores",
                                                         programFile("fixtures/service")},
                                &directory);
  const std::string body = bodyOf(get(service->port()));
  constexpr int abort = 6;  // not named on every system this is compiled for
  ASSERT_TRUE(signalProcess(std::stoi(body.substr(2)), abort)) << body;
  service->until([&] { return service->errHas("ended: "); });
  EXPECT_TRUE(service->errHas("ended: signal ABRT (core dumped)")) << service->err();
}

TEST_F(Crash, WhoSentASignalIsNamed) {
  start({"--count", "1"});
  const int worker = pidOf("idle");
  ASSERT_TRUE(signalProcess(worker, SIGSEGV));
  service->until([&] { return service->errHas("ended: signal SEGV"); });
  EXPECT_TRUE(service->errHas("crashed: signal SEGV sent by process ")) << service->err();
  EXPECT_FALSE(service->errHas("in onMessage")) << "it was in no callback";
}

TEST_F(Crash, TheMasterReportsItself) {
  start({"--count", "1"});
  service->signal(SIGSEGV);
  EXPECT_EQ(service->wait(), -SIGSEGV);
  EXPECT_TRUE(service->errHas("error master/")) << service->err();
  EXPECT_TRUE(service->errHas("the master process crashed: signal SEGV sent by process ")) << service->err();
  EXPECT_TRUE(service->errHas("  #0   ")) << service->err();
}

TEST_F(Crash, AHandlerOfTheProgramsOwnStays) {
  start({"--count", "1", "--", "handler"});
  get(port, "/crash");
  service->until([&] { return service->errHas("ended: code 9"); });
  EXPECT_FALSE(service->errHas("crashed")) << service->err();
  get(port, "/abort");
  service->until([&] { return service->errHas("crashed: signal ABRT"); });
}

class Trace : public Debug {
  void SetUp() override {
    Debug::SetUp();
    if (platform::threadSanitizer) GTEST_SKIP() << "it holds signals back";
  }
};

TEST_F(Trace, ABusyWorkerShowsItsStackAndGoesOn) {
  start({"--count", "2"});
  std::unique_ptr<Wire> wire;
  const int pid = busyWith("/until", wire);
  for (int i = 0; i < 2; ++i) {
    const Said said = run({"trace", std::to_string(pid)});
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(said.out.find("misbehave/" + std::to_string(pid) + "  busy for "), 0u) << said.out;
    EXPECT_NE(said.out.find("  in onMessage of connection 1\n  #0   "), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("loopUntil(char const*)"), std::string::npos) << said.out;
    EXPECT_TRUE(namesALambdaOfMain(said.out)) << said.out;
    EXPECT_NE(said.out.find("source lines: addr2line"), std::string::npos) << said.out;
    EXPECT_EQ(count(said.out, "  #0   "), 1u) << said.out;
  }
  EXPECT_EQ(pidOf("busy"), pid);
  std::ofstream(directory.file("go")) << "go";
  const std::string answer = wire->receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); });
  EXPECT_NE(answer.find("/" + std::to_string(pid)), std::string::npos) << answer;
  wire->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string again = wire->receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); });
  EXPECT_NE(again.find("/" + std::to_string(pid)), std::string::npos) << again;
  EXPECT_FALSE(service->errHas("ended")) << service->err();
}

TEST_F(Trace, AnIdleWorkerSleepsInItsLoop) {
  start({"--count", "1"});
  const int pid = pidOf("idle");
  const Said said = run({"trace", std::to_string(pid)});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.out.find("misbehave/" + std::to_string(pid) + "  idle\n"), 0u) << said.out;
  EXPECT_NE(said.out.find("artel::Loop::Impl::run()"), std::string::npos) << said.out;
  EXPECT_FALSE(bodyOf(get(port)).empty());
}

TEST_F(Trace, WhatCannotBeTracedIsSaid) {
  start({"--count", "2"});
  const int pid = pidOf("idle");
  const Said stranger = run({"trace", "1"});
  EXPECT_EQ(stranger.code, 2);
  EXPECT_EQ(stranger.err.find("error[E02] misbehave has no worker process 1\n  known:   "), 0u) << stranger.err;
  EXPECT_NE(stranger.err.find(std::to_string(pid) + " (misbehave)"), std::string::npos) << stranger.err;
  const Said master = run({"trace", std::to_string(service->pid())});
  EXPECT_EQ(master.code, 2);
  EXPECT_NE(master.err.find(": this is its master\n"), std::string::npos) << master.err;
  ASSERT_TRUE(signalProcess(pid, stopSignal));
  const Said stopped = run({"trace", std::to_string(pid)});
  EXPECT_EQ(stopped.code, 1);
  EXPECT_NE(stopped.err.find("does not show its stack: it is stopped"), std::string::npos) << stopped.err;
  EXPECT_NE(stopped.err.find("try:     kill -CONT " + std::to_string(pid)), std::string::npos) << stopped.err;
  ASSERT_TRUE(signalProcess(pid, continueSignal));
  EXPECT_EQ(run({"trace", std::to_string(pid)}).code, 0);
}

TEST_F(Trace, NotRunningIsCodeThree) {
  const Said said = run({"trace", "1"});
  EXPECT_EQ(said.code, 3);
  EXPECT_NE(said.err.find("misbehave is not running"), std::string::npos) << said.err;
}

class SlowCallback : public Debug {};

TEST_F(SlowCallback, IsNamedOnceAMinuteWithItsConnectionAndTime) {
  start({"--count", "1", "--", "slowCallback=20"});
  Wire wire(port);
  for (int i = 0; i < 3; ++i) {
    wire.send("GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(bodyOf(wire.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); })).empty());
  }
  service->until([&] { return service->errHas("slowCallback is 20 ms"); });
  const std::string& err = service->err();
  EXPECT_EQ(count(err, " onMessage of connection 1 took "), 1u) << err;
  const std::string took = " onMessage of connection 1 took ";  // a busy machine makes others slow, too
  const auto at = err.find(took);
  ASSERT_NE(at, std::string::npos) << err;
  EXPECT_GE(std::stoi(err.substr(at + took.size())), 45) << err;
  EXPECT_NE(err.find(" ms; nobody else was served meanwhile (Worker::slowCallback is 20 ms)\n"), std::string::npos)
      << err;
}

TEST_F(SlowCallback, ZeroSaysNothing) {
  start({"--count", "1", "--", "slowCallback=0"});
  EXPECT_FALSE(bodyOf(get(port, "/sleep-long")).empty());  // more than the default, too
  service->signal(SIGTERM);
  EXPECT_EQ(service->wait(), 0);
  EXPECT_FALSE(service->errHas("took")) << service->err();
}

class WorkerTimeout : public Debug {};

TEST_F(WorkerTimeout, AStuckWorkerIsReplacedAndTheLogHasItsStack) {
  start({"--count", "2", "--", "workerTimeout=4000"});
  std::unique_ptr<Wire> wire;
  const int pid = busyWith("/loop", wire);
  service->until([&] { return service->errHas("ended: signal KILL (workerTimeout); a new one starts"); }, 20s);
  const std::string& err = service->err();
  EXPECT_NE(err.find("(pid " + std::to_string(pid) +
                     ") has been in onMessage of connection 1 for longer than workerTimeout (4000 ms) and is killed\n"),
            std::string::npos)
      << err;
  EXPECT_TRUE(platform::threadSanitizer || err.find("loopForEver()") != std::string::npos) << err;
  EXPECT_EQ(count(err, "ended: "), 1u) << "the other one lives\n" << err;
  service->until([&] { return pidOf("busy") == 0 && count(run({"status", "--json"}).out, "\"state\":\"idle\"") == 2; });
  EXPECT_NE(run({"status"}).out.find("1x signal KILL (workerTimeout)"), std::string::npos);
  EXPECT_FALSE(bodyOf(get(port)).empty());
}

TEST_F(WorkerTimeout, ManyShortCallbacksAreNoReason) {
  if (platform::threadSanitizer) GTEST_SKIP() << "it holds signals back";
  start({"--count", "2", "--", "workerTimeout=2000"});
  // All in one arrival of bytes, so in one turn of the loop, which takes five seconds.
  constexpr std::size_t requests = 100;
  std::string all;
  for (std::size_t i = 0; i < requests; ++i) all += "GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n";
  Wire wire(port);
  wire.send(all);
  const std::string answers =
      wire.receive([&](const std::string& bytes) { return count(bytes, "HTTP/1.1 200") == requests; }, 30s);
  EXPECT_EQ(count(answers, "HTTP/1.1 200"), requests);
  EXPECT_FALSE(service->errHas("ended")) << service->err();
}

TEST_F(WorkerTimeout, AStoppedWorkerIsReplaced) {
  start({"--count", "2", "--", "workerTimeout=500"});
  const int pid = pidOf("idle");
  ASSERT_TRUE(signalProcess(pid, stopSignal));
  service->until([&] { return service->errHas("ended: signal KILL (workerTimeout)"); });
  EXPECT_TRUE(service->errHas("(pid " + std::to_string(pid) + ") has been stopped for longer than workerTimeout"))
      << service->err();
}

TEST(CrashAlone, TheOneProcessSaysWhereItWas) {
  if (capabilities().workerProcesses) GTEST_SKIP() << "here a master says it";
  Program program("fixtures/misbehave", {"start"});
  get(program.port(), "/crash");
  EXPECT_EQ(static_cast<unsigned>(program.wait()), 0xC0000005U);
  const std::string wanted =
      " crashed: signal SEGV (exception 0xc0000005) at address 0x0, in onMessage of connection 1";
  const auto said = program.err().find(wanted);
  ASSERT_NE(said, std::string::npos) << program.err();
  EXPECT_NE(program.err().find("  #0   misbehave.exe+0x", said), std::string::npos) << program.err();
  EXPECT_NE(program.err().find("  #5   misbehave.exe+0x", said), std::string::npos) << "callers: " << program.err();
}

TEST(CrashAlone, AnAbortSaysItToo) {
  if (capabilities().workerProcesses) GTEST_SKIP() << "here a master says it";
  Program program("fixtures/misbehave", {"start"});
  get(program.port(), "/abort");
  EXPECT_NE(program.wait(), 0);
  EXPECT_TRUE(program.errHas(" crashed: signal ABRT, in onMessage of connection 1")) << program.err();
}

}  // namespace
}  // namespace artel::testing
