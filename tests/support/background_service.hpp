// The fixture "service" in the background, and the commands that find it.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {

/// Services run in the background of a directory; what a failed test leaves is ended with the directory.
class Service : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().daemonize) GTEST_SKIP() << capabilities().whyLimited;
  }
  void TearDown() override {
    if (const int master = pid(); master > 0 && processExists(master)) {
      signalProcess(master, SIGTERM);
      until([&] { return !processExists(master); });
    }
  }
  struct Said {
    int code = 0;
    std::string out, err;
  };
  Said run(std::vector<std::string> words, const std::string& program = "fixtures/service") {
    Program command(program, std::move(words), &directory);
    const int code = command.wait(15s);
    return {code, command.out(), command.err()};
  }
  /// start -d; its port.
  std::uint16_t start(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"start", "-d"});
    const Said said = run(words);
    EXPECT_EQ(said.code, 0) << said.err << directory.read("service.log");
    const auto at = said.out.find("listening http://127.0.0.1:");
    return at == std::string::npos ? 0 : static_cast<std::uint16_t>(std::stoi(said.out.substr(at + 27)));
  }
  int pid() const {
    const std::string text = directory.read("service.pid");
    return text.empty() ? 0 : std::stoi(text);
  }
  /// One field of /proc/PID/stat after the name, counted from 0: state, parent, group, session, terminal.
  static std::string stat(int process, int field) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::istringstream words(text.substr(text.rfind(')') + 1));
    std::string word;
    for (int i = 0; i <= field; ++i) words >> word;
    return word;
  }
  bool until(const std::function<bool()>& condition) {
    Program clock("http_hello", {"version"});
    return clock.until(condition);
  }
  /// In this directory, with "$0" as our program.
  Said shell(const std::string& line) { return run({"-c", line, program()}, "/bin/sh"); }
  static std::string program() {
    const char* given = std::getenv("ARTEL_BIN");
    return std::string(given != nullptr ? given : ARTEL_BIN_DIR) + "/fixtures/service";
  }
  std::string descriptor(int process, int number) {
    std::error_code failed;
    return std::filesystem::read_symlink("/proc/" + std::to_string(process) + "/fd/" + std::to_string(number), failed)
        .string();
  }
  static int worker(std::uint16_t port) {
    const std::string body = bodyOf(get(port));
    const auto slash = body.find('/');
    return slash == std::string::npos ? -1 : std::stoi(body.substr(slash + 1));
  }
  /// Returns when a worker is in a callback that never ends, so that it does nothing else; with "stdout=out.txt".
  void keepBusy(Wire& wire) {
    wire.send("GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    until([&] { return directory.read("out.txt").find("loop ") != std::string::npos; });
  }
  Directory directory;
};

}  // namespace artel::testing
