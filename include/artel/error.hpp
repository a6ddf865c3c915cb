// Errors as values, and the one exception that refuses a start.
//
// Three kinds of trouble, three answers (docs/internals.md, "Errors"):
//   setting up   - a wrong address, a handler that does not fit: SetupError, caught by Worker::runAll, printed as one
//                  text, turned into the exit code of the table below;
//   the world    - reset, refused, full buffer: onError(connection, Error), then onClose where the connection ends;
//   our own bugs - assert.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace artel {

/// What went wrong. The first two carry the numbers that the manual gives them (row 1.8.3.8).
enum class Errc {
  connectFail = 1,      ///< an outgoing connection could not be made; onClose follows
  sendFail = 2,         ///< the peer was gone, or the send buffer was full and the data was dropped
  addressInUse,         ///< another socket listens on the address
  addressNotAvailable,  ///< the address is not one of this machine
  permissionDenied,     ///< the system does not allow it to this user
  staleSocketFile,      ///< a Unix socket file is there, but nobody serves it
  badAddress,           ///< cannot be read as an address, or does not resolve
  outOfDescriptors,     ///< EMFILE, ENFILE: the process or the system has no descriptor left
  wouldBlock,           ///< nothing to do now
  unsupported,          ///< not on this system; the message says why
  timedOut,
  system,  ///< anything else; systemCode and message say what
};

/// One failure of the world: what happened, and the system's own words for it.
struct Error {
  Errc code = Errc::system;
  std::string message;  ///< a sentence for people, with the system's text in it
  int systemCode = 0;   ///< errno or the Windows error; 0 when the system was not involved
};

/// A value or an Error. (std::expected is C++23.)
template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : value_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const noexcept { return value_.index() == 0; }
  T& operator*() { return std::get<0>(value_); }
  const T& operator*() const { return std::get<0>(value_); }
  T* operator->() { return &std::get<0>(value_); }
  const T* operator->() const { return &std::get<0>(value_); }
  const Error& error() const { return std::get<1>(value_); }

 private:
  std::variant<T, Error> value_;
};

template <>
class Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const noexcept { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

/// The ids of errors, which are the exit codes of every artel program.
enum class Exit : int {
  ok = 0,
  failed = 1,           ///< E01 start failed, or failed while running
  usage = 2,            ///< E02 the command line cannot be understood
  notRunning = 3,       ///< E03
  alreadyRunning = 4,   ///< E04
  cannotListen = 5,     ///< E05 busy, not local, no permission, stale socket file
  configuration = 6,    ///< E06 no Worker, unknown scheme, bad address, a handler that does not fit
  notOnThisSystem = 7,  ///< E07
  deadlinePassed = 8,   ///< E08 workers had to be killed, or connections cut
  internal = 70,        ///< E70 a bug of ours
};

/// Refuses to start (or to listen): what happened, why, and what to do.
/// Thrown by Worker's set-up calls; Worker::runAll prints it and returns `exit` as the exit code.
class SetupError : public std::runtime_error {
 public:
  /// `what` is one sentence that names worker and address; each hint is a pair such as {"try", "--listen ..."}.
  using Hints = std::vector<std::pair<std::string, std::string>>;
  SetupError(Exit exit, const std::string& what, Hints hints = {})
      : std::runtime_error(what), exit_(exit), hints_(std::move(hints)) {}
  Exit exit() const noexcept { return exit_; }
  const Hints& hints() const noexcept { return hints_; }
  /// The whole text as it is printed: "error[E05] ...", one indented line per hint.
  std::string text() const;

 private:
  Exit exit_;
  Hints hints_;
};

}  // namespace artel
