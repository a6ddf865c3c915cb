// Reload onto a changed program file: the new program takes the place of the one that runs, or nothing changes
// (decisions on reload; row 1.16.25; faults F18).
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/service.hpp"

namespace artel::testing {
namespace {

class Handover : public ServiceTest {
 protected:
  static std::string bin() {
    const char* given = std::getenv("ARTEL_BIN");
    return given != nullptr ? given : ARTEL_BIN_DIR;
  }
  /// Puts a program into the place of the one that runs, as a careful deploy does: written beside it, then renamed.
  void deploy(const std::string& content) {
    {
      std::ofstream file(program() + ".new", std::ios::binary);
      file << content;
    }
    std::filesystem::permissions(program() + ".new", std::filesystem::perms(0755));
    std::filesystem::rename(program() + ".new", program());
  }
  /// Another program than before, with these words in service.words.
  void deployAnother(const std::string& words = "") {
    { std::ofstream(directory.file("service.words")) << words; }
    original += "#";  // behind what the loader reads
    deploy(original);
  }
  std::string program() const { return directory.file("svc"); }
  std::unique_ptr<Program> startCopy(std::vector<std::string> words = {}) {
    deploy(readOriginal());
    words.insert(words.begin(), {"start", "--count", "web=2", "--", "check=20000"});
    return std::make_unique<Program>(program(), std::move(words), &directory);
  }
  const std::string& readOriginal() {
    const std::filesystem::path path = bin() + "/fixtures/service";
    original.resize(std::filesystem::file_size(path));  // it is large: not byte by byte
    std::ifstream(path, std::ios::binary).read(original.data(), static_cast<std::streamsize>(original.size()));
    return original;
  }
  /// A command, by another copy of the program, for the one at the path may be of no use.
  std::unique_ptr<Program> say(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"--pid-file", directory.file("svc.pid")});
    return std::make_unique<Program>("fixtures/service", std::move(words));
  }
  /// The reload is refused for that reason, and nothing has changed.
  void expectRefused(Program& service, std::uint16_t port, const std::string& why) {
    const auto before = everybody(service, port, 2);
    auto reload = say({"reload"});
    EXPECT_EQ(reload->wait(), 1) << reload->out();
    EXPECT_TRUE(reload->errHas("error[E01] reload: the new program is refused, and the one that runs goes on: "))
        << reload->err();
    EXPECT_TRUE(reload->errHas(why)) << reload->err();
    EXPECT_EQ(everybody(service, port, 2), before);
    EXPECT_FALSE(service.ended());
  }
  /// id -> pid of the newest process.
  static std::map<int, int> started(Program& service) {
    std::map<int, int> found;
    std::istringstream words(service.out());
    for (std::string line; std::getline(words, line);) {
      int id = 0, pid = 0;
      if (std::sscanf(line.c_str(), "start %d %d", &id, &pid) == 2) found[id] = pid;
    }
    return found;
  }
  static std::string lineOf(Wire& wire) {
    wire.send("who\n");
    return wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  }
  std::string original;
};

TEST_F(Handover, TheNewProgramTakesTheMastersPlaceAndNoConnectionIsRefused) {
  auto service = startCopy({"keep"});
  const auto port = service->port(0);
  const auto before = everybody(*service, port, 2);
  Wire kept(service->port(1));
  const std::string who = lineOf(kept);
  Probe probe(port);
  for (int round = 1; round <= 3; ++round) {
    deployAnother();
    auto reload = say({"reload"});
    EXPECT_EQ(reload->wait(), 0) << reload->err();
    EXPECT_EQ(reload->out().substr(0, 17), "service: program ") << reload->out();
    EXPECT_NE(reload->out().find(", 2 workers replaced, 1 kept and told (reloadable = false)\n"), std::string::npos)
        << reload->out();
    EXPECT_EQ(lineOf(kept), who) << "the same process, the same connection";
  }
  EXPECT_EQ(probe.end(), 0);
  const auto after = everybody(*service, port, 2);
  for (const auto& [id, pid] : before) {
    EXPECT_NE(after.at(id), pid);
    EXPECT_FALSE(processExists(pid));
  }
  // It is the master in every respect: nobody else can be, its workers are replaced, its numbers go on, and it stops.
  EXPECT_FALSE(service->ended());
  EXPECT_EQ(say({"start"})->wait(), 4);
  signalProcess(after.at(0), 9);
  service->until([&] { return everybody(*service, port, 2).at(0) != after.at(0); });
  auto status = say({"status"});
  EXPECT_EQ(status->wait(), 0);
  EXPECT_NE(status->out().find("web 6x code 0"), std::string::npos) << status->out();
  auto end = say({"stop"});
  EXPECT_EQ(end->wait(), 0) << end->err();
  EXPECT_EQ(service->wait(), 0) << service->err();
  EXPECT_FALSE(directory.has("svc.pid"));
  EXPECT_FALSE(directory.has("svc.pid.lock"));
  EXPECT_FALSE(directory.has("svc.pid.ctl"));
}

TEST_F(Handover, WithASocketForEachProcess) {
  auto service = startCopy({"reuse-port"});
  const auto port = service->port();
  everybody(*service, port, 2);
  Probe probe(port);
  for (int round = 1; round <= 3; ++round) {
    deployAnother();
    auto reload = say({"reload"});
    EXPECT_EQ(reload->wait(), 0) << reload->err();
  }
  EXPECT_EQ(probe.end(), 0);
  stop(*service);
}

TEST_F(Handover, InTheBackgroundToo) {
  startCopy({"daemonize", "stdout=" + directory.file("out")})->wait();
  deployAnother("daemonize");
  auto reload = say({"reload"});
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  const std::string log = directory.read("svc.log");
  EXPECT_NE(log.find("has taken the place of"), std::string::npos) << log;
  EXPECT_EQ(lines(directory.read("out"), "start "), 4u);
  EXPECT_EQ(say({"status"})->wait(), 0);
  EXPECT_EQ(say({"stop"})->wait(), 0);
  EXPECT_EQ(say({"status"})->wait(), 3);
}

TEST_F(Handover, BySignalAndForSeveralWhoAsk) {
  auto service = startCopy();
  const auto port = service->port();
  deployAnother();
  constexpr int userSignal1 = 10;  // not named on every system this is compiled for
  service->signal(userSignal1);
  service->until([&] { return service->errHas("2 workers replaced"); });
  deployAnother();
  std::vector<std::unique_ptr<Program>> all;
  for (int i = 0; i < 10; ++i) all.push_back(say({"reload"}));
  for (auto& one : all) EXPECT_EQ(one->wait(30s), 0) << one->err();
  everybody(*service, port, 2);
  stop(*service);
}

TEST_F(Handover, TheSameFileOnlyWhenAsked) {
  auto service = startCopy();
  service->port();
  auto same = say({"reload"});
  EXPECT_EQ(same->wait(), 0) << same->err();
  EXPECT_EQ(same->out(), "service: 2 workers replaced\n");
  auto again = say({"reload", "--exec"});
  EXPECT_EQ(again->wait(), 0) << again->err();
  EXPECT_EQ(again->out().substr(0, 17), "service: program ") << again->out();
  stop(*service);
}

TEST_F(Handover, ALinkToAnotherVersionIsAnotherProgram) {
  namespace fs = std::filesystem;
  const std::string link = directory.file("current");
  for (const char* version : {"v1", "v2", "v3"}) {
    fs::create_directory(directory.file(version));
    fs::copy_file(bin() + "/fixtures/service", directory.file(std::string(version) + "/svc"));
    std::ofstream(directory.file(std::string(version) + "/svc"), std::ios::app) << version;
  }
  const auto point = [&](const char* version) {  // a link is changed as a file is: the new one takes the old one's name
    fs::create_directory_symlink(version, link + ".new");
    fs::rename(link + ".new", link);
  };
  point("v1");
  // As somebody types it: with a folder, and without, in the directory that is the link.
  for (const std::string start : {"exec current/svc start", "cd current && exec ./svc start"}) {
    SCOPED_TRACE(start);
    Program service("/bin/sh", {"-c", start + " --count 2 --pid-file \"$0\" -- check=20000", directory.file("svc.pid")},
                    &directory);
    const auto port = service.port();
    const auto before = everybody(service, port, 2);
    for (const char* version : {"v2", "v3", "v1"}) {
      point(version);
      auto reload = say({"reload"});
      EXPECT_EQ(reload->wait(), 0) << reload->err();
      EXPECT_EQ(reload->out().substr(0, 17), "service: program ") << reload->out();
      EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(service.pid()) + "/exe").string(),
                directory.file(std::string(version) + "/svc"));
    }
    EXPECT_NE(everybody(service, port, 2).at(0), before.at(0));
    stop(service);
  }
}

TEST_F(Handover, WhatChangesWhileItIsTriedIsTriedAgain) {
  auto service = startCopy();
  service->port();
  std::ofstream(directory.file("wait")) << "now";
  deployAnother("wait=" + directory.file("wait"));
  auto reload = say({"reload"});
  service->until([&] { return directory.has("waits"); });
  deployAnother("no-line");
  std::filesystem::remove(directory.file("wait"));
  EXPECT_EQ(reload->wait(), 0) << reload->err();
  EXPECT_EQ(reload->out().substr(0, 17), "service: program ") << reload->out();
  service->until([&] { return service->errHas("2 workers replaced"); });
  const std::string trying = "trying the program file";
  EXPECT_NE(service->err().find(trying, service->err().find(trying) + 1), std::string::npos) << service->err();
  EXPECT_EQ(service->err().find("is refused"), std::string::npos) << service->err();
  stop(*service);
}

TEST_F(Handover, WhatIsNoProgramIsRefused) {
  auto service = startCopy();
  const auto port = service->port();
  const std::string whole = original;
  deploy("this is a text\n");
  expectRefused(*service, port, "it is no program for this machine, or only a part of one");
  deploy("#!/bin/sh\nexit 0\n");
  expectRefused(*service, port, "it is a script, or asks for a loader that is not here");
  deploy(whole.substr(0, 40));
  expectRefused(*service, port, "it is no program for this machine, or only a part of one");
  deploy(whole.substr(0, 65536));
  expectRefused(*service, port, "");
  deploy(whole + "#");
  std::filesystem::permissions(program(), std::filesystem::perms(0644));
  expectRefused(*service, port, "permission denied");
  std::filesystem::remove(program());
  expectRefused(*service, port, "no such file");
  deploy(whole);
  {
    std::ofstream writing(program(), std::ios::app);
    expectRefused(*service, port, "it is still being written");
  }
  std::string otherMachine = whole;
  otherMachine[18] = static_cast<char>(0xF3), otherMachine[19] = 0;  // e_machine: RISC-V
  deploy(otherMachine);
  expectRefused(*service, port, "it is no program for this machine");
  deploy(whole);
  auto good = say({"reload"});
  EXPECT_EQ(good->wait(), 0) << good->err();
  stop(*service);
}

TEST_F(Handover, AProgramThatCannotStartIsRefused) {
  auto service = startCopy();
  const auto port = service->port();
  Program other(bin() + "/http_hello", {"start", "--listen", "http://127.0.0.1:0"});
  const std::string taken = std::to_string(other.port());
  deployAnother("end=3");
  expectRefused(*service, port, "it ended before it came to Worker::runAll: code 3");
  deployAnother("crash");
  expectRefused(*service, port, "it ended before it came to Worker::runAll: ");
  deployAnother("thread");
  expectRefused(*service, port, "cannot fork with 2 threads");
  deployAnother("close");
  expectRefused(*service, port, "it ended before it came to Worker::runAll: ");
  deployAnother("user=nobody-has-this-name");
  expectRefused(*service, port, "it said: error[E06]");
  deployAnother("keep line=text://127.0.0.1:" + taken);
  expectRefused(*service, port, "it said: error[E05]");
  deployAnother("keep line=unix://" + directory.file("svc.pid"));
  expectRefused(*service, port, "it said: error[E06]");
  deployAnother("log=" + directory.file("svc.pid/no"));
  expectRefused(*service, port, "it said: error[E06]");
  deployAnother("other-version");
  expectRefused(*service, port, "it is built with another version of artel");
  deployAnother();
  auto good = say({"reload"});
  EXPECT_EQ(good->wait(), 0) << good->err();
  stop(*service);
}

TEST_F(Handover, AProgramThatHangsIsRefusedInTime) {
  { std::ofstream(directory.file("service.words")) << "check=300"; }
  auto service = startCopy();
  const auto port = service->port();
  deployAnother("check=60000 spin");  // its own checkTimeout does not count
  expectRefused(*service, port, "it did not come to an end of Worker::runAll within 300 ms (Worker::checkTimeout)");
  stop(*service);
}

TEST_F(Handover, ARefusedProgramLeavesNoSocketFile) {
  auto service = startCopy();
  const auto port = service->port();
  const std::string path = directory.file("line.sock");
  deployAnother("keep line=unix://" + path + " fail-check");
  expectRefused(*service, port, "it does not start: code 9");
  EXPECT_FALSE(directory.has("line.sock"));
  deployAnother("keep line=unix://" + path);
  EXPECT_EQ(say({"reload"})->wait(), 0);
  EXPECT_TRUE(directory.has("line.sock"));
  deployAnother();
  EXPECT_EQ(say({"reload"})->wait(), 0);
  EXPECT_FALSE(directory.has("line.sock")) << "the Worker is gone, and its file with it";
  stop(*service);
}

TEST_F(Handover, WorkersComeAndGoAndChangeTheirCount) {
  auto service = startCopy({"keep=reloadable"});
  const auto port = service->port(0), text = service->port(1);
  const auto before = everybody(*service, port, 2);
  Wire wire(text);
  const int line = std::stoi(lineOf(wire));
  deployAnother("count=3 no-line");
  auto fewer = say({"reload", "--no-wait"});
  EXPECT_EQ(fewer->wait(), 0) << fewer->err();
  service->until([&] { return service->errHas("2 workers replaced"); });
  // --count on the command line of the start still rules.
  EXPECT_EQ(everybody(*service, port, 2).size(), 2u);
  EXPECT_TRUE(service->errHas("2 workers replaced, 1 no longer wanted")) << service->err();
  EXPECT_EQ(wire.receive([](const std::string& bytes) { return bytes.find("drained") != std::string::npos; }),
            "drained\n");
  EXPECT_FALSE(processExists(line));
  EXPECT_FALSE(Wire(text).connected());
  deployAnother("keep");
  auto more = say({"reload"});
  EXPECT_EQ(more->wait(), 0) << more->err();
  EXPECT_NE(more->out().find("2 workers replaced, 1 new\n"), std::string::npos) << more->out();
  deployAnother("web=other");
  auto renamed = say({"reload"});
  EXPECT_EQ(renamed->wait(), 1) << "--count web=2 names a worker that is gone";
  stop(*service);
}

TEST_F(Handover, ACountThatGrowsAndShrinks) {
  for (const std::string kind : {"shared", "reuse-port"}) {
    SCOPED_TRACE(kind);
    { std::ofstream(directory.file("service.words")) << "count=2 " << kind; }
    deploy(readOriginal());
    Program service(program(), {"start"}, &directory);
    const auto port = service.port();
    const auto before = everybody(service, port, 2);
    Probe probe(port);
    deployAnother("count=4 " + kind);
    auto more = say({"reload"});
    EXPECT_EQ(more->wait(), 0) << more->err();
    EXPECT_NE(more->out().find("2 workers replaced, 2 new\n"), std::string::npos) << more->out();
    service.until([&] { return started(service).size() == 4; });
    const auto four = started(service);
    // A socket of its own that is closed loses who waits at it.
    if (kind == "shared") {
      EXPECT_EQ(probe.end(), 0);
    }
    deployAnother("count=1 " + kind);
    auto fewer = say({"reload"});
    EXPECT_EQ(fewer->wait(), 0) << fewer->err();
    EXPECT_NE(fewer->out().find("1 worker replaced, 3 no longer wanted\n"), std::string::npos) << fewer->out();
    for (const auto& [id, pid] : four) EXPECT_FALSE(processExists(pid));
    EXPECT_EQ(everybody(service, port, 1).size(), 1u);
    stop(service);
  }
}

TEST_F(Handover, AReloadBeforeItThatStillDrainsGoesOn) {
  auto service = startCopy({"keep=reloadable", "graceful=60000", "stop=1000"});
  const auto text = service->port(1);
  Wire wire(text);
  const int old = std::stoi(lineOf(wire));
  auto first = say({"reload", "-g"});
  service->until([&] { return service->err().find("is stopping") != std::string::npos; });
  EXPECT_EQ(std::stoi(lineOf(wire)), old) << "the predecessor still serves it";
  deployAnother("keep=reloadable stop=1000");
  auto second = say({"reload"});
  EXPECT_EQ(second->wait(), 0) << second->err();
  EXPECT_EQ(first->wait(), 0) << first->err();
  EXPECT_EQ(wire.receive([](const std::string& bytes) { return bytes.find("drained") != std::string::npos; }),
            "drained\n");
  EXPECT_FALSE(processExists(old));
  stop(*service);
}

TEST_F(Handover, AWorkerThatDoesNotBecomeReadyLeavesTheOldOnes) {
  auto service = startCopy();
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  { std::ofstream(directory.file("fail")) << "now"; }
  deployAnother("fail-from=" + directory.file("fail"));
  auto reload = say({"reload"});
  EXPECT_EQ(reload->wait(), 1) << reload->out();
  EXPECT_TRUE(reload->errHas("the new process ended before it was ready")) << reload->err();
  EXPECT_EQ(everybody(*service, port, 2), before);
  deployAnother();
  EXPECT_EQ(say({"reload"})->wait(), 0);
  stop(*service);
}

TEST_F(Handover, WhatAFailedWorkerHadOpenedIsClosed) {
  auto service = startCopy();
  service->port();
  deployAnother("inner=unix://" + directory.file("inner.sock") + " fail-last");
  auto reload = say({"reload"});
  EXPECT_EQ(reload->wait(), 1) << reload->out();
  EXPECT_TRUE(reload->errHas("the new process ended before it was ready")) << reload->err();
  EXPECT_FALSE(directory.has("inner.sock")) << "whoever connects would wait for ever";
  stop(*service);
}

/// Whoever has put a socket of the same name there keeps it, also when another program ends what this one began.
TEST_F(Handover, ASocketFileOfSomebodyElseUnderTheSameNameStays) {
  for (const std::string kind : {"inner", "line"}) {
    SCOPED_TRACE(kind);
    const std::string name = kind + ".sock";
    const std::vector<std::string> words{kind + "=unix://" + directory.file(name),
                                         kind == "line" ? "keep" : "inner-may-fail"};
    auto first = startCopy(words);
    everybody(*first, first->port(), 2);
    EXPECT_EQ(say({"reload", "--exec"})->wait(), 0);
    ASSERT_TRUE(directory.has(name)) << "the program that took over has lost it";
    ASSERT_TRUE(std::filesystem::remove(directory.file(name)));
    const Directory elsewhere;
    std::vector<std::string> all{"start", "--count", "web=1", "--"};
    all.insert(all.end(), words.begin(), words.end());
    Program second("fixtures/service", all, &elsewhere);
    everybody(second, second.port(), 1);
    ASSERT_TRUE(directory.has(name));
    EXPECT_EQ(say({"reload", "--exec"})->wait(), 0);
    stop(*first);
    EXPECT_TRUE(directory.has(name)) << "it is the second one's";
    stop(second);
    EXPECT_FALSE(directory.has(name));
  }
}

TEST_F(Handover, WhatWasCountedByProcessesThatAreNoLongerWantedStaysCounted) {
  { std::ofstream(directory.file("service.words")) << "count=4"; }
  deploy(readOriginal());
  Program service(program(), {"start"}, &directory);
  const auto port = service.port();
  everybody(service, port, 4);
  const auto counted = [&] {
    const std::string text = get(port, "/metrics"), name = "\nartel_requests_total{worker=\"web\"} ";
    const auto at = text.find(name);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + name.size()));
  };
  int asked = 4;
  service.until([&] { return counted() >= ++asked - 1; });  // the numbers of a turn are written at its end
  const int before = counted();
  deployAnother("count=1");
  auto fewer = say({"reload"});
  EXPECT_EQ(fewer->wait(), 0) << fewer->err();
  EXPECT_NE(fewer->out().find("3 no longer wanted"), std::string::npos) << fewer->out();
  EXPECT_GE(counted(), before);
  stop(service);
}

TEST_F(Handover, MainMayChangeTheDirectoryAndSeesNothingOfTheHandover) {
  std::filesystem::create_directory(directory.file("elsewhere"));
  auto service = startCopy({"directory=" + directory.file("elsewhere"), "variables"});
  // Where main went, the service keeps its files.
  service->port();
  EXPECT_TRUE(directory.has("elsewhere/svc.pid"));
  deployAnother();
  Program reload("fixtures/service", {"reload", "--pid-file", directory.file("elsewhere/svc.pid")});
  EXPECT_EQ(reload.wait(), 0) << reload.err();
  service->until([&] { return lines(service->out(), "start ") == 4; });
  EXPECT_EQ(service->out().find("variable"), std::string::npos) << service->out();
  EXPECT_EQ(lines(service->out(), "checking"), 0u) << "what is tried says nothing on the service's output";
  stop(*service);
}

TEST_F(Handover, WhatMainLeavesOpenDoesNotPileUp) {
  auto service = startCopy({"open-file"});
  const auto port = service->port();
  const auto descriptors = [&] {
    using Entries = std::filesystem::directory_iterator;
    return std::distance(Entries("/proc/" + std::to_string(service->pid()) + "/fd"), Entries());
  };
  everybody(*service, port, 2);
  deployAnother();
  EXPECT_EQ(say({"reload"})->wait(), 0);
  const auto after = descriptors();
  for (int round = 0; round < 3; ++round) {
    deployAnother();
    EXPECT_EQ(say({"reload"})->wait(), 0);
  }
  service->until([&] { return descriptors() <= after; });  // the last command's connection is closed in a moment
  stop(*service);
}

TEST_F(Handover, AStopWhileAProgramIsTriedStops) {
  auto service = startCopy();
  service->port();
  deployAnother("spin");
  auto reload = say({"reload"});
  service->until([&] { return service->errHas("trying the program file"); });
  service->signal(SIGTERM);
  EXPECT_EQ(service->wait(), 0) << service->err();
  EXPECT_EQ(reload->wait(), 1);
  EXPECT_TRUE(reload->errHas("goes on: the service is stopping")) << reload->err();
}

TEST_F(Handover, AStopThatComesJustBeforeItIsHeeded) {
  constexpr int halt = 19, goOn = 18, userSignal1 = 10;  // not named on every system this is compiled for
  auto service = startCopy({"wait=" + directory.file("wait")});
  service->port();
  const auto children = [&] {  // of the master, with their states
    std::map<int, char> found;
    for (const auto& one : std::filesystem::directory_iterator("/proc")) {
      const std::string name = one.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file(one.path() / "stat");
      const std::string text((std::istreambuf_iterator<char>(file)), {});
      char state = 0;
      int parent = 0;
      const auto at = text.rfind(')');
      if (at != std::string::npos && std::sscanf(text.c_str() + at + 1, " %c %d", &state, &parent) == 2 &&
          parent == service->pid())
        found[std::stoi(name)] = state;
    }
    return found;
  };
  { std::ofstream(directory.file("wait")) << "now"; }
  deployAnother("wait=" + directory.file("wait"));
  auto reload = say({"reload"});
  service->until([&] { return directory.has("waits"); });
  // The trial's end and two signals come in one sleep of the master, which looks at one signal in a turn.
  service->signal(halt);
  std::filesystem::remove(directory.file("wait"));
  service->until([&] {
    const auto all = children();
    return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.second == 'Z'; });
  });
  service->signal(SIGINT);
  service->signal(userSignal1);
  service->signal(goOn);
  EXPECT_EQ(service->wait(), 0) << service->err();
  EXPECT_EQ(reload->wait(), 1);
}

}  // namespace
}  // namespace artel::testing
