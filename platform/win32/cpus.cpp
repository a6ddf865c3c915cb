#include <windows.h>
// windows.h comes before these
#include <bit>
#include <cstdint>

#include "platform/platform.hpp"

namespace artel::platform {

int usableCpus(const std::string&) {
  DWORD_PTR ours = 0, all = 0;
  if (::GetProcessAffinityMask(::GetCurrentProcess(), &ours, &all) != 0 && ours != 0) {
    return std::popcount(static_cast<std::uint64_t>(ours));
  }
  // 0 is the answer for a process in several groups of 64.
  const DWORD count = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  return count == 0 ? 1 : static_cast<int>(count);
}

}  // namespace artel::platform
