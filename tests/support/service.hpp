// The fixture "service" as a running service, and clients that notice when it fails them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().controlCommands) GTEST_SKIP() << capabilities().whyLimited;
  }
  /// A service in the foreground of the directory; its words of main go after "--".
  std::unique_ptr<Program> start(const std::string& count, std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"start", "--count", "web=" + count, "--"});
    return std::make_unique<Program>("fixtures/service", std::move(words), &directory);
  }
  std::unique_ptr<Program> command(std::vector<std::string> words) {
    return std::make_unique<Program>("fixtures/service", std::move(words), &directory);
  }
  /// id -> pid of everybody who answers, once there are `count`.
  static std::map<int, int> everybody(Program& program, std::uint16_t port, std::size_t count) {
    std::map<int, int> found;
    program.until([&] {
      const std::string body = bodyOf(get(port));
      if (const auto slash = body.find('/'); slash != std::string::npos)
        found[std::stoi(body.substr(0, slash))] = std::stoi(body.substr(slash + 1));
      return found.size() == count;
    });
    return found;
  }
  static std::size_t lines(const std::string& text, const std::string& begin) {
    std::size_t count = 0;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) count += line.rfind(begin, 0) == 0 ? 1 : 0;
    return count;
  }
  static void stop(Program& program) {
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(), 0) << program.err();
  }
  Directory directory;
};

/// One connection after the other until told to stop; what failed.
class Probe {
 public:
  explicit Probe(std::uint16_t port)
      : thread_([this, port] {
          while (!over_) {
            const std::string answer = get(port, "/", 10s);
            ++asked_;
            if (answer.substr(0, 12) != "HTTP/1.1 200") ++failed_;
          }
        }) {}
  ~Probe() {
    if (thread_.joinable()) end();
  }
  int end() {
    over_ = true;
    thread_.join();
    return failed_;
  }
  int asked() const { return asked_; }

 private:
  std::atomic<bool> over_{false};
  std::atomic<int> asked_{0}, failed_{0};
  std::thread thread_;
};

}  // namespace artel::testing
