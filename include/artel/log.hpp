// artel's log: one line per event, on stderr, with time, level, worker and process. Yours may go there too.
#pragma once

#include <string_view>

namespace artel::log {

enum class Level { trace, debug, info, warn, error, off };

/// Lines below this level are not written. Default: info.
void setLevel(Level level) noexcept;
Level level() noexcept;

void write(Level level, std::string_view line);
inline void debug(std::string_view line) { write(Level::debug, line); }
inline void info(std::string_view line) { write(Level::info, line); }
inline void warn(std::string_view line) { write(Level::warn, line); }
inline void error(std::string_view line) { write(Level::error, line); }

}  // namespace artel::log
