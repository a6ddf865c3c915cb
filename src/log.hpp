// The log's inside: who writes, and where to.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace artel::log
