// Numbers as people read them on a screen; machines get plain ones (--json). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace artel::human {

/// "0", "1,204", "99,999", "812.0K", "9.1M", "2.0G".
std::string count(std::uint64_t n);
/// "1 process", "1,204 processes".
std::string counted(std::uint64_t n, const std::string& one, const std::string& many);
/// "0B", "512B", "18.2K", "1.4M", "31M", "2.0G" (of 1,024).
std::string bytes(std::uint64_t n);
/// "0B/s", "12.4M/s".
std::string bytesPerSecond(double rate);
/// "12us", "0.8ms", "120ms", "2.4s", "3m", "2h".
std::string duration(std::chrono::nanoseconds time);
/// One unit: "4s", "11m", "3h", "12d".
std::string age(std::chrono::milliseconds time);
/// "00:03:07", "12d 04:11".
std::string uptime(std::chrono::milliseconds time);

}  // namespace artel::human
