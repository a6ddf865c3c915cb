// `status` and `connections` against real services (rows 1.14.2, 1.14.3; core §2.13 line 6).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int stopSignal = 19, continueSignal = 18;  // Linux's; Windows has no names for them
const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// The number behind "key": in a JSON text, from `from` on; -1 when there is none.
double numberAt(const std::string& json, const std::string& key, std::size_t from = 0) {
  const auto at = json.find("\"" + key + "\":", from);
  return at == std::string::npos ? -1 : std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

class Status : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  }
  void start(const std::string& workers) {
    service = std::make_unique<Program>("fixtures/misbehave", std::vector<std::string>{"start", "--count", workers},
                                        &directory);
    port = service->port();
    ASSERT_NE(port, 0);
  }
  void TearDown() override {
    if (!service || service->ended()) return;
    service->signal(SIGTERM);
    service->wait();
  }
  struct Said {
    int code = 0;
    std::string out, err;
    Clock::duration took{};
  };
  Said run(std::vector<std::string> words) {
    const auto began = Clock::now();
    Program command("fixtures/misbehave", std::move(words), &directory);
    const int code = command.wait(15s);
    return {code, command.out(), command.err(), Clock::now() - began};
  }
  std::string json() { return run({"status", "--json"}).out; }
  /// A worker that answers no more; the connection that it is stuck with.
  std::unique_ptr<Wire> block() {
    auto wire = std::make_unique<Wire>(port);
    wire->send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    return wire;
  }
  /// Kept connections, each of which was answered once.
  std::vector<std::unique_ptr<Wire>> connect(std::size_t number) {
    std::vector<std::unique_ptr<Wire>> wires;
    for (std::size_t i = 0; i < number; ++i) {
      wires.push_back(std::make_unique<Wire>(port));
      wires.back()->send(request);
      wires.back()->receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); });
    }
    return wires;
  }
  Directory directory;
  std::unique_ptr<Program> service;
  std::uint16_t port = 0;
};

TEST_F(Status, ABlockedWorkerIsBusyWithinTwoSecondsAndDelaysNothing) {
  start("8");
  const auto stuck = block();
  const auto began = Clock::now();
  std::string screen;
  service->until([&] { return (screen = run({"status"}).out).find("BUSY") != std::string::npos; });
  EXPECT_LT(Clock::now() - began, 5s) << "two on a machine with time";
  EXPECT_EQ(count(screen, "BUSY"), 1u) << screen;
  EXPECT_EQ(count(screen, " idle\n"), 7u) << screen;
  EXPECT_NE(screen.find("in onMessage of connection 1\n"), std::string::npos) << screen;
  std::vector<Clock::duration> times;
  for (int i = 0; i < 20; ++i) {
    const Said said = run({"status"});
    EXPECT_EQ(said.code, 0) << said.err;
    times.push_back(said.took);
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  EXPECT_LT(times[10], 1s) << "the median of 20; the gate of ./dev bench is 20 ms";
  EXPECT_LT(*std::min_element(times.begin(), times.end()), 400ms) << "nobody waits for the one that is stuck";
  EXPECT_FALSE(bodyOf(get(port)).empty()) << "the others serve";
}

TEST_F(Status, AStoppedWorkerIsNotIdle) {
  start("2");
  const int pid = static_cast<int>(numberAt(json(), "pid"));
  ASSERT_TRUE(signalProcess(pid, stopSignal));
  std::string screen;
  service->until([&] { return (screen = run({"status"}).out).find("  stopped\n") != std::string::npos; });
  EXPECT_EQ(count(screen, " idle\n"), 1u) << screen;
  EXPECT_NE(screen.find("! misbehave/" + std::to_string(pid) + "  stopped by a signal or a debugger  kill -CONT " +
                        std::to_string(pid) + " lets it go on\n"),
            std::string::npos)
      << screen;
  EXPECT_EQ(count(json(), "\"state\":\"stopped\""), 1u);
  ASSERT_TRUE(signalProcess(pid, continueSignal));
  service->until([&] { return count(run({"status"}).out, " idle\n") == 2; });
}

TEST_F(Status, QpsIsTheRateThatIsDriven) {
  start("1");
  const auto wires = connect(1);
  Wire& wire = *wires.front();
  // 200 a second by an absolute schedule: what comes late is made up for.
  constexpr auto step = 5ms;
  const auto began = Clock::now();
  int sent = 0, looks = 0;
  bool right = false;
  double qps = 0, driven = 0, requests = 0, uptime = 0;
  while (!right && Clock::now() - began < 40s) {
    const auto due = began + ++sent * step;
    // Waiting for nothing in particular: the next request is due then.
    if (Clock::now() < due)
      wire.receive([](const std::string&) { return false; },
                   std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()));
    wire.send(request);
    if (sent % 400 != 0) continue;  // a look may take its time, which has to be made up for before the next
    const std::string now = json();
    qps = numberAt(now, "qps");
    // The rate that was reached between two looks, by the service's own counter and clock.
    const double before = requests, then = uptime;
    requests = numberAt(now, "requests");
    uptime = numberAt(now, "uptime_s");
    driven = (requests - before) / (uptime - then);
    right = ++looks > 1 && std::abs(driven - 200) < 20 && std::abs(qps - driven) <= driven / 10;
  }
  EXPECT_TRUE(right) << "qps " << qps << ", driven " << driven;
}

TEST_F(Status, EndsAreCountedByTheirReason) {
  start("2");
  std::string now;
  static_cast<void>(get(port, "/throw"));
  service->until([&] { return (now = json()).find("code 250") != std::string::npos; });
  static_cast<void>(get(port, "/exit"));
  service->until([&] { return (now = json()).find("code 3") != std::string::npos; });
  service->until([&] { return count(now = json(), "\"state\":\"idle\"") == 2; });
  ASSERT_TRUE(signalProcess(static_cast<int>(numberAt(now, "pid")), 9));
  service->until([&] {
    now = json();
    return now.find("signal KILL") != std::string::npos && count(now, "\"state\":\"idle\"") == 2;
  });
  EXPECT_EQ(run({"reload"}).code, 0);
  service->until([&] { return (now = json()).find("\"code 0\",\"count\":2") != std::string::npos; });
  EXPECT_NE(now.find("{\"reason\":\"code 250\",\"count\":1,"), std::string::npos) << now;
  EXPECT_NE(now.find("{\"reason\":\"code 3\",\"count\":1,"), std::string::npos) << now;
  EXPECT_NE(now.find("{\"reason\":\"signal KILL\",\"count\":1,"), std::string::npos) << now;
  EXPECT_EQ(numberAt(now, "reloads"), 1);
  const std::string screen = run({"status"}).out;
  EXPECT_NE(screen.find("misbehave 2x code 0 (last "), std::string::npos) << screen;
}

TEST_F(Status, NotRunningIsCodeThree) {
  for (const char* command : {"status", "connections"}) {
    const Said said = run({command});
    EXPECT_EQ(said.code, 3);
    EXPECT_NE(said.err.find("misbehave is not running"), std::string::npos) << said.err;
    EXPECT_EQ(said.out, "");
  }
}

TEST_F(Status, LiveIsDrawnEachSecondUntilCtrlC) {
  start("1");
  Program live("fixtures/misbehave", {"status", "-d", "--json"}, &directory);
  live.until([&] { return count(live.out(), "\n") >= 2; });
  EXPECT_EQ(count(live.out(), "{\"schema\":1,"), count(live.out(), "\n")) << "a line each second";
  live.signal(SIGINT);
  EXPECT_EQ(live.wait(), 0);
  Program end("fixtures/misbehave", {"status", "-d"}, &directory);
  end.until([&] { return end.out().find("STATE") != std::string::npos; });
  service->signal(SIGTERM);
  EXPECT_EQ(end.wait(), 3) << "the service has ended";
  EXPECT_EQ(end.out().rfind("misbehave  up ", 0), 0u) << end.out();
  EXPECT_EQ(end.out().find('\x1b'), std::string::npos) << "a file gets text: " << end.out();
  EXPECT_EQ(end.out().find("q quit"), std::string::npos) << end.out();
  EXPECT_NE(end.err().find("is not running"), std::string::npos) << end.err();
}

TEST_F(Status, WhatAPeerDoesNotReadIsInTheSendQueue) {
  const auto sendQueue = [](const std::string& metrics) {
    const std::string name = "\nartel_send_queue_bytes{worker=\"web\"} ";
    const auto at = metrics.find(name);
    return at == std::string::npos ? -1 : std::strtod(metrics.c_str() + at + name.size(), nullptr);
  };
  service =
      std::make_unique<Program>("fixtures/service", std::vector<std::string>{"start", "--count", "1"}, &directory);
  port = service->port();
  ASSERT_NE(port, 0);
  const auto status = [&] {
    Program command("fixtures/service", {"status", "--json"}, &directory);
    EXPECT_EQ(command.wait(15s), 0) << command.err();
    return numberAt(command.out(), "sendq_bytes");
  };
  EXPECT_EQ(status(), 0);
  Wire wire(port);
  wire.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] { return status() > 1e6; });
  EXPECT_GT(sendQueue(get(port, "/metrics")), 1e6);
  wire.receive([](const std::string& bytes) { return bytes.size() > 16 * 1024 * 1024; });
  service->until([&] { return status() == 0; });
  EXPECT_EQ(sendQueue(get(port, "/metrics")), 0);
  auto gone = std::make_unique<Wire>(port);
  gone->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] { return status() > 1e6; });
  gone.reset();
  service->until([&] { return status() == 0; });
}

TEST_F(Status, ConnectionsOfAllProcessesPageByPage) {
  start("2");
  const auto wires = connect(150);  // more than a first page of each
  const std::string all = run({"connections", "--json"}).out;
  EXPECT_EQ(count(all, "\"status\":\"ESTABLISHED\""), 150u);
  EXPECT_EQ(numberAt(all, "all"), 150);
  EXPECT_NE(all.find("\"missing\":[]"), std::string::npos);
  std::set<std::string> ids;
  for (auto at = all.find("{\"pid\":"); at != std::string::npos; at = all.find("{\"pid\":", at + 1))
    ids.insert(all.substr(at, all.find(",\"transport\"", at) - at));
  EXPECT_EQ(ids.size(), 150u) << "no row twice";
  EXPECT_EQ(count(all, "\"local\":\"127.0.0.1:" + std::to_string(port) + "\""), 150u);

  const std::string screen = run({"connections"}).out;
  EXPECT_EQ(count(screen, "ESTABLISHED"), 50u) << "the usual limit";
  EXPECT_NE(screen.find("50 of 150 shown."), std::string::npos) << screen;
  EXPECT_EQ(count(run({"connections", "--limit", "all"}).out, "ESTABLISHED"), 150u);
  EXPECT_EQ(count(run({"connections", "--limit", "7", "--sort", "out"}).out, "ESTABLISHED"), 7u);
  EXPECT_EQ(count(run({"connections", "--status", "closing"}).out, "CLOSING"), 0u);
  EXPECT_EQ(count(run({"connections", "--remote", "127.0.0.0/8", "--limit", "all"}).out, "ESTABLISHED"), 150u);
  EXPECT_EQ(count(run({"connections", "--remote", "10.0.0.0/8"}).out, "ESTABLISHED"), 0u);
  EXPECT_EQ(count(run({"connections", "--worker", "misbehave", "--limit", "3"}).out, "ESTABLISHED"), 3u);
  EXPECT_EQ(count(run({"connections", "--worker", "nobody"}).out, "ESTABLISHED"), 0u);
  const auto pid = static_cast<int>(numberAt(json(), "pid"));
  const std::string ofOne = run({"connections", "--pid", std::to_string(pid), "--json"}).out;
  EXPECT_GT(count(ofOne, "\"pid\":" + std::to_string(pid) + ","), 0u);
  EXPECT_EQ(count(ofOne, "\"pid\":"), count(ofOne, "\"pid\":" + std::to_string(pid) + ","));
}

TEST_F(Status, WhatConnectionsCannotReadIsAUsageError) {
  for (const auto& words : {std::vector<std::string>{"connections", "--limit", "0"},
                            {"connections", "--limit", "x"},
                            {"connections", "--status", "open"},
                            {"connections", "--remote", "10.0.0.0/40"},
                            {"connections", "--sort", "name"}}) {
    const Said said = run(words);
    EXPECT_EQ(said.code, 2) << words[1] << " " << words[2];
    EXPECT_NE(said.err.find("error[E02] " + words[1]), std::string::npos) << said.err;
  }
}

TEST_F(Status, ABlockedWorkersConnectionsAreReportedAsMissing) {
  start("2");
  const auto wires = connect(20);
  const auto stuck = block();
  std::string now;
  service->until([&] { return (now = json()).find("\"busy\"") != std::string::npos; });
  const Said said = run({"connections", "--json"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(count(said.out, "did not answer within 500 ms"), 1u) << said.out;
  const auto shown = count(said.out, "ESTABLISHED");
  EXPECT_GT(shown, 0u) << "the rows of the other one";
  EXPECT_LT(shown, 21u);
  EXPECT_GE(said.took, 500ms);
  EXPECT_LT(said.took, 5s) << "once the patience, however many are stuck";
  EXPECT_NE(run({"connections"}).out.find(" is missing: it did not answer"), std::string::npos);
}

TEST_F(Status, OneWorkerOnly) {
  service = std::make_unique<Program>("fixtures/service", std::vector<std::string>{"start", "--", "keep"}, &directory);
  service->port();
  for (const std::string name : {"web", "line"}) {
    Program one("fixtures/service", {"status", "--worker", name, "--json"}, &directory);
    EXPECT_EQ(one.wait(), 0) << one.err();
    EXPECT_EQ(count(one.out(), "\"listen\":"), 1u) << one.out();
    EXPECT_EQ(count(one.out(), "{\"name\":\"" + name + "\","), 1u) << one.out();
  }
  Program none("fixtures/service", {"status", "--worker", "wob"}, &directory);
  EXPECT_EQ(none.wait(), 2);
  EXPECT_EQ(none.out(), "");
  EXPECT_EQ(none.err().find("error[E02] service has no worker \"wob\"\n  known:   web, line\n"), 0u) << none.err();
}

TEST_F(Status, WhatAProcessHasDialledIsCountedWhileItStands) {
  service = std::make_unique<Program>("fixtures/service", std::vector<std::string>{"start", "--", "keep"}, &directory);
  const auto web = service->port(0), line = service->port(1);
  const auto connections = [&](const char* worker) {
    Program status("fixtures/service", {"status", "--worker", worker, "--json"}, &directory);
    status.wait();
    return numberAt(status.out(), "connections");
  };
  get(web, "/dial?text://127.0.0.1:" + std::to_string(line));
  service->until([&] { return connections("web") == 1 && connections("line") == 1; });
  get(web, "/hang-up");
  service->until([&] { return connections("web") == 0 && connections("line") == 0; });
}

}  // namespace
}  // namespace artel::testing
