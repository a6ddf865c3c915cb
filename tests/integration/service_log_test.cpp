// Where a service in the background writes: log and output, opened anew, rotated, as another user (rows 1.8.2.9,
// 1.8.2.11).
#include <gtest/gtest.h>

#include "tests/support/background_service.hpp"

namespace artel::testing {
namespace {

constexpr int hangUp = 1;  // not named on every system this is compiled for

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

}  // namespace
}  // namespace artel::testing
