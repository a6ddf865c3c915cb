// http::serveMetrics and http::serveHealth in real services: the numbers of all processes are added up, and nothing
// that was counted is forgotten.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

constexpr int freeze = 19, goOn = 18;  // not named on every system this is compiled for

class Metrics : public ::testing::Test {
 protected:
  void start(const std::string& workers) {
    std::vector<std::string> words{"start"};
    if (capabilities().workerProcesses) words.insert(words.end(), {"--count", workers});
    service = std::make_unique<Program>("fixtures/service", words, &directory);
    port = service->port();
    ASSERT_NE(port, 0);
  }
  void TearDown() override {
    if (!service || service->ended() || !capabilities().workerProcesses) return;
    service->signal(SIGTERM);
    service->wait();
  }
  /// The value of one sample, such as "artel_requests_total{worker=\"web\"}"; -1 when it is not there.
  static double valueIn(const std::string& text, const std::string& sample) {
    const auto at = text.find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + sample.size() + 2, nullptr);
  }
  double value(const std::string& sample) {
    ++scrapes;
    return valueIn(get(port, "/metrics"), sample);
  }
  int workerPid() {
    ++asked;
    const std::string body = bodyOf(get(port));
    const auto slash = body.find('/');
    return slash == std::string::npos ? -1 : std::atoi(body.c_str() + slash + 1);
  }
  static std::string ask(Wire& wire, const std::string& path) {
    wire.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return wire.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); });
  }
  Directory directory;
  std::unique_ptr<Program> service;
  std::uint16_t port = 0;
  int scrapes = 0, asked = 0;
  const std::string requests = "artel_requests_total{worker=\"web\"}";
};

TEST_F(Metrics, TheSumOverAllWorkersIsWhatWasAsked) {
  start("4");
  constexpr int bursts = 48, each = 200;
  std::string burst;
  for (int i = 0; i < each; ++i) burst += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<std::unique_ptr<Wire>> wires;
  std::set<std::string> pids;
  const std::size_t processes = capabilities().workerProcesses ? 4 : 1;
  // One that the system does not let run for a while gets its share later.
  while (wires.size() < bursts || (pids.size() < processes && wires.size() < 8 * bursts)) {
    wires.push_back(std::make_unique<Wire>(port));
    const std::string answer = ask(*wires.back(), "/");
    pids.insert(answer.substr(answer.rfind('/') + 1));
  }
  EXPECT_EQ(pids.size(), processes) << "all of them had work";
  const int clients = static_cast<int>(wires.size()), all = clients + bursts * each;
  for (int i = 0; i < bursts; ++i) wires[i]->send(burst);
  double before = 0;
  for (int i = 0; i < 20; ++i) {  // while they are served
    const double now = value(requests);
    EXPECT_GE(now, before) << "it never shrinks";
    EXPECT_LE(now, all + scrapes);
    before = now;
  }
  for (int i = 0; i < bursts; ++i) {
    wires[i]->receive([](const std::string& bytes) {
      std::size_t answers = 0;
      for (auto at = bytes.find("HTTP/1.1 200"); at != std::string::npos; at = bytes.find("HTTP/1.1 200", at + 1))
        ++answers;
      return answers == each;
    });
  }
  // A worker tells its numbers when its turn is over, which may be after the client has the answer.
  double last = 0;
  EXPECT_TRUE(service->until([&] {
    last = value(requests);
    return last == all + scrapes;
  })) << last
      << " instead of " << all + scrapes;
  // The connection of an earlier scrape may still be there.
  std::string text;
  EXPECT_TRUE(service->until([&] {
    text = get(port, "/metrics");
    return valueIn(text, "artel_connections{worker=\"web\"}") == clients + 1;
  })) << text;
  EXPECT_EQ(valueIn(text, "artel_processes{worker=\"web\"}"), capabilities().workerProcesses ? 4 : 1);
  EXPECT_GT(valueIn(text, "artel_bytes_total{worker=\"web\",direction=\"out\"}"), all * 50);
  EXPECT_GT(valueIn(text, "artel_resident_memory_bytes{worker=\"web\"}"), 100'000);
  EXPECT_GT(valueIn(text, "artel_callback_seconds_count{worker=\"web\"}"), 0);
  EXPECT_NE(text.find("Content-Type: text/plain; version=0.0.4"), std::string::npos) << text.substr(0, 300);
}

TEST_F(Metrics, WhatEndedProcessesCountedIsKept) {
  if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  start("2");
  for (int i = 0; i < 30; ++i) workerPid();
  const double before = value(requests);
  Program reload("fixtures/service", {"reload"}, &directory);
  EXPECT_EQ(reload.wait(), 0) << reload.err();
  EXPECT_GE(value(requests), before) << "of those that were replaced";
  EXPECT_EQ(value("artel_reloads_total"), 1);
  EXPECT_TRUE(service->until([&] { return value(requests) == asked + scrapes; }));
  const int victim = workerPid();
  signalProcess(victim, 9);
  const std::string killed = "artel_process_exits_total{worker=\"web\",reason=\"signal KILL\"}";
  EXPECT_TRUE(service->until([&] { return value(killed) == 1; }));
  EXPECT_GE(value(requests), before);
}

TEST_F(Metrics, AMasterThatDoesNotAnswerHoldsNobodyUp) {
  if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  start("1");
  service->signal(freeze);
  Wire waits(port);
  waits.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_GT(workerPid(), 0) << "others are served meanwhile";
  const std::string answer = waits.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); }, 10s);
  EXPECT_NE(answer.find("503 Service Unavailable"), std::string::npos) << answer;
  EXPECT_NE(answer.find("the master process does not answer"), std::string::npos) << answer;
  service->signal(goOn);
  EXPECT_TRUE(service->until([&] { return value(requests) > 0; })) << "and then it does again";
}

TEST_F(Metrics, OnlyAGetOfThatPath) {
  start("1");
  Wire wire(port);
  wire.send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(bodyOf(wire.receive([](const std::string& bytes) { return !bodyOf(bytes).empty(); })).substr(0, 2), "0/");
  Wire head(port);
  head.send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = head.receive([](const std::string& bytes) { return bytes.ends_with("\r\n\r\n"); });
  EXPECT_NE(answer.find("200 OK"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
}

TEST_F(Metrics, HealthIsOfTheServiceNotOfTheProcess) {
  if (!capabilities().workerProcesses) {
    start("1");
    EXPECT_EQ(bodyOf(get(port, "/health")), "serving\n");
    return;
  }
  start("1");
  Wire old(port);
  EXPECT_NE(ask(old, "/health").find("200 OK"), std::string::npos);
  Program reload("fixtures/service", {"reload"}, &directory);
  // Asked all the time, for who is silent for a second is left. What a process that stops says is its last word.
  std::string replaced;
  EXPECT_TRUE(service->until(
      [&] { return (replaced = ask(old, "/health")).find("Connection: close") != std::string::npos || old.ended(); }));
  EXPECT_NE(replaced.find("Connection: close"), std::string::npos) << replaced;
  EXPECT_NE(replaced.find("200 OK"), std::string::npos) << "its process stops, the service does not: " << replaced;
  EXPECT_EQ(reload.wait(), 0) << reload.err();

  Wire kept(port);
  EXPECT_NE(ask(kept, "/health").find("200 OK"), std::string::npos);
  Program stop("fixtures/service", {"stop"}, &directory);
  std::string stopping;
  EXPECT_TRUE(service->until(
      [&] { return (stopping = ask(kept, "/health")).find("503") != std::string::npos || kept.ended(); }));
  EXPECT_NE(stopping.find("503 Service Unavailable"), std::string::npos) << stopping;
  EXPECT_EQ(bodyOf(stopping), "stopping\n");
  EXPECT_EQ(stop.wait(), 0);
}

}  // namespace
}  // namespace artel::testing
