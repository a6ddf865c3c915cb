// Signals by name, and the two that are ours.
#pragma once

#include <signal.h>

#include <string_view>

namespace artel::platform {

/// "SEGV"; "" for one that has no name here.
constexpr std::string_view signalName(int number) noexcept {
  switch (number) {
#define ARTEL_SIGNAL(name) \
  case SIG##name:          \
    return #name
    ARTEL_SIGNAL(HUP);
    ARTEL_SIGNAL(INT);
    ARTEL_SIGNAL(QUIT);
    ARTEL_SIGNAL(ILL);
    ARTEL_SIGNAL(TRAP);
    ARTEL_SIGNAL(ABRT);
    ARTEL_SIGNAL(BUS);
    ARTEL_SIGNAL(FPE);
    ARTEL_SIGNAL(KILL);
    ARTEL_SIGNAL(USR1);
    ARTEL_SIGNAL(SEGV);
    ARTEL_SIGNAL(USR2);
    ARTEL_SIGNAL(PIPE);
    ARTEL_SIGNAL(ALRM);
    ARTEL_SIGNAL(TERM);
    ARTEL_SIGNAL(XCPU);
    ARTEL_SIGNAL(XFSZ);
    ARTEL_SIGNAL(SYS);
#undef ARTEL_SIGNAL
    default:
      return "";
  }
}

#ifdef SIGRTMIN
/// To a worker: its master has died; show your stack. (SIGRTMIN is a call in the C library.)
inline int parentDiedSignal() noexcept { return SIGRTMIN; }
inline int traceSignal() noexcept { return SIGRTMIN + 1; }
#endif

/// Whether the master has been told something by a signal that Supervisor::wait() has not returned yet.
bool noticeWaits();
/// The noticeSignals() of platform.hpp.
sigset_t noticeSet() noexcept;
/// In a worker before its signals are unblocked: the trace signal, which would end it, does nothing until
/// answerTraces().
void expectTraces() noexcept;
/// Whether the action of this signal is one that the program has chosen and a worker keeps: a crash handler.
bool isUsersCrashHandler(int number) noexcept;

}  // namespace artel::platform
