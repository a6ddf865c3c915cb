#include "tests/support/program.hpp"

#include <gtest/gtest.h>
#include <uv.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include "platform/platform.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {

namespace {

/// A loop of the test's own, apart from artel's.
struct OwnLoop {
  uv_loop_t loop;
  uv_timer_t pulse;
  OwnLoop() {
    uv_loop_init(&loop);
    uv_timer_init(&loop, &pulse);
    uv_timer_start(
        &pulse, [](uv_timer_t*) {}, 5, 5);
  }
  ~OwnLoop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&pulse), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return condition();
      uv_run(&loop, UV_RUN_ONCE);
    }
    return true;
  }
};

void giveBuffer(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  thread_local char space[64 * 1024];
  *buffer = uv_buf_init(space, sizeof space);
}

/// Appends what comes to the string the handle's data points to.
void collect(uv_stream_t* stream) {
  uv_read_start(stream, giveBuffer, [](uv_stream_t* from, std::ptrdiff_t size, const uv_buf_t* buffer) {
    if (size > 0) static_cast<std::string*>(from->data)->append(buffer->base, static_cast<std::size_t>(size));
    if (size < 0) uv_read_stop(from);
  });
}

std::string binDirectory() {
  const char* given = std::getenv("ARTEL_BIN");
  return given != nullptr ? given : ARTEL_BIN_DIR;
}

}  // namespace

std::string programFile(const std::string& name) {
  // Absolute, with its drive: a program's own directory may be on another one.
  const std::filesystem::path path = name;
  const bool given = path.is_absolute() || name.front() == '/';
  const bool ending = capabilities().platform == "windows" && path.extension() != ".exe";
  return std::filesystem::absolute((given ? name : binDirectory() + "/" + name) + (ending ? ".exe" : "")).string();
}

Directory::Directory() {
  static int number = 0;
  const auto base = std::filesystem::temp_directory_path() /
                    ("artel-test-" + std::to_string(Worker::processId()) + "-" + std::to_string(++number));
  std::filesystem::remove_all(base);
  std::filesystem::create_directories(base);
  path_ = std::filesystem::canonical(base).string();
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool Directory::has(const std::string& name) const {
  std::error_code failed;
  return std::filesystem::exists(std::filesystem::symlink_status(file(name), failed));
}

std::string Directory::read(const std::string& name) const {
  std::ifstream stream(file(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Program::State {
  std::optional<Directory> ownDirectory;  // outlives the process
  OwnLoop own;
  uv_process_t process{};
  uv_pipe_t out{}, err{};
  std::string outText, errText;
  std::int64_t code = 0;
  int signal = 0;
  bool started = false, ended = false;
};

int Program::spawn(const std::string& file, std::vector<std::string> arguments, const Directory* directory) {
  State& s = *state_;
  uv_pipe_init(&s.own.loop, &s.out, 0);
  uv_pipe_init(&s.own.loop, &s.err, 0);
  s.out.data = &s.outText;
  s.err.data = &s.errText;
  std::vector<char*> words{const_cast<char*>(file.c_str())};
  for (std::string& word : arguments) words.push_back(word.data());
  words.push_back(nullptr);
  uv_stdio_container_t stdio[3]{};
  stdio[0].flags = UV_IGNORE;
  stdio[1].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio[1].data.stream = reinterpret_cast<uv_stream_t*>(&s.out);
  stdio[2].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio[2].data.stream = reinterpret_cast<uv_stream_t*>(&s.err);
  if (directory == nullptr) directory = &s.ownDirectory.emplace();
  uv_process_options_t options{};
  options.cwd = directory->path().c_str();
  options.file = file.c_str();
  options.args = words.data();
  options.stdio = stdio;
  options.stdio_count = 3;
  options.exit_cb = [](uv_process_t* process, std::int64_t code, int signal) {
    auto* self = static_cast<State*>(process->data);
    self->code = code;
    self->signal = signal;
    self->ended = true;
  };
  s.process.data = &s;
  const int status = uv_spawn(&s.own.loop, &s.process, &options);
  s.started = status == 0;
  s.ended = !s.started;
  return status;
}

Program::Program(const std::string& name, std::vector<std::string> arguments, const Directory* directory)
    : state_(std::make_unique<State>()) {
  const std::string file = programFile(name);
  int status = spawn(file, arguments, directory);
  // Wine does not start one of many hundreds, for a reason that it does not tell.
  if (status == UV_UNKNOWN && capabilities().platform == "windows") {
    close();
    state_ = std::make_unique<State>();
    status = spawn(file, arguments, directory);
  }
  EXPECT_EQ(status, 0) << file << ": " << uv_strerror(status);
  if (status != 0) return;
  collect(reinterpret_cast<uv_stream_t*>(&state_->out));
  collect(reinterpret_cast<uv_stream_t*>(&state_->err));
}

/// A worker that a sanitizer ended was replaced, and nobody else may have noticed. What a program on trial said is
/// quoted: that one may crash.
static bool sanitizerReported(const std::string& err) {
  std::istringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    const auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
    if (!has("it said: ") && (has("ERROR: AddressSanitizer") || has("ERROR: LeakSanitizer") ||
                              has("WARNING: ThreadSanitizer") || has("runtime error: ")))
      return true;
  }
  return false;
}

Program::~Program() {
  State& s = *state_;
  if (!s.ended) {
    uv_process_kill(&s.process, SIGTERM);
    if (!s.own.until([&] { return s.ended; }, 5s)) uv_process_kill(&s.process, 9);
    s.own.until([&] { return s.ended; }, 5s);
  }
  EXPECT_FALSE(sanitizerReported(err())) << err();
  close();
}

void Program::close() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->process), nullptr);
  hangUp();
}

bool Program::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const bool held = state_->own.until(condition, limit);
  EXPECT_TRUE(held) << "not within " << limit.count() << " ms; the program wrote:\n" << out() << err();
  return held;
}

std::uint16_t Program::port(std::size_t nth) {
  std::size_t at = 0;
  const auto line = [&] {
    at = 0;
    for (std::size_t i = 0; i <= nth; ++i) {
      at = out().find("listening ", at == 0 ? 0 : at + 1);
      if (at == std::string::npos) return false;
    }
    return out().find('\n', at) != std::string::npos;
  };
  until([&] { return line() || ended(); });
  if (!line()) {
    ADD_FAILURE() << "the program ended before it listened:\n" << out() << err();
    return 0;
  }
  const std::string text = out().substr(at, out().find('\n', at) - at);
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

const std::string& Program::out() const noexcept { return state_->outText; }
const std::string& Program::err() const noexcept { return state_->errText; }
bool Program::askToStop() { return static_cast<bool>(platform::notify(pid(), platform::Notice::stop)); }
void Program::kill() { static_cast<void>(platform::killNow(pid())); }
void Program::signal(int number) { uv_process_kill(&state_->process, number); }
int Program::pid() const noexcept { return uv_process_get_pid(&state_->process); }
void Program::hangUp() {
  for (uv_pipe_t* pipe : {&state_->out, &state_->err}) {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(pipe)) == 0)
      uv_close(reinterpret_cast<uv_handle_t*>(pipe), nullptr);
  }
  uv_run(&state_->own.loop, UV_RUN_NOWAIT);
}
bool Program::ended() const noexcept { return state_->ended; }

int Program::wait(std::chrono::milliseconds limit) {
  until([&] { return ended(); }, limit);
  if (!ended()) return -1000;
  // What it wrote last may still be in the pipes.
  state_->own.until(
      [&] {
        return !uv_is_active(reinterpret_cast<uv_handle_t*>(&state_->out)) &&
               !uv_is_active(reinterpret_cast<uv_handle_t*>(&state_->err));
      },
      2s);
  return state_->signal != 0 ? -state_->signal : static_cast<int>(state_->code);
}

bool signalProcess(int pid, int number) {
  if (pid > 0) return uv_kill(pid, number) == 0;
  ADD_FAILURE() << "there is no process to signal";  // 0 and less would mean many
  return false;
}
// One that has ended may wait long for its parent to ask how.
bool processExists(int pid) { return uv_kill(pid, 0) == 0 && platform::processState(pid) != 'Z'; }

// ---- Wire -----------------------------------------------------------------------------------------------------------

struct Wire::State {
  OwnLoop own;
  uv_tcp_t tcp{};
  uv_connect_t connecting{};
  std::string received;
  bool connected = false, ended = false;
};

Wire::Wire(std::uint16_t port) : state_(std::make_unique<State>()) {
  State& s = *state_;
  uv_tcp_init(&s.own.loop, &s.tcp);
  s.tcp.data = s.connecting.data = &s;
  sockaddr_in to{};
  uv_ip4_addr("127.0.0.1", port, &to);
  bool done = false;
  struct Both {
    State* state;
    bool* done;
  } both{&s, &done};
  s.connecting.data = &both;
  const int status = uv_tcp_connect(&s.connecting, &s.tcp, reinterpret_cast<const sockaddr*>(&to),
                                    [](uv_connect_t* request, int result) {
                                      auto* b = static_cast<Both*>(request->data);
                                      *b->done = true;
                                      b->state->connected = result == 0;
                                      b->state->ended = result != 0;
                                    });
  if (status == 0) s.own.until([&] { return done; }, 5s);
  if (!s.connected) return;
  uv_read_start(reinterpret_cast<uv_stream_t*>(&s.tcp), giveBuffer,
                [](uv_stream_t* stream, std::ptrdiff_t size, const uv_buf_t* buffer) {
                  auto* self = static_cast<State*>(stream->data);
                  if (size > 0) self->received.append(buffer->base, static_cast<std::size_t>(size));
                  if (size < 0) {
                    self->ended = true;
                    uv_read_stop(stream);
                  }
                });
}

Wire::~Wire() { uv_close(reinterpret_cast<uv_handle_t*>(&state_->tcp), nullptr); }
bool Wire::connected() const noexcept { return state_->connected; }
bool Wire::ended() const noexcept { return state_->ended; }

void Wire::send(std::string_view bytes) {
  while (!bytes.empty() && !state_->ended) {
    uv_buf_t buffer = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    const int sent = uv_try_write(reinterpret_cast<uv_stream_t*>(&state_->tcp), &buffer, 1);
    if (sent > 0)
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (sent != UV_EAGAIN)
      return;
    else
      uv_run(&state_->own.loop, UV_RUN_ONCE);
  }
}

std::string Wire::receive(const std::function<bool(const std::string&)>& enough, std::chrono::milliseconds limit) {
  state_->own.until([&] { return enough(state_->received) || state_->ended; }, limit);
  return std::exchange(state_->received, {});
}

std::string get(std::uint16_t port, const std::string& path, std::chrono::milliseconds limit) {
  Wire wire(port);
  if (!wire.connected()) return "";
  wire.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return wire.receive([&](const std::string& bytes) { return wholeAnswer(bytes); }, limit);
}

std::string bodyOf(const std::string& answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == std::string::npos ? "" : answer.substr(head + 4);
}

}  // namespace artel::testing
