// Programs beside each other: CreateProcess, a pipe for each, and one completion port to which all that happens comes.
#include <windows.h>
// windows.h comes before these
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
    std::array<char, 16384> bytes{};
    std::optional<ChildExit> exit;  ///< not told yet
    bool ended = false, closed = false;
  };
  // What comes to the port: a child's OVERLAPPED, or one of these.
  OVERLAPPED ended{}, noticed{};
  OwnedHandle port{::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1)};
  OwnedHandle job{::CreateJobObjectW(nullptr, nullptr)};
  std::vector<std::unique_ptr<Child>> children;
  bool stopAsked = false;

  /// What it has printed is in the pipe when its end is told, but may be read a moment later.
  bool lastWordsWanted() const {
    for (const auto& child : children) {
      if (child->exit && !child->closed) return true;
    }
    return false;
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
  const std::wstring file = words.empty() ? L"" : fileOf(words.front());
  if (file.empty()) return systemError(ERROR_FILE_NOT_FOUND);
  std::wstring line;
  for (const std::string& word : words) line += (line.empty() ? L"" : L" ") + quoted(toWide(word));
  auto child = std::make_unique<State::Child>();
  child->state = state_.get();
  Pipe pipe = openPipe();
  const OwnedHandle nothing = openNothing();
  if (!pipe.theirs || !nothing) return failed();
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
  ::AssignProcessToJobObject(state_->job.get(), child->process.get());
  child->stopEvent = OwnedHandle(stopEventOf(child->pid));
  child->output = std::move(pipe.ours);
  const auto key = reinterpret_cast<ULONG_PTR>(child.get());
  ::CreateIoCompletionPort(child->output.get(), state_->port.get(), key, 0);
  state_->read(*child);
  ::RegisterWaitForSingleObject(
      &child->waiting, child->process.get(),
      [](void* of, BOOLEAN) {
        auto* ended = static_cast<State::Child*>(of);
        ::PostQueuedCompletionStatus(ended->state->port.get(), 0, reinterpret_cast<ULONG_PTR>(ended),
                                     &ended->state->ended);
      },
      child.get(), INFINITE, WT_EXECUTEONLYONCE);
  ::ResumeThread(thread.get());
  state_->children.push_back(std::move(child));
  return state_->children.back()->pid;
}

Programs::Wakeup Programs::wait(std::chrono::milliseconds timeout) {
  Wakeup wakeup;
  constexpr DWORD lastWords = 100;  // milliseconds; its own children may hold the pipe for longer
  DWORD left = timeout.count() <= 0 ? 0 : static_cast<DWORD>(timeout.count());
  // The first may be waited for; what else is there already comes with it.
  for (;;) {
    DWORD size = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* what = nullptr;
    const bool ok = ::GetQueuedCompletionStatus(state_->port.get(), &size, &key, &what, left) != 0;
    if (what == nullptr) break;
    state_->take(key, what, size, ok, wakeup);
    left = state_->lastWordsWanted() ? lastWords : 0;
    if (wakeup.notice) break;
  }
  for (const auto& child : state_->children) {
    if (child->exit) wakeup.news.push_back({child->pid, "", std::exchange(child->exit, std::nullopt)});
  }
  std::erase_if(state_->children, [](const std::unique_ptr<State::Child>& child) {
    if (!child->ended || !child->closed) return false;
    ::UnregisterWaitEx(child->waiting, INVALID_HANDLE_VALUE);
    return true;
  });
  return wakeup;
}

}  // namespace artel::platform
