#include "src/worker/traffic_log.hpp"

#include <algorithm>
#include <exception>

#include "artel/hex.hpp"
#include "artel/log.hpp"

namespace artel::traffic {

namespace {

constexpr std::size_t perLine = 16;

std::string bytesText(std::size_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

std::string place(std::size_t at) {
  const char high = static_cast<char>(at >> 8 & 0xff), low = static_cast<char>(at & 0xff);
  return toHex({&high, 1}) + toHex({&low, 1});
}

}  // namespace

bool loggedBy(const Worker& worker) noexcept { return worker.logTraffic || log::level() == log::Level::trace; }

std::string dump(std::string_view bytes, std::size_t most) {
  const std::size_t size = std::min(bytes.size(), most);
  std::string text;
  for (std::size_t at = 0; at < size; at += perLine) {
    const std::string_view line = bytes.substr(at, std::min(perLine, size - at));
    text += (at > 0 ? "\n  " : "  ") + place(at) + " ";
    for (std::size_t i = 0; i < perLine; ++i) {
      if (i % 8 == 0) text += ' ';
      text += i < line.size() ? toHex(line.substr(i, 1)) + " " : "   ";
    }
    text += ' ';
    for (const char c : line) text += c >= ' ' && c <= '~' ? c : '.';
  }
  if (size < bytes.size()) text += "\n  ... and " + bytesText(bytes.size() - size) + " more";
  return text;
}

void write(std::string_view who, std::string_view what, std::string_view bytes) noexcept {
  try {
    log::info(std::string(who) + " " + std::string(what) + " " + bytesText(bytes.size()) +
              (bytes.empty() ? "" : "\n" + dump(bytes)));
  } catch (const std::exception&) {  // no memory for a line of the log: the bytes themselves go on
    return;
  }
}

}  // namespace artel::traffic
