// How a command asks a running master, and how the master answers: lines of text over the control socket. One request
// a connection, then answer lines as long as it takes, then the end:
//
//   > artel/1 <tab> stop <tab> graceful <tab> timeout=5000 <newline>
//   < out <text>      for standard output, or data that the command formats
//   < err <text>      for standard error
//   < end <exit code>
//
// The fields are separated by tabs; no field holds a tab or a newline.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artel/error.hpp"
#include "platform/platform.hpp"

namespace artel {

struct ControlRequest {
  std::string command;
  std::map<std::string, std::string> values;  ///< a word without "=" has the empty value
  bool has(const std::string& key) const { return values.contains(key); }
  /// Nothing when it is missing or no number.
  std::optional<std::int64_t> number(const std::string& key) const;
  /// The line with its newline.
  std::string line() const;
};
std::optional<ControlRequest> parseControlRequest(std::string_view line);

/// In the master: one command that has asked. Nothing here waits: what is said is kept, up to `mostKept`, until the
/// command takes it.
class ControlClient {
 public:
  static constexpr std::size_t longestRequest = 4096, mostKept = 1024 * 1024;

  void out(std::string_view line) { say("out ", line); }
  void err(std::string_view line) { say("err ", line); }
  void outLines(std::string_view text) { sayLines("out ", text); }
  void end(int exitCode);
  /// All lines of it, and the end.
  void refuse(const SetupError& error);
  bool ended() const noexcept { return ended_; }
  platform::NativeSocket native() const noexcept { return socket_; }
  /// Called whenever all that was said has been taken, until end(): for answers that come in pieces.
  std::function<void(ControlClient&)> more;

 private:
  friend class ControlServer;
  using Clock = std::chrono::steady_clock;
  explicit ControlClient(platform::NativeSocket socket) : socket_(socket) {}
  void say(std::string_view kind, std::string_view line);
  void sayLines(std::string_view kind, std::string_view text);

  platform::NativeSocket socket_;
  std::string in_, out_;
  std::size_t sent_ = 0;
  Clock::time_point limit_{};  ///< for its request, or for taking what was said
  bool asked_ = false, ended_ = false, gone_ = false;
};

/// In the master: the socket and who has connected. Part of the master's one sleep: addTo() names what to wait for,
/// turn() does what can be done. A command that is slow or says nothing costs a buffer, and after a while its
/// connection.
class ControlServer {
 public:
  static constexpr std::size_t mostClients = 32;
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(const std::shared_ptr<ControlClient>&, const ControlRequest&)>;

  explicit ControlServer(Handler handler) : handler_(std::move(handler)) {}
  ~ControlServer() { close(); }
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  Result<void> open(const std::string& path);
  /// What can be written now.
  void flush();
  /// The socket, and one who has asked already, of the program that was this process before.
  void adopt(const std::string& path, const std::string& identity, platform::NativeSocket listener);
  std::shared_ptr<ControlClient> adopt(platform::NativeSocket client);
  platform::NativeSocket native() const noexcept { return listener_; }
  const std::string& identity() const noexcept { return identity_; }
  std::size_t clients() const noexcept { return clients_.size(); }
  void addTo(std::vector<platform::NativeSocket>& readers, std::vector<platform::NativeSocket>& writers);
  /// After the sleep; the sockets named by addTo() began at these indexes.
  void turn(const platform::Wakeup& wakeup, std::size_t firstReader, std::size_t firstWriter);
  /// When the next client loses its patience with us, or we with it, or it is time to accept again.
  Clock::time_point nextLimit() const;
  bool idle() const noexcept { return clients_.empty(); }
  /// Takes the socket's file away and lets everybody go.
  void close();
  void leaveInChild();

 private:
  void read(const std::shared_ptr<ControlClient>& client);
  void write(ControlClient& client);
  void dropGone();

  Handler handler_;
  std::string path_, identity_;
  platform::NativeSocket listener_ = platform::noSocket;
  Clock::time_point acceptAgain_{};  ///< set while nobody can be accepted
  std::list<std::shared_ptr<ControlClient>> clients_;
  std::vector<std::shared_ptr<ControlClient>> readers_, writers_;  ///< in the order addTo() named them
};

using ControlLine = std::function<void(std::string_view kind, std::string_view text)>;

/// In a command: a question to the master, and its answer as it comes, line by line ("out" or "err", and the text).
class ControlCall {
 public:
  /// Connects and asks, for which the master need not do anything; `patience` all the same.
  static Result<ControlCall> begin(const std::string& path, const ControlRequest& request,
                                   std::chrono::milliseconds patience);
  /// Readable when there is more of the answer.
  platform::NativeSocket native() const noexcept { return socket_.native(); }
  enum class State { waits, ended, cut };  ///< cut: the master ended before its answer did
  /// Hears what has come, without waiting.
  State take(const ControlLine& line);
  /// The exit code, when the answer has ended.
  int code() const noexcept { return code_; }

 private:
  explicit ControlCall(platform::NativeSocket socket) : socket_(socket) {}
  platform::Channel socket_;  // closes it
  std::string text_;
  int code_ = 0;
};

/// Asks and hears out the answer. The exit code; or nothing when the master ended, or said nothing for `patience`,
/// before the end of its answer.
Result<std::optional<int>> askMaster(const std::string& path, const ControlRequest& request, const ControlLine& line,
                                     std::chrono::milliseconds patience);

}  // namespace artel
