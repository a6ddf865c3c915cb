// The wire log: what goes over a connection, into the log (Worker::logTraffic, row 1.14.4).
#pragma once

#include <string>
#include <string_view>

#include "artel/worker.hpp"

namespace artel::traffic {

/// Of one arrival, or of what is sent at once; the rest is counted.
inline constexpr std::size_t mostBytes = 512;

/// Whether connections of this Worker are logged from their beginning.
bool loggedBy(const Worker& worker) noexcept;
/// "#7 203.0.113.7:5000 received 34 bytes" and the dump. Also when log lines of that level are off it only costs time.
void write(std::string_view who, std::string_view what, std::string_view bytes) noexcept;
/// Lines of 16 bytes: place, hexadecimal, text. Each but the last ends with a newline.
std::string dump(std::string_view bytes, std::size_t most = mostBytes);

}  // namespace artel::traffic
