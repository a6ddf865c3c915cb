// What a process says when an exception ends it. The one process has no master that would ask for its stack.
//
//   access violation ... ─► the unhandled-exception filter ─► stack ─► the report given to onCrash() ─► what Windows
//   does with it: the end, with the exception's number as exit code
//
// A line of the stack is a module and an offset: the names are in a PDB file or in the program's debug information.
#include <windows.h>
// windows.h comes before these
#include <atomic>
#include <csignal>
#include <string>

#include "platform/fixed_text.hpp"
#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

using StackText = FixedText<8 * 1024>;
constexpr int deepest = 64;
constexpr ULONG forTheReport = 64 * 1024;  ///< bytes of stack that are kept for it when the stack has overflowed

void (*report)(const Crash&) noexcept = nullptr;
LPTOP_LEVEL_EXCEPTION_FILTER before = nullptr;
void (*abortBefore)(int) = SIG_DFL;
std::atomic_flag crashing = ATOMIC_FLAG_INIT;
StackText text;  // too large for a stack; of the one thread that has won

/// "chat.exe+0x12ab", whose file name is in the system's code page: only what is plain is kept of it.
void addPlace(StackText& to, DWORD64 address) noexcept {
  HMODULE module = nullptr;
  if (::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           reinterpret_cast<LPCWSTR>(address), &module) == 0) {
    to.addHex(address);
    return;
  }
  wchar_t path[MAX_PATH];
  const DWORD size = ::GetModuleFileNameW(module, path, MAX_PATH);
  DWORD name = size;
  while (name > 0 && path[name - 1] != L'\\') --name;
  for (DWORD i = name; i < size; ++i) {
    const char c = path[i] < 0x80 ? static_cast<char>(path[i]) : '?';
    to.add({&c, 1});
  }
  to.add("+").addHex(address - reinterpret_cast<DWORD64>(module));
}

void addLine(StackText& to, int number, DWORD64 address) noexcept {
  to.add("  #").add(static_cast<std::uint64_t>(number)).add(number < 10 ? "   " : "  ");
  addPlace(to, address);
  to.add("\n");
}

void addStack(StackText& to, [[maybe_unused]] CONTEXT context) noexcept {
#if defined(_M_X64) || defined(__x86_64__)
  for (int number = 0; number < deepest && context.Rip != 0; ++number) {
    addLine(to, number, context.Rip);
    DWORD64 base = 0;
    if (PRUNTIME_FUNCTION function = ::RtlLookupFunctionEntry(context.Rip, &base, nullptr); function != nullptr) {
      void* handler = nullptr;
      DWORD64 frame = 0;
      ::RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context.Rip, function, &context, &handler, &frame, nullptr);
    } else if (number == 0 && context.Rsp != 0) {  // a call to nowhere, or a function that has no frame
      context.Rip = *reinterpret_cast<const DWORD64*>(context.Rsp);
      context.Rsp += sizeof(DWORD64);
    } else {
      break;
    }
  }
#else
  void* addresses[deepest];
  const USHORT count = ::RtlCaptureStackBackTrace(0, deepest, addresses, nullptr);
  for (USHORT i = 0; i < count; ++i) addLine(to, i, reinterpret_cast<std::uintptr_t>(addresses[i]));
#endif
}

std::string_view signalOf(DWORD code) noexcept {
  switch (code) {
    case EXCEPTION_ACCESS_VIOLATION:
    case EXCEPTION_STACK_OVERFLOW:
    case EXCEPTION_IN_PAGE_ERROR:
      return "SEGV";
    case EXCEPTION_INT_DIVIDE_BY_ZERO:
    case EXCEPTION_FLT_DIVIDE_BY_ZERO:
    case EXCEPTION_FLT_INVALID_OPERATION:
      return "FPE";
    case EXCEPTION_ILLEGAL_INSTRUCTION:
    case EXCEPTION_PRIV_INSTRUCTION:
      return "ILL";
    default:
      return "none";
  }
}

void say(std::string_view signal, std::string_view detail, const CONTEXT& context) noexcept {
  if (report == nullptr || crashing.test_and_set()) return;  // another thread is at it, or the report has crashed
  text.clear();
  addStack(text, context);
  report({signal, detail, text.view()});
}

LONG WINAPI onException(EXCEPTION_POINTERS* pointers) {
  const EXCEPTION_RECORD& record = *pointers->ExceptionRecord;
  FixedText<64> detail;
  detail.add("(exception ").addHex(record.ExceptionCode).add(")");
  if (record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record.NumberParameters > 1)
    detail.add(" at address ").addHex(record.ExceptionInformation[1]);
  say(signalOf(record.ExceptionCode), detail.view(), *pointers->ContextRecord);
  return before != nullptr ? before(pointers) : EXCEPTION_CONTINUE_SEARCH;
}

void onAbort(int) {
  CONTEXT context{};
  ::RtlCaptureContext(&context);
  say("ABRT", "", context);
}

}  // namespace

void onCrash(void (*newReport)(const Crash&) noexcept) noexcept {
  const bool first = report == nullptr;
  report = newReport;
  if (!first) return;
  ULONG kept = forTheReport;
  ::SetThreadStackGuarantee(&kept);
  before = ::SetUnhandledExceptionFilter(onException);
  abortBefore = std::signal(SIGABRT, onAbort);
}

void allowCoreDumps(bool) noexcept {}

void offCrash() noexcept {
  if (report == nullptr) return;
  report = nullptr;
  ::SetUnhandledExceptionFilter(before);
  std::signal(SIGABRT, abortBefore == SIG_ERR ? SIG_DFL : abortBefore);
}

void answerTraces(void (*)(std::string_view) noexcept) noexcept {}

Result<void> askTrace(Pid) { return unsupported(); }

std::string demangled(std::string_view stack) { return std::string(stack); }

}  // namespace artel::platform
