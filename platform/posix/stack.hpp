// The calls that led to here, as text. All of it may run in a signal handler: nothing is allocated, no lock is taken
// that this thread may hold.
#pragma once

#include "platform/fixed_text.hpp"

namespace artel::platform {

using StackText = FixedText<20 * 1024>;

/// Once, before the first crash: finds out what a handler cannot, and lets the unwinder do what it does only once.
void prepareStacks() noexcept;
/// In a signal handler: the stack of what it has interrupted. A line a call, the innermost first, then how to get the
/// lines of the source.
void addStack(StackText& text) noexcept;

}  // namespace artel::platform
