// Programs beside each other: CreateProcess, a pipe for each, and one completion port to which all that happens comes.
#include <windows.h>
// windows.h comes before these
#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/stop_event.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
/// Not in the unnamed namespace: State, which has a name outside, is made of it.
class OwnedHandle {
 public:
  OwnedHandle() = default;
  explicit OwnedHandle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  OwnedHandle(OwnedHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  OwnedHandle& operator=(OwnedHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  OwnedHandle(const OwnedHandle&) = delete;
  OwnedHandle& operator=(const OwnedHandle&) = delete;
  ~OwnedHandle() { close(); }
  void close() {
    if (handle_ != nullptr) ::CloseHandle(std::exchange(handle_, nullptr));
  }
  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  HANDLE handle_ = nullptr;
};

namespace {

using Clock = std::chrono::steady_clock;

/// What one call of wait takes: others want to be heard, too, and a notice acted upon.
constexpr std::size_t mostOfAWait = std::size_t{256} * 1024;
constexpr std::size_t mostOfARead = 16384;
/// How long after a program's end its last words may come. Its own children may hold the pipe for longer.
constexpr std::chrono::milliseconds forLastWords{100};

/// As CommandLineToArgvW and the C library take it apart: backslashes mean something before a quote only.
std::wstring quoted(const std::wstring& word) {
  if (!word.empty() && word.find_first_of(L" \t\n\v\"") == std::wstring::npos) return word;
  std::wstring text = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : word) {
    if (c == L'"') text.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    text += c;
  }
  return text.append(backslashes, L'\\') + L'"';
}

std::wstring fileOf(const std::string& word) {
  std::wstring path(32768, L'\0');  // the longest that there is
  const auto size =
      ::SearchPathW(nullptr, toWide(word).c_str(), L".exe", static_cast<DWORD>(path.size()), path.data(), nullptr);
  path.resize(size < path.size() ? size : 0);
  return path;
}

struct Pipe {
  OwnedHandle ours, theirs;
};

/// An anonymous pipe cannot be read without waiting; a named one that nobody else can open is the same.
Pipe openPipe() {
  static unsigned number = 0;
  const std::wstring name =
      L"\\\\.\\pipe\\artel-" + std::to_wstring(::GetCurrentProcessId()) + L"-" + std::to_wstring(++number);
  Pipe pipe;
  pipe.ours = OwnedHandle(
      ::CreateNamedPipeW(name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                         PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, 64 * 1024, 0, nullptr));
  if (!pipe.ours) return pipe;
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  pipe.theirs = OwnedHandle(::CreateFileW(name.c_str(), GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, &inherited,
                                          OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  return pipe;
}

OwnedHandle openNothing() {
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return OwnedHandle(::CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING,
                                   FILE_ATTRIBUTE_NORMAL, nullptr));
}

/// What a new process is told, with the only handles that it inherits.
class StartUp {
 public:
  StartUp(HANDLE input, HANDLE output) : handles_{input, output} {
    info.StartupInfo.cb = sizeof info;
    info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    info.StartupInfo.hStdInput = input;
    info.StartupInfo.hStdOutput = info.StartupInfo.hStdError = output;
    SIZE_T size = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    memory_.resize(size);
    info.lpAttributeList = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
    ready_ = ::InitializeProcThreadAttributeList(info.lpAttributeList, 1, 0, &size) != 0;
    ::UpdateProcThreadAttribute(info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                sizeof handles_, nullptr, nullptr);
  }
  StartUp(const StartUp&) = delete;
  StartUp& operator=(const StartUp&) = delete;
  ~StartUp() {
    if (ready_) ::DeleteProcThreadAttributeList(info.lpAttributeList);
  }
  STARTUPINFOEXW info{};

 private:
  std::array<HANDLE, 2> handles_;
  std::vector<std::byte> memory_;
  bool ready_ = false;
};

}  // namespace

struct Programs::State {
  struct Child {
    State* state = nullptr;
    Pid pid = 0;
    OwnedHandle process, stopEvent, output;
    HANDLE waiting = nullptr;
    OVERLAPPED reading{};
    std::array<char, mostOfARead> bytes{};
    std::optional<ChildExit> exit;  ///< not told yet
    Clock::time_point tellAt{};     ///< the exit, whether all of the output has come or not
    bool ended = false, closed = false;
  };
  // What comes to the port: a child's OVERLAPPED, or one of these.
  OVERLAPPED ended{}, noticed{};
  OwnedHandle port{::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1)};
  OwnedHandle job{::CreateJobObjectW(nullptr, nullptr)};
  std::vector<std::unique_ptr<Child>> children;
  bool stopAsked = false;

  /// Until when to wait; what a program printed is in the pipe when it ends, but may be read a moment later.
  Clock::time_point until(Clock::time_point end) const {
    for (const auto& child : children) {
      if (child->exit) end = std::min(end, child->closed ? Clock::time_point{} : child->tellAt);
    }
    return end;
  }
  /// From now on its end comes to the port, and what is read from it.
  bool watch(Child& child) {
    child.stopEvent = OwnedHandle(stopEventOf(child.pid));
    return child.stopEvent && ::AssignProcessToJobObject(job.get(), child.process.get()) != 0 &&
           ::CreateIoCompletionPort(child.output.get(), port.get(), reinterpret_cast<ULONG_PTR>(&child), 0) !=
               nullptr &&
           ::RegisterWaitForSingleObject(
               &child.waiting, child.process.get(),
               [](void* of, BOOLEAN) {
                 auto* gone = static_cast<Child*>(of);
                 ::PostQueuedCompletionStatus(gone->state->port.get(), 0, reinterpret_cast<ULONG_PTR>(gone),
                                              &gone->state->ended);
               },
               &child, INFINITE, WT_EXECUTEONLYONCE) != 0;
  }
  void read(Child& child) {
    child.reading = {};
    if (::ReadFile(child.output.get(), child.bytes.data(), static_cast<DWORD>(child.bytes.size()), nullptr,
                   &child.reading) == 0 &&
        ::GetLastError() != ERROR_IO_PENDING)
      child.closed = true;
  }
  void take(ULONG_PTR key, OVERLAPPED* what, DWORD size, bool ok, Wakeup& into) {
    if (what == &noticed) {
      into.notice = std::exchange(stopAsked, true) ? Notice::stopNow : Notice::stop;
      return;
    }
    Child& child = *reinterpret_cast<Child*>(key);
    if (what == &ended) {
      child.ended = true;
      DWORD code = 0;
      ::GetExitCodeProcess(child.process.get(), &code);
      child.exit = ChildExit{child.pid, static_cast<int>(code), 0, false};
      child.tellAt = Clock::now() + forLastWords;
      return;
    }
    if (size > 0) into.news.push_back({child.pid, std::string(child.bytes.data(), size), {}});
    if (ok)
      read(child);
    else
      child.closed = true;
  }
};

Programs::Programs() : state_(std::make_unique<State>()) {
  // Whatever ends this process, the system closes the job with it.
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  ::SetInformationJobObject(state_->job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits);
  onNotice([state = state_.get()](Notice) { ::PostQueuedCompletionStatus(state->port.get(), 0, 0, &state->noticed); },
           true);
}

Programs::~Programs() {
  onNotice(nullptr);
  for (const auto& child : state_->children) {
    ::TerminateProcess(child->process.get(), static_cast<UINT>(Exit::deadlinePassed));
    ::UnregisterWaitEx(child->waiting, INVALID_HANDLE_VALUE);
    if (child->closed) continue;
    ::CancelIoEx(child->output.get(), &child->reading);
    DWORD size = 0;
    ::GetOverlappedResult(child->output.get(), &child->reading, &size, TRUE);  // it writes into what is freed now
  }
}

Result<Pid> Programs::start(const std::vector<std::string>& words) {
  const auto failed = [] { return systemError(static_cast<int>(::GetLastError())); };
  if (!state_->port || !state_->job) return systemError(ERROR_NO_SYSTEM_RESOURCES);  // the constructor could not say so
  const std::wstring file = words.empty() ? L"" : fileOf(words.front());
  if (file.empty()) return systemError(ERROR_FILE_NOT_FOUND);
  std::wstring line;
  for (const std::string& word : words) line += (line.empty() ? L"" : L" ") + quoted(toWide(word));
  auto child = std::make_unique<State::Child>();
  child->state = state_.get();
  Pipe pipe = openPipe();
  if (!pipe.theirs) return failed();
  const OwnedHandle nothing = openNothing();
  if (!nothing) return failed();
  StartUp startUp(nothing.get(), pipe.theirs.get());
  PROCESS_INFORMATION process{};
  // Suspended: it is in the job, and its stop event is there, before it does anything.
  if (::CreateProcessW(file.c_str(), line.data(), nullptr, nullptr, TRUE,
                       CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | EXTENDED_STARTUPINFO_PRESENT, nullptr, nullptr,
                       &startUp.info.StartupInfo, &process) == 0)
    return failed();
  const OwnedHandle thread(process.hThread);
  child->process = OwnedHandle(process.hProcess);
  child->pid = static_cast<Pid>(process.dwProcessId);
  child->output = std::move(pipe.ours);
  if (!state_->watch(*child)) {
    const Error error = failed();
    ::TerminateProcess(child->process.get(), static_cast<UINT>(Exit::failed));  // it has not begun, and nobody hears it
    return error;
  }
  state_->read(*child);
  ::ResumeThread(thread.get());
  state_->children.push_back(std::move(child));
  return state_->children.back()->pid;
}

Programs::Wakeup Programs::wait(std::chrono::milliseconds timeout) {
  Wakeup wakeup;
  const auto end = Clock::now() + std::max(timeout, std::chrono::milliseconds(0));
  std::size_t taken = 0;
  bool first = true;
  // The first may be waited for; what else is there already comes with it, and so do last words.
  while (taken + mostOfARead <= mostOfAWait && !wakeup.notice) {
    constexpr auto none = Clock::time_point::max();
    const auto until = state_->until(first ? end : none);
    const auto left = until == none ? std::chrono::milliseconds(0)
                                    : std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    DWORD size = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* what = nullptr;
    const bool ok = ::GetQueuedCompletionStatus(state_->port.get(), &size, &key, &what,
                                                left.count() <= 0 ? 0 : static_cast<DWORD>(left.count())) != 0;
    if (what == nullptr) break;
    first = false;
    taken += std::max<std::size_t>(size, 4096);  // single bytes would come one by one for as long
    state_->take(key, what, size, ok, wakeup);
  }
  const auto now = Clock::now();
  for (const auto& child : state_->children) {
    if (child->exit && (child->closed || child->tellAt <= now))
      wakeup.news.push_back({child->pid, "", std::exchange(child->exit, std::nullopt)});
  }
  std::erase_if(state_->children, [](const std::unique_ptr<State::Child>& child) {
    if (!child->ended || !child->closed) return false;
    ::UnregisterWaitEx(child->waiting, INVALID_HANDLE_VALUE);
    return true;
  });
  return wakeup;
}

}  // namespace artel::platform
