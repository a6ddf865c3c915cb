// The log's inside: who writes.
#pragma once

#include <string>

namespace artel::log {

/// Stands in every line: "chat/4711". Set after a fork, and once more when a process takes another part.
void setWho(std::string who);

}  // namespace artel::log
