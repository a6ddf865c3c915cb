#include "src/master/human.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace artel::human {

namespace {

std::string format(const char* how, double value) {
  char text[32];
  std::snprintf(text, sizeof text, how, value);
  return text;
}

/// One decimal below 100, none above; a value that would be rounded to the next unit belongs there already.
std::string scaled(double value, double step, const std::array<std::string_view, 6>& units) {
  std::size_t unit = 0;
  while (unit + 1 < units.size() && value >= step * (unit == 0 ? 1 : 0.9995)) {
    value /= step;
    ++unit;
  }
  return format(unit == 0 || value >= 99.95 ? "%.0f" : "%.1f", value) + std::string(units[unit]);
}

}  // namespace

std::string count(std::uint64_t n) {
  if (n >= 100'000) return scaled(static_cast<double>(n), 1000, {"", "K", "M", "G", "T", "P"});
  std::string text = std::to_string(n);
  if (text.size() > 3) text.insert(text.size() - 3, ",");
  return text;
}

std::string counted(std::uint64_t n, const std::string& one, const std::string& many) {
  return count(n) + " " + (n == 1 ? one : many);
}

std::string bytes(std::uint64_t n) { return scaled(static_cast<double>(n), 1024, {"B", "K", "M", "G", "T", "P"}); }

std::string bytesPerSecond(double rate) {
  return bytes(static_cast<std::uint64_t>(std::clamp(rate, 0.0, 1e18))) + "/s";
}

std::string duration(std::chrono::nanoseconds time) {
  const double ns = static_cast<double>(std::max<std::int64_t>(time.count(), 0));
  if (ns < 99'500) return format("%.0fus", std::max(ns / 1e3, ns > 0 ? 1.0 : 0.0));
  if (ns < 9.95e6) return format("%.1fms", ns / 1e6);
  if (ns < 999.5e6) return format("%.0fms", ns / 1e6);
  if (ns < 99.95e9) return format("%.1fs", ns / 1e9);
  return age(std::chrono::duration_cast<std::chrono::milliseconds>(time));
}

std::string age(std::chrono::milliseconds time) {
  const auto seconds = std::max<std::int64_t>(time.count(), 0) / 1000;
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string uptime(std::chrono::milliseconds time) {
  const auto seconds = std::max<std::int64_t>(time.count(), 0) / 1000;
  char text[64];
  if (seconds >= 86400)
    std::snprintf(text, sizeof text, "%lldd %02d:%02d", static_cast<long long>(seconds / 86400),
                  static_cast<int>(seconds / 3600 % 24), static_cast<int>(seconds / 60 % 60));
  else
    std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                  static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text;
}

}  // namespace artel::human
