// Reload: new processes in place of the old, and nobody notices (rows 1.8.2.12, 1.8.3.2, 1.16.25; decisions on reload).
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "artel/artel.hpp"
#include "platform/sanitized.hpp"
#include "tests/support/service.hpp"

namespace artel::testing {
namespace {

using Reload = ServiceTest;

const std::string upgrade =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string goingAway = "\x88\x02\x03\xe9";

std::function<bool(const std::string&)> has(const std::string& text) {
  return [text](const std::string& bytes) { return bytes.find(text) != std::string::npos; };
}

TEST_F(Reload, EveryWorkerIsReplacedAndNoConnectionIsRefused) {
  auto service = start("3");
  const auto port = service->port();
  const auto before = everybody(*service, port, 3);
  Probe probe(port);
  service->until([&] { return probe.asked() > 20; });
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  EXPECT_EQ(reload->out(), "service: 3 workers replaced\n");
  const int so = probe.asked();
  service->until([&] { return probe.asked() > so + 20; });
  EXPECT_EQ(probe.end(), 0);
  const auto after = everybody(*service, port, 3);
  for (const auto& [id, pid] : before) {
    EXPECT_NE(after.at(id), pid) << "worker " << id;
    EXPECT_FALSE(processExists(pid));
  }
  EXPECT_FALSE(service->ended());
  stop(*service);
}

TEST_F(Reload, WithASocketForEachProcessNoConnectionIsRefusedEither) {
  auto service = start("2", {"reuse-port"});
  const auto port = service->port();
  Probe probe(port);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(command({"reload"})->wait(), 0);
  EXPECT_EQ(probe.end(), 0);
  service->until([&] { return lines(service->out(), "start ") == 12; });
  stop(*service);
}

TEST_F(Reload, TheReplacementIsReadyBeforeThePredecessorHears) {
  auto service = start("1");
  const int old = everybody(*service, service->port(), 1).at(0);
  EXPECT_EQ(command({"reload"})->wait(), 0);
  service->until([&] { return lines(service->out(), "stop ") == 1; });
  const std::string& out = service->out();
  const auto second = out.rfind("start 0 "), told = out.find("reload " + std::to_string(old)),
             stopped = out.find("stop " + std::to_string(old));
  EXPECT_LT(second, told) << out;
  EXPECT_LT(told, stopped) << out;
  stop(*service);
}

TEST_F(Reload, PredecessorFirstWhereStateMustNotExistTwice) {
  auto service = start("2", {"predecessor-first"});
  const auto before = everybody(*service, service->port(), 2);
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  EXPECT_EQ(reload->out(), "service: 2 workers replaced\n");
  service->until([&] { return lines(service->out(), "start ") == 4; });
  std::istringstream words(service->out());
  std::vector<std::string> order;  // "start 0", "stop 0", ...
  std::map<std::string, std::string> idOf;
  for (std::string line; std::getline(words, line);) {
    std::istringstream fields(line);
    std::string what, a, b;
    fields >> what >> a >> b;
    if (what == "start") idOf[b] = a, order.push_back("start " + a);
    if (what == "stop") order.push_back("stop " + idOf[a]);
  }
  ASSERT_EQ(order.size(), 6u) << service->out();
  EXPECT_EQ(order[2].substr(0, 5), "stop ");
  EXPECT_EQ(order[3], "start " + order[2].substr(5));
  EXPECT_EQ(order[4].substr(0, 5), "stop ");
  EXPECT_EQ(order[5], "start " + order[4].substr(5));
  stop(*service);
}

TEST_F(Reload, PredecessorFirstAFurtherOneWaitsForTheSlotThatIsEmpty) {
  auto service = start("2", {"predecessor-first", "hold=" + directory.file("hold")});
  everybody(*service, service->port(), 2);
  std::ofstream(directory.file("hold-1")) << "now";
  auto first = command({"reload"});
  service->until([&] { return lines(service->out(), "held 1") == 1; });
  const std::size_t stopped = lines(service->out(), "stop ");
  EXPECT_EQ(stopped, 2u) << service->out();
  auto second = command({"reload"});
  service->until(
      [&] { return service->err().find("reloading", service->err().find("reloading") + 1) != std::string::npos; });
  // What the master begins in a turn it has begun when it answers a question of a later one.
  EXPECT_EQ(command({"status"})->wait(), 0);
  std::filesystem::remove(directory.file("hold-1"));
  EXPECT_EQ(second->wait(), 0) << second->err();
  EXPECT_EQ(first->wait(), 0) << first->err();
  service->until([&] { return lines(service->out(), "start ") == 6; });
  const std::string& out = service->out();
  const auto held = out.find("held 1");
  EXPECT_LT(out.find("start 1 ", held), out.find("stop ", held)) << "one stopped while the other was down: " << out;
  stop(*service);
}

TEST_F(Reload, WhoIsNotReloadableKeepsItsConnections) {
  auto service = start("1", {"keep"});
  const auto web = service->port(0), text = service->port(1);
  const int old = everybody(*service, web, 1).at(0);
  Wire wire(text);
  const auto ask = [&] {
    wire.send("who\n");
    return wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  };
  const std::string who = ask();
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 0);
  EXPECT_EQ(reload->out(), "service: 1 worker replaced, 1 kept and told (reloadable = false)\n");
  service->until([&] { return lines(service->out(), "kept ") == 1; });
  EXPECT_NE(service->out().find("kept " + who), std::string::npos) << service->out();
  EXPECT_EQ(ask(), who) << "the same process, the same connection";
  EXPECT_NE(everybody(*service, web, 1).at(0), old);
  stop(*service);
}

TEST_F(Reload, AReplacementThatFailsLeavesTheOldAndSaysWhy) {
  auto service = start("2", {"fail-from=" + directory.file("fail")});
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  { std::ofstream(directory.file("fail")) << "now"; }
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 1);
  EXPECT_TRUE(reload->errHas("process 0: the new process ended before it was ready: code 250")) << reload->err();
  EXPECT_EQ(everybody(*service, port, 2), before);
  std::filesystem::remove(directory.file("fail"));
  auto again = command({"reload"});
  EXPECT_EQ(again->wait(), 0) << again->err();
  stop(*service);
}

TEST_F(Reload, BySignal) {
  auto service = start("2");
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  constexpr int userSignal1 = 10, userSignal2 = 12;  // not named on every system this is compiled for
  service->signal(userSignal1);
  service->until([&] { return service->errHas("reload: 2 workers replaced"); });
  const auto after = everybody(*service, port, 2);
  for (const auto& [id, pid] : before) EXPECT_NE(after.at(id), pid);
  service->signal(userSignal2);
  service->until([&] { return service->errHas("reloading gracefully"); });
  service->until([&] { return lines(service->out(), "start ") == 6; });
  stop(*service);
}

TEST_F(Reload, GracefullyAConnectionStaysWithItsProcess) {
  auto service = start("1", {"keep=reloadable", "graceful=60000"});
  const auto text = service->port(1);
  Wire wire(text);
  const auto ask = [&](Wire& to) {
    to.send("who\n");
    return to.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  };
  const std::string old = ask(wire);
  auto reload = command({"reload", "-g"});
  std::string fresh = old;
  service->until([&] {
    Wire other(text);
    fresh = ask(other);
    return !fresh.empty() && fresh != old;
  });
  EXPECT_EQ(ask(wire), old) << "the predecessor still serves it";
  EXPECT_FALSE(reload->ended());
  // A further reload does not leave it a minute.
  auto second = command({"reload"});
  EXPECT_EQ(second->wait(), 0) << second->err();
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  EXPECT_EQ(wire.receive([](const std::string& bytes) { return bytes.find("drained") != std::string::npos; }),
            "drained\n");
  EXPECT_FALSE(processExists(std::stoi(old)));
  stop(*service);
}

TEST_F(Reload, AFurtherOneWhileAReplacementStartsIsNotKeptByConnections) {
  auto service = start("1", {"keep=reloadable", "graceful=600000", "hold=" + directory.file("hold")});
  Wire wire(service->port(1));
  wire.send("who\n");
  const std::string old = wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  std::ofstream(directory.file("hold-line")) << "now";
  auto first = command({"reload", "-g"});
  service->until([&] { return lines(service->out(), "held line") == 1; });
  auto second = command({"reload", "-g"});
  service->until(
      [&] { return service->err().find("reloading", service->err().find("reloading") + 1) != std::string::npos; });
  std::filesystem::remove(directory.file("hold-line"));
  EXPECT_EQ(second->wait(), 0) << second->err();
  EXPECT_EQ(first->wait(), 0) << first->err();
  EXPECT_FALSE(processExists(std::stoi(old)));
  stop(*service);
}

TEST_F(Reload, AListenerMadeAtRunTimeStaysOpen) {
  auto service = start("1", {"inner=text://127.0.0.1:0"});
  service->until([&] { return service->errHas("listening text://127.0.0.1:"); });
  const std::string marker = "listening text://127.0.0.1:";
  const auto inner =
      static_cast<std::uint16_t>(std::stoi(service->err().substr(service->err().find(marker) + marker.size())));
  const auto ask = [&](const std::string& text) {
    Wire wire(inner);
    wire.send(text + "\n");
    return wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  };
  const std::string first = ask("who");
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(command({"reload"})->wait(), 0);
  const std::string second = ask("who");
  EXPECT_NE(second, first) << "the replacement found its port busy, or another one";
  ASSERT_FALSE(second.empty());
  // Also when nobody leaves in order.
  signalProcess(std::stoi(second), 9);
  std::string third;
  service->until([&] { return !(third = ask("who")).empty() && third != second; });
  service->until([&] { return lines(service->out(), "start ") == 3; });
  // unlisten() in the process that is there closes it for all that follow.
  EXPECT_FALSE(ask("unlisten").empty());
  service->until([&] { return !Wire(inner).connected(); });
  stop(*service);
}

TEST_F(Reload, AListenerMadeAtRunTimeKeepsItsSocketFile) {
  const std::string path = directory.file("inner.sock");
  auto service = start("1", {"inner=unix://" + path});
  service->until([&] { return directory.has("inner.sock"); });
  EXPECT_EQ(command({"reload"})->wait(), 0);
  service->until([&] { return lines(service->out(), "start ") == 2; });
  EXPECT_TRUE(directory.has("inner.sock")) << "who left has taken it away";
  stop(*service);
  EXPECT_FALSE(directory.has("inner.sock"));
}

TEST_F(Reload, ASocketFileOfSomebodyElseUnderTheSameNameStays) {
  for (const std::string kind : {"inner", "line"}) {
    SCOPED_TRACE(kind);
    const std::string path = directory.file(kind + ".sock");
    const std::vector<std::string> words{kind + "=unix://" + path, kind == "line" ? "keep" : "no-line"};
    auto first = start("1", words);
    everybody(*first, first->port(), 1);
    ASSERT_TRUE(std::filesystem::remove(path));
    const Directory elsewhere;
    std::vector<std::string> all{"start", "--count", "web=1", "--"};
    all.insert(all.end(), words.begin(), words.end());
    Program second("fixtures/service", all, &elsewhere);
    everybody(second, second.port(), 1);
    ASSERT_TRUE(directory.has(kind + ".sock"));
    stop(*first);
    EXPECT_TRUE(directory.has(kind + ".sock")) << "it is the second one's";
    stop(second);
    EXPECT_FALSE(directory.has(kind + ".sock"));
  }
}

TEST_F(Reload, WhatDiesAgainAndAgainWhileItGoesOnIsPaced) {
  auto service = start("1", {"keep=reloadable", "graceful=60000"});
  Wire wire(service->port(1));
  wire.send("who\n");  // its process does not end before it does
  wire.receive(has("\n"));
  auto reload = command({"reload", "-g"});
  const auto newest = [&] {
    const auto at = service->out().rfind("start 0 ");
    return at == std::string::npos ? 0 : std::stoi(service->out().substr(at + 8));
  };
  service->until([&] { return lines(service->out(), "start 0 ") == 2; });
  service->until([&] { return service->errHas("worker \"web\" (http"); });
  for (std::size_t so = 2; so < 4; ++so) {
    const auto killed = std::chrono::steady_clock::now();
    signalProcess(newest(), 9);
    service->until([&] { return lines(service->out(), "start 0 ") == so + 1; });
    if (so == 3) {
      EXPECT_GE(std::chrono::steady_clock::now() - killed, 900ms) << service->err();
    }
  }
  EXPECT_FALSE(reload->ended());
  stop(*service);
}

TEST_F(Reload, AnUpgradeInAProcessThatStopsIsToldToGo) {
  Program service("fixtures/steady", {"start", "--count", "1", "--", "stop-timeout=20000"}, &directory);
  const auto port = service.port();
  Wire wire(port);
  wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  wire.receive([](const std::string& bytes) { return bytes.find("hello") != std::string::npos; });
  // What is begun may be said to its end; who is idle could ask for a second only.
  constexpr std::size_t begun = 20;
  wire.send(upgrade.substr(0, begun));
  Program reload("fixtures/steady", {"reload"}, &directory);
  service.until([&] { return service.errHas("is stopping"); });
  wire.send(upgrade.substr(begun));
  const std::string answer = wire.receive(has(goingAway), 8s);
  EXPECT_NE(answer.find("101 Switching Protocols"), std::string::npos) << answer;
  EXPECT_NE(answer.find(goingAway), std::string::npos) << answer;
  EXPECT_EQ(reload.wait(), 0) << reload.err();
  stop(service);
}

TEST_F(Reload, GracefullyAWebSocketStaysUntilTheDeadline) {
  Program service("fixtures/steady", {"start", "--count", "1"}, &directory);
  const auto port = service.port();
  for (const char* verb : {"reload", "stop"}) {
    SCOPED_TRACE(verb);
    auto wire = std::make_unique<Wire>(port);
    wire->send(upgrade);
    EXPECT_NE(wire->receive(has("\r\n\r\n")).find("101 Switching Protocols"), std::string::npos);
    const auto began = std::chrono::steady_clock::now();
    Program order("fixtures/steady", {verb, "-g", "-t", "2"}, &directory);
    if (verb == std::string("reload"))
      service.until([&] { return service.errHas("is stopping"); });
    else
      service.until([&] { return !Wire(port).connected(); });
    wire->send(std::string("\x81\x82\0\0\0\0hi", 8));
    EXPECT_EQ(wire->receive(has("hi")), "\x81\x02hi");
    EXPECT_EQ(wire->receive(has(goingAway)), goingAway);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 2s) << "it had the whole time";
    wire.reset();
    const int code = order.wait();  // a sanitizer may be late with its last words
    EXPECT_TRUE(code == 0 || (code == 8 && platform::sanitized)) << order.err();
  }
  const int code = service.wait();
  EXPECT_TRUE(code == 0 || (code == 8 && platform::sanitized)) << service.err();
}

TEST_F(Reload, OnMasterReloadMayChangeTheCount) {
  const std::string file = directory.file("count");
  for (const char* sockets : {"one-socket", "reuse-port"}) {
    auto service = start("2", {"count-from=" + file, sockets});
    const auto port = service->port();
    std::ofstream(file) << 4;
    auto up = command({"reload"});
    EXPECT_EQ(up->wait(), 0) << up->err();
    EXPECT_EQ(up->out(), "service: 2 workers replaced, 2 new\n");
    const auto four = everybody(*service, port, 4);
    EXPECT_TRUE(four.contains(0) && four.contains(1) && four.contains(2) && four.contains(3));
    std::ofstream(file) << 1;
    auto down = command({"reload"});
    EXPECT_EQ(down->wait(), 0) << down->err();
    EXPECT_EQ(down->out(), "service: 1 worker replaced, 3 no longer wanted\n");
    for (const auto& [id, pid] : four) EXPECT_FALSE(processExists(pid)) << "process " << id;
    EXPECT_EQ(everybody(*service, port, 1).begin()->first, 0);
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(get(port).substr(0, 12), "HTTP/1.1 200") << "nobody waits at a socket without a process";
    auto status = command({"status", "--json"});
    EXPECT_EQ(status->wait(), 0);
    EXPECT_NE(status->out().find("\"count\":1,"), std::string::npos) << status->out();
    stop(*service);
  }
}

TEST_F(Reload, GracefullyEverybodyIsGoneSoonAfterTheDeadlineThoughNoClientLeaves) {
  Program service("fixtures/steady", {"start", "--count", "2", "--", "graceful=300"}, &directory);
  const auto port = service.port();
  std::vector<std::unique_ptr<Wire>> wires;
  const auto say = [&](const std::string& request, const char* answer) {
    wires.push_back(std::make_unique<Wire>(port));
    wires.back()->send(request);
    if (answer == nullptr) return;
    const std::string said =
        wires.back()->receive([&](const std::string& bytes) { return bytes.find(answer) != std::string::npos; });
    EXPECT_NE(said.find(answer), std::string::npos) << said;
  };
  for (int i = 0; i < 6; ++i) {
    say("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    say(upgrade, "101 Switching Protocols");
    say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", nullptr);
  }
  const auto begin = std::chrono::steady_clock::now();
  Program reload("fixtures/steady", {"reload", "-g"}, &directory);
  const int code = reload.wait();
  EXPECT_TRUE(code == 0 || code == 8) << code;
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 5300ms) << "half a second after the deadline, on a machine with time";
  // On a busy machine one may be killed that was late with its last words.
  EXPECT_EQ(reload.out().substr(0, 26), "steady: 2 workers replaced") << reload.err();
  stop(service);
}

TEST_F(Reload, AStuckPredecessorIsKilledAndTheReloadSaysSo) {
  auto service = start("1", {"stop=300"});
  const auto port = service->port();
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] { return lines(service->out(), "loop ") == 1; });
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 8) << reload->err();
  EXPECT_EQ(reload->out(), "service: 1 worker replaced, 1 killed at the deadline\n");
  EXPECT_EQ(get(port).substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(command({"stop", "-t", "20"})->wait(), 0);
  EXPECT_EQ(service->wait(), 0) << service->err();
}

TEST_F(Reload, AStuckPredecessorHasTheTimeThatTheCommandSays) {
  auto service = start("1", {"stop=60000"});
  const auto port = service->port();
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] { return lines(service->out(), "loop ") == 1; });
  auto reload = command({"reload", "-t", "0.2"});
  EXPECT_EQ(reload->wait(), 8) << reload->err();
  EXPECT_EQ(reload->out(), "service: 1 worker replaced, 1 killed at the deadline\n");
  stop(*service);
}

TEST_F(Reload, ThirtyAtOnceReplaceWhoCameBetween) {
  auto service = start("2", {"hold=" + directory.file("hold")});
  const auto port = service->port();
  service->until([&] { return lines(service->out(), "start ") == 2; });
  for (const char* id : {"0", "1"}) std::ofstream(directory.file(std::string("hold-") + id)) << "now";
  Probe probe(port);
  std::vector<std::unique_ptr<Program>> all;
  all.push_back(command({"reload"}));
  service->until([&] { return lines(service->out(), "held ") == 1; });
  for (int i = 1; i < 30; ++i) all.push_back(command({"reload"}));
  service->until(
      [&] {
        std::size_t begun = 0;
        for (auto at = service->err().find("reloading"); at != std::string::npos;
             at = service->err().find("reloading", at + 1))
          ++begun;
        return begun == 30;
      },
      30s);
  for (const char* id : {"0", "1"}) std::filesystem::remove(directory.file(std::string("hold-") + id));
  for (auto& one : all) EXPECT_EQ(one->wait(30s), 0) << one->err();
  EXPECT_EQ(probe.end(), 0);
  // The two of the start, the one that the first reload began with, and both once more for the others.
  service->until([&] { return lines(service->out(), "start ") >= 5; });
  EXPECT_EQ(command({"status"})->wait(), 0);
  EXPECT_EQ(lines(service->out(), "start "), 5u) << service->out();
  stop(*service);
}

TEST_F(Reload, WhileTheServiceStartsItWaitsForThat) {
  std::ofstream(directory.file("hold-0")) << "now";
  auto service = start("2", {"hold=" + directory.file("hold")});
  service->until([&] { return lines(service->out(), "held 0") == 1; });
  auto reload = command({"reload"});
  // The next command is heard when the one before it was.
  auto status = command({"status"});
  EXPECT_EQ(status->wait(), 0) << status->err();
  EXPECT_FALSE(reload->ended());
  EXPECT_EQ(lines(service->out(), "start 0"), 0u);
  std::filesystem::remove(directory.file("hold-0"));
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  EXPECT_EQ(reload->out(), "service: 2 workers replaced\n");
  service->until([&] { return lines(service->out(), "start ") == 4; });
  stop(*service);
}

TEST_F(Reload, WhileTheServiceStopsItIsRefused) {
  auto service = start("1", {"stop=60000", "keep"});
  Wire busy(service->port(0));
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] { return lines(service->out(), "loop ") == 1; });
  auto end = command({"stop"});
  service->until([&] { return !Wire(service->port(1)).connected(); });
  auto reload = command({"reload"});
  EXPECT_EQ(reload->wait(), 1);
  EXPECT_TRUE(reload->errHas("error[E01] reload: the service is stopping")) << reload->err();
  auto status = command({"status"});
  EXPECT_EQ(status->wait(), 0) << status->err();
  EXPECT_NE(status->out().find("\n! the service is stopping\n"), std::string::npos) << status->out();
  EXPECT_EQ(reload->out(), "");
  EXPECT_EQ(command({"stop", "-t", "0.1"})->wait(), 8);
  EXPECT_EQ(service->wait(), 8);
  EXPECT_EQ(end->wait(), 8) << end->err();
}

TEST_F(Reload, ASignalToOneWorkerConcernsItAlone) {
  auto service = start("3", {"keep"});
  const auto port = service->port();
  const auto before = everybody(*service, port, 3);
  constexpr int userSignal1 = 10, userSignal2 = 12;  // not named on every system this is compiled for
  for (const auto& [id, number] : std::map<int, int>{{0, userSignal1}, {1, userSignal2}}) {
    const std::string old = std::to_string(before.at(id)) + "\n";
    signalProcess(before.at(id), number);
    service->until([&] { return service->out().find("stop " + old) != std::string::npos; });
    const std::string& out = service->out();
    EXPECT_LT(out.find("reload " + old), out.find("stop " + old)) << out;
  }
  std::map<int, int> after;
  service->until(
      [&] { return (after = everybody(*service, port, 3)).at(0) != before.at(0) && after.at(1) != before.at(1); });
  EXPECT_EQ(after.at(2), before.at(2));
  Wire wire(service->port(1));
  wire.send("who\n");
  const std::string who = wire.receive(has("\n"));
  signalProcess(std::stoi(who), userSignal1);
  service->until([&] { return service->out().find("kept " + who) != std::string::npos; });
  Wire another(service->port(1));
  for (Wire* one : {&wire, &another}) {
    one->send("who\n");
    EXPECT_EQ(one->receive(has("\n")), who) << "reloadable = false: the same process goes on";
  }
  stop(*service);
}

TEST_F(Reload, WhoConnectsBeforeAProcessIsReadyIsServedByIt) {
  const std::uint16_t port = [&] {
    auto holder = start("1");
    const auto taken = holder->port();
    stop(*holder);
    return taken;
  }();
  const auto ask = [&] {
    auto wire = std::make_unique<Wire>(port);
    EXPECT_TRUE(wire->connected());
    wire->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return wire;
  };
  std::ofstream(directory.file("hold-0")) << "now";
  auto service = command({"start", "--listen", "web=http://127.0.0.1:" + std::to_string(port), "--",
                          "hold=" + directory.file("hold"), "predecessor-first"});
  std::unique_ptr<Program> reload;
  for (const std::size_t times : {1, 2}) {  // at the start, and between predecessor and successor
    service->until([&] { return lines(service->out(), "held 0") == times; });
    const auto early = ask();
    EXPECT_EQ(lines(service->out(), "start 0"), times - 1);
    std::filesystem::remove(directory.file("hold-0"));
    EXPECT_EQ(early->receive(has("0/")).substr(0, 12), "HTTP/1.1 200");
    if (times == 2) break;
    std::ofstream(directory.file("hold-0")) << "now";
    reload = command({"reload"});
  }
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  stop(*service);
}

TEST_F(Reload, AfterMaxRequestsAProcessIsReplacedAndNobodyNotices) {
  auto service = start("2", {"max-requests=20"});
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  Probe probe(port);
  // One of the two may be asked more often, and all that follow it before the other is worn, too.
  service->until([&] {
    return lines(service->out(), "start ") >= 6 &&
           std::none_of(before.begin(), before.end(), [](const auto& one) { return processExists(one.second); });
  });
  EXPECT_EQ(probe.end(), 0);
  EXPECT_TRUE(service->errHas("has served maxRequests: a new one starts")) << service->err();
  EXPECT_GE(probe.asked(), 60);
  stop(*service);
}

TEST_F(Reload, WhoFollowsOneThatEndedBeforeItWasReplacedIsNotReplaced) {
  auto service = start("2", {"max-requests=5", "hold=" + directory.file("hold")});
  const auto port = service->port();
  service->until([&] { return lines(service->out(), "start ") == 2; });
  const std::string started = service->out();  // asking who is there would be requests, too
  for (const char* id : {"0", "1"}) std::ofstream(directory.file(std::string("hold-") + id)) << "now";
  std::map<int, int> answers;
  service->until([&] {  // both have asked, and one is being replaced, so that the other waits
    if (const std::string body = bodyOf(get(port)); !body.empty()) ++answers[std::stoi(body)];
    return answers[0] > 8 && answers[1] > 8 && service->out().find("held ") != std::string::npos;
  });
  const int first = service->out()[service->out().find("held ") + 5] - '0', other = 1 - first;
  ASSERT_EQ(lines(service->out(), "held "), 1u);
  std::filesystem::remove(directory.file("hold-" + std::to_string(other)));
  const std::string begin = "start " + std::to_string(other) + " ";
  signalProcess(std::stoi(started.substr(started.find(begin) + begin.size())), 9);
  service->until([&] { return lines(service->out(), begin) == 2; });
  std::filesystem::remove(directory.file("hold-" + std::to_string(first)));
  service->until([&] { return service->errHas("process " + std::to_string(first) + " is replaced"); });
  // What the master begins in a turn it has begun when it answers a question of a later one.
  EXPECT_EQ(command({"status"})->wait(), 0);
  service->signal(SIGTERM);
  EXPECT_EQ(service->wait(), 0) << service->err();
  EXPECT_EQ(lines(service->out(), begin), 2u);
  const auto served = service->err().find("has served maxRequests");
  ASSERT_NE(served, std::string::npos);
  EXPECT_EQ(service->err().find("has served maxRequests", served + 1), std::string::npos) << service->err();
}

TEST_F(Reload, WithoutWaiting) {
  auto service = start("1");
  service->port();
  auto reload = command({"reload", "--no-wait"});
  EXPECT_EQ(reload->wait(), 0);
  EXPECT_EQ(reload->out(), "service: the reload has begun\n");
  service->until([&] { return service->errHas("1 worker replaced"); });
  stop(*service);
}

TEST_F(Reload, AStopEndsAReloadThatWaits) {
  auto service = start("1", {"keep=reloadable", "graceful=60000"});
  Wire wire(service->port(1));
  wire.send("who\n");
  wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  auto reload = command({"reload", "-g"});
  service->until([&] { return service->errHas("is replaced"); });
  auto end = command({"stop"});
  EXPECT_EQ(end->wait(), 0);
  EXPECT_EQ(reload->wait(), 1);
  EXPECT_TRUE(reload->errHas("the service is stopping")) << reload->err();
  EXPECT_EQ(service->wait(), 0);
}

}  // namespace
}  // namespace artel::testing
