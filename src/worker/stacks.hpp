// Where a worker is: told to the master when a signal ends it, and whenever the master asks. Both happen in a signal
// handler, so that a callback that never returns does not keep it from answering.
//
//   crashMessage   signal SEGV at address 0x10, in onMessage of connection 7 <newline> stack
//   stackMessage   StackAnswer: what it has done so far <newline> stack
//
// Names of functions are as the linker has them: the master, which may allocate, makes them readable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/platform.hpp"

namespace artel {

struct StackAnswer {
  std::uint64_t progress = 0;  ///< differs when a callback has returned, or a message was handed out, in between
  std::string_view stack;
  static std::optional<StackAnswer> parse(std::string_view body) noexcept;
};

namespace stacks {

/// To the master at the other end, which must stay where it is until reportNoMore(). What it does not take is written
/// to the log by this process itself.
void reportTo(const platform::Channel& channel) noexcept;
void reportNoMore() noexcept;
/// In the one process of a system without worker processes: into the log.
void reportAlone() noexcept;
/// In the master: into the log.
void reportOfMaster() noexcept;

}  // namespace stacks
}  // namespace artel
