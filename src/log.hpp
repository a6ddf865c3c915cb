// The log's inside: who writes, and where to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "artel/log.hpp"

namespace artel::log {

/// Stands in every line: "chat/4711". Set after a fork, and once more when a process takes another part.
void setWho(std::string who);

/// Descriptors as in platform.hpp; -1 is none. The log owns none of them.
struct Targets {
  bool standardError = true;
  std::intptr_t file = -1;
  std::intptr_t launcher = -1;  ///< warnings and errors, for whoever waits for the start
};
Targets& targets() noexcept;

/// Of the spdlog that is in this program: it does not say which one was found when it started.
std::string spdlogVersion();

/// A line as write() makes it, in a signal handler: nothing is allocated, and the time is local by the offset that was
/// right when setWho() was called.
void writeInHandler(Level level, std::string_view line) noexcept;

}  // namespace artel::log
