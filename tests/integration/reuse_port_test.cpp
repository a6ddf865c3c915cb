// A socket for each process, when one of the processes does not serve (row 1.8.2.6; decisions on listeners).
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "artel/artel.hpp"
#include "tests/support/service.hpp"

namespace artel::testing {
namespace {

class ReusePort : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    if (!capabilities().reusePort) GTEST_SKIP() << capabilities().whyLimited;
  }
  /// All of so many clients get an answer in time. Each of two sockets gets its share of them.
  static void everyoneIsAnswered(std::uint16_t port, int clients = 30) {
    for (int i = 0; i < clients; ++i) ASSERT_EQ(get(port, "/", 10s).substr(0, 12), "HTTP/1.1 200") << "client " << i;
  }
  /// The sockets that listen on a port of 127.0.0.1.
  static std::set<std::string> listening(std::uint16_t port) {
    std::set<std::string> inodes;
    std::ifstream table("/proc/net/tcp");
    for (std::string line; std::getline(table, line);) {
      std::istringstream words(line);
      std::string number, local, remote, state, queues, timer, retries, user, timeout, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >> inode;
      if (state == "0A" && std::stoi("0" + local.substr(local.find(':') + 1), nullptr, 16) == port)
        inodes.insert(inode);
    }
    return inodes;
  }
};

TEST_F(ReusePort, EachProcessHasASocketOfItsOwnAndOtherwiseTheyShareOne) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "reads /proc";
  {
    auto shared = start("4");
    EXPECT_EQ(listening(shared->port()).size(), 1u);
    stop(*shared);
  }
  auto service = start("4", {"reuse-port"});
  const auto port = service->port();
  const auto before = listening(port);
  EXPECT_EQ(before.size(), 4u);
  EXPECT_EQ(command({"reload"})->wait(), 0);
  EXPECT_EQ(listening(port), before) << "they outlive their processes";
  stop(*service);
}

TEST_F(ReusePort, WhoConnectsToACrashLoopIsAnsweredByASibling) {
  const std::string fail = directory.file("fail");
  auto service = start("2", {"reuse-port", "fail-from=" + fail});
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  std::ofstream(fail) << "now";
  signalProcess(before.at(1), SIGTERM);
  service->until([&] { return service->errHas("process 1 is missing: process 0 serves its clients"); });
  everyoneIsAnswered(port);
  std::filesystem::remove(fail);
  service->until([&] { return service->errHas("process 1 serves its clients again"); });
  EXPECT_NE(everybody(*service, port, 2).at(1), before.at(1));
  stop(*service);
}

TEST_F(ReusePort, WhoConnectsToABlockedProcessIsAnsweredByASibling) {
  auto service = start("2", {"reuse-port", "stop=300"});
  const auto port = service->port();
  everybody(*service, port, 2);
  Wire busy(port);
  busy.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
  service->until([&] {
    return service->out().find("loop ") != std::string::npos;
  });  // whom it accepts before waits as long as it does
  everyoneIsAnswered(port);
  service->until([&] { return service->errHas("does not come to accepting: process "); });
  service->signal(SIGTERM);
  EXPECT_EQ(service->wait(), 8) << "the blocked one is killed";
}

TEST_F(ReusePort, WhoConnectsToAStoppedProcessIsAnsweredByASiblingUntilItGoesOn) {
  constexpr int halt = 19, goOn = 18;  // not named on every system this is compiled for
  auto service = start("2", {"reuse-port"});
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  signalProcess(before.at(0), halt);
  everyoneIsAnswered(port);
  signalProcess(before.at(0), goOn);
  service->until([&] { return service->errHas("process 0 serves its clients again"); });
  EXPECT_EQ(everybody(*service, port, 2), before);
  stop(*service);
}

TEST_F(ReusePort, WhoConnectsToAProcessThatEndsByItselfIsAnsweredByASibling) {
  constexpr int quit = 3;  // not named on every system this is compiled for
  auto service = start("2", {"reuse-port"});
  const auto port = service->port();
  const auto before = everybody(*service, port, 2);
  auto slow = std::make_unique<Wire>(port);
  slow->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string body = bodyOf(slow->receive([](const std::string& got) { return !bodyOf(got).empty(); }));
  const int id = std::stoi(body);
  slow->send("GET / HTTP/1.1\r\n");  // and no more of it
  signalProcess(before.at(id), quit);
  const std::string number = std::to_string(id);
  service->until([&] { return service->errHas("process " + number + " is missing: process "); });
  EXPECT_TRUE(processExists(before.at(id))) << "it waits for the client";
  everyoneIsAnswered(port);
  slow.reset();
  service->until([&] { return service->errHas("process " + number + " serves its clients again"); });
  EXPECT_FALSE(processExists(before.at(id)));
  stop(*service);
}

TEST_F(ReusePort, WhoHelpsMayEndItself) {
  const std::string fail = directory.file("fail");
  auto service = start("3", {"reuse-port", "fail-from=" + fail});
  const auto port = service->port();
  const auto before = everybody(*service, port, 3);
  std::ofstream(fail) << "now";
  signalProcess(before.at(2), SIGTERM);
  service->until([&] { return service->errHas("process 2 is missing: process "); });
  const bool first = service->errHas("process 2 is missing: process 0 ");
  signalProcess(before.at(first ? 0 : 1), SIGTERM);
  everyoneIsAnswered(port);
  std::filesystem::remove(fail);
  everybody(*service, port, 3);
  stop(*service);
}

TEST_F(ReusePort, AListenerMadeInEachProcess) {
  const std::uint16_t free = [&] {
    auto holder = start("1");
    const auto port = holder->port();
    stop(*holder);
    return port;
  }();
  const auto servers = [&](std::size_t wanted) {
    std::set<std::string> pids;
    for (int i = 0; i < 500 && pids.size() < wanted; ++i) {
      Wire wire(free);
      wire.send("who\n");
      pids.insert(wire.receive([](const std::string& bytes) { return bytes.find('\n') != std::string::npos; }));
    }
    return pids;
  };
  const std::string inner = "inner=text://127.0.0.1:" + std::to_string(free);
  {
    auto service = start("4", {inner, "inner-reuse-port"});
    service->port();
    EXPECT_EQ(servers(4).size(), 4u);
    stop(*service);
  }
  auto service = start("4", {inner, "inner-may-fail"});
  everybody(*service, service->port(), 4);
  const auto only = servers(20);
  EXPECT_EQ(only.size(), 1u);
  EXPECT_FALSE(only.contains(""));
  const std::string refused = "cannot listen on text://127.0.0.1:" + std::to_string(free);
  std::size_t errors = 0;
  for (auto at = service->err().find(refused); at != std::string::npos; at = service->err().find(refused, at + 1))
    ++errors;
  EXPECT_EQ(errors, 3u) << service->err();
  stop(*service);
}

}  // namespace
}  // namespace artel::testing
