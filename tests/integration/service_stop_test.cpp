// How a service ends: stop, stop -g, their deadlines, restart (rows 1.8.2.8 to 1.8.2.11; decisions on stop).
#include <gtest/gtest.h>

#include "platform/sanitized.hpp"
#include "tests/support/background_service.hpp"

namespace artel::testing {
namespace {

TEST_F(Service, AStopWhileItIsStartingIsSaidToWhoStartsIt) {
  std::ofstream(directory.file("hold-0")) << "now";
  Program launcher("fixtures/service", {"start", "-d", "--", "hold=" + directory.file("hold")}, &directory);
  launcher.until([&] { return directory.has("service.pid"); });
  Program stop("fixtures/service", {"stop"}, &directory);
  stop.until([&] { return directory.read("service.log").find(" stopping: the command\n") != std::string::npos; });
  std::filesystem::remove(directory.file("hold-0"));
  EXPECT_EQ(stop.wait(), 0) << stop.err();
  EXPECT_EQ(launcher.wait(), 1) << launcher.out();
  EXPECT_NE(launcher.err().find("error[E01] service was stopped while it was starting"), std::string::npos)
      << launcher.err();
}

TEST_F(Service, StopKillsWhoDoesNotStopAndSaysSo) {
  const auto port = start({"--count", "2", "--", "stop=1500", "stdout=out.txt"});
  Wire busy(port);
  keepBusy(busy);
  const auto began = std::chrono::steady_clock::now();
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 8);
  EXPECT_EQ(stop.out, "service: stopped, 1 of 2 processes had to be killed\n");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 6s);
  EXPECT_NE(directory.read("service.log").find("did not stop within stopTimeout (1500 ms) and is killed"),
            std::string::npos)
      << directory.read("service.log");
}

TEST_F(Service, AStopThatCutsWhatWasOwedSaysSo) {
  const auto port = start({"--count", "1", "--", "stop=3000", "stdout=out.txt"});
  Wire unanswered(port), slow(port), idle(port);
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  slow.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(idle.receive([](const std::string& bytes) { return !bytes.empty(); }).empty());
  EXPECT_FALSE(slow.receive([](const std::string& bytes) { return !bytes.empty(); }).empty());
  unanswered.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(until([&] { return directory.read("out.txt").find("never") != std::string::npos; }));
  const Said stop = run({"stop"});
  EXPECT_EQ(stop.code, 8);
  EXPECT_NE(stop.out.find("2 connections cut at the deadline\n"), std::string::npos) << stop.out;
  EXPECT_NE(directory.read("service.log").find("2 connections are cut with an answer or data not sent"),
            std::string::npos)
      << directory.read("service.log");
}

/// A month, and all that a duration can be.
TEST_F(Service, TheLongestStopTimeoutIsNotTheShortest) {
  for (const char* time : {"2592000000", "9223372036854775807"}) {
    std::filesystem::remove(directory.file("out.txt"));
    const auto port = start({"--count", "1", "--", std::string("stop=") + time, "stdout=out.txt"});
    Wire owed(port);
    owed.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(until([&] { return directory.read("out.txt").find("later") != std::string::npos; }));
    const Said stop = run({"stop"});
    EXPECT_EQ(stop.code, 0) << stop.out;
    EXPECT_NE(owed.receive([](const std::string& bytes) { return bytes.ends_with("at last"); }).find("at last"),
              std::string::npos)
        << time;
  }
}

TEST_F(Service, AReloadThatCutsWhatWasOwedSaysSo) {
  const auto port = start({"--count", "1", "--", "stop=3000", "stdout=out.txt"});
  Wire unanswered(port);
  unanswered.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(until([&] { return directory.read("out.txt").find("never") != std::string::npos; }));
  const Said reload = run({"reload"});
  EXPECT_EQ(reload.code, 8);
  EXPECT_NE(reload.out.find("1 connection cut at the deadline\n"), std::string::npos) << reload.out;
  EXPECT_EQ(run({"reload"}).code, 0) << "it is counted once";
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, WhatCannotBeWrittenIsRefusedBeforeARestartStops) {
  start();
  const int before = pid();
  std::filesystem::create_directory(directory.file("folder"));
  const Said refused = run({"restart", "-d", "--", "log=folder"});
  EXPECT_EQ(refused.code, 6);
  EXPECT_NE(refused.err.find("error[E06] logFile"), std::string::npos) << refused.err;
  EXPECT_EQ(pid(), before);
  EXPECT_TRUE(processExists(before));
}

TEST_F(Service, WhatCannotBeSeenIsNotCalledNotRunning) {
  std::ofstream(directory.file("file")) << "no folder";
  for (const char* command : {"status", "stop", "reload"}) {
    const Said said = run({command, "--pid-file", "file/service.pid"});
    EXPECT_EQ(said.code, 1) << command;
    EXPECT_NE(said.err.find("whether it runs cannot be seen"), std::string::npos) << said.err;
  }
}

TEST_F(Service, AWorkerIsMeantOnceByAnOption) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"check", "--count", "web=2", "--count", "web=3"},
        {"check", "--listen", "web=http://127.0.0.1:0", "--listen", "web=http://127.0.0.1:0"}}) {
    const Said said = run(words);
    EXPECT_EQ(said.code, 2);
    EXPECT_NE(said.err.find("for worker \"web\" is given twice"), std::string::npos) << said.err;
  }
  const Said empty = run({"check", "--listen", "web="});
  EXPECT_EQ(empty.code, 2);
  EXPECT_NE(empty.err.find("--listen for worker \"web\" needs a value"), std::string::npos) << empty.err;
}

TEST_F(Service, TheTimeoutOfOneStop) {
  const auto port = start({"--", "stop=60000", "stdout=out.txt"});
  Wire busy(port);
  keepBusy(busy);
  EXPECT_EQ(run({"stop", "-t", "0.2"}).code, 8);
}

TEST_F(Service, AGracefulStopWaitsForTheConnectionAndThenSaysDrained) {
  const Said started = run({"start", "-d", "--", "keep=reloadable", "graceful=3000"});
  ASSERT_EQ(started.code, 0) << started.err;
  const auto at = started.out.find("text://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << started.out;
  const auto port = static_cast<std::uint16_t>(std::stoi(started.out.substr(at + 17)));
  auto wire = std::make_unique<Wire>(port);
  const auto line = [](const std::string& bytes) { return bytes.find('\n') != std::string::npos; };
  wire->send("who\n");
  const std::string who = wire->receive(line);
  EXPECT_FALSE(who.empty());
  Program stop("fixtures/service", {"stop", "-g"}, &directory);
  stop.until([&] { return !Wire(port).connected(); });
  wire->send("who\n");
  EXPECT_EQ(wire->receive(line), who) << "it still works";
  EXPECT_FALSE(stop.ended());
  EXPECT_EQ(wire->receive(line, 10s), "drained\n") << "the last words at the deadline";
  wire.reset();                  // who is not waited for is gone before its time is over
  const int code = stop.wait();  // a sanitizer may be late with its last words
  EXPECT_TRUE(code == 0 || (code == 8 && platform::sanitized)) << stop.err();
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

TEST_F(Service, OneWorkerThatEndsGracefullyWaitsForGracefulTimeoutAndNoLonger) {
  constexpr int quit = 3;  // not named on every system this is compiled for
  const auto port = start({"--count", "1", "--", "graceful=300"});
  const int before = worker(port);
  Wire half(port);
  half.send("GET / HTTP/1.1\r\n");
  const auto begin = std::chrono::steady_clock::now();
  signalProcess(before, quit);
  EXPECT_TRUE(until([&] { return !processExists(before); }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 290ms);
  EXPECT_TRUE(until([&] { return worker(port) > 0; }));
  EXPECT_EQ(run({"stop"}).code, 0);
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

TEST_F(Service, AGracefulRestartWaitsForTheConnection) {
  const Said started = run({"start", "-d", "--", "keep=reloadable", "graceful=60000"});
  const auto at = started.out.find("text://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << started.out;
  const int before = pid();
  const auto port = static_cast<std::uint16_t>(std::stoi(started.out.substr(at + 17)));
  const auto line = [](const std::string& bytes) { return bytes.find('\n') != std::string::npos; };
  auto wire = std::make_unique<Wire>(port);
  wire->send("who\n");
  const std::string who = wire->receive(line);
  Program restart("fixtures/service", {"restart", "-d", "-g"}, &directory);
  restart.until([&] { return !Wire(port).connected(); });
  wire->send("who\n");
  EXPECT_EQ(wire->receive(line), who) << "it still works";
  EXPECT_FALSE(restart.ended());
  EXPECT_EQ(pid(), before);
  wire.reset();
  EXPECT_EQ(restart.wait(), 0) << restart.err();
  EXPECT_NE(pid(), before);
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, AHookOfTheMasterStopsTheService) {
  const auto port = start({"--", "end-with-worker"});
  const int master = pid();
  signalProcess(worker(port), 9);
  EXPECT_TRUE(until([&] { return !processExists(master); })) << directory.read("service.log");
  EXPECT_FALSE(directory.has("service.pid"));
}

}  // namespace
}  // namespace artel::testing
