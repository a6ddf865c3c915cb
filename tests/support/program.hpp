// A program of ours as a child process, and a plain client to talk to it: for tests of what only real processes show.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace artel::testing {

using namespace std::chrono_literals;

/// A directory of its own, empty at first, gone with the object.
class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  bool has(const std::string& name) const;
  /// "" when there is none.
  std::string read(const std::string& name) const;

 private:
  std::string path_;
};

/// One child. Its output is collected while any call here waits. Killed by the destructor if it still runs.
class Program {
 public:
  /// `name` below the directory of our programs, such as "http_hello" or "fixtures/misbehave", or an absolute path. It
  /// runs in `directory`,
  /// or in one of its own: a service writes into the directory it is started in.
  Program(const std::string& name, std::vector<std::string> arguments, const Directory* directory = nullptr);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits until `condition` holds; a test failure (with the program's output) when it does not in time.
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s);
  /// Waits for the line "listening ..." (the nth) and answers its port; 0 when the program ended first.
  std::uint16_t port(std::size_t nth = 0);
  const std::string& out() const noexcept;
  const std::string& err() const noexcept;
  bool errHas(std::string_view text) const { return err().find(text) != std::string::npos; }
  void signal(int number);
  /// What Ctrl+C means to it, on every system.
  bool askToStop();
  void kill();
  int pid() const noexcept;
  bool ended() const noexcept;
  /// Waits for the end; the exit code, or -signal.
  int wait(std::chrono::milliseconds limit = 10s);
  /// Closes our ends of its output: what a terminal's end is for a program.
  void hangUp();

 private:
  struct State;
  /// 0, or libuv's error.
  int spawn(const std::string& file, std::vector<std::string> arguments, const Directory* directory);
  void close();
  std::unique_ptr<State> state_;
};

/// The path of a program of ours; `name` as for Program.
std::string programFile(const std::string& name);

/// Signals a process that is not our child; false when there is none.
bool signalProcess(int pid, int number);
/// It runs: one that has ended and is not waited for yet does not.
bool processExists(int pid);

/// A blocking client connection on its own loop.
class Wire {
 public:
  explicit Wire(std::uint16_t port);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  bool connected() const noexcept;
  void send(std::string_view bytes);
  /// What has come, until `enough` says so, the peer ends, or the time is over.
  std::string receive(const std::function<bool(const std::string&)>& enough, std::chrono::milliseconds limit = 5s);
  bool ended() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One HTTP GET on a new connection; the whole answer, "" when there was none.
std::string get(std::uint16_t port, const std::string& path = "/", std::chrono::milliseconds limit = 5s);
/// What follows the header block.
std::string bodyOf(const std::string& answer);

}  // namespace artel::testing
