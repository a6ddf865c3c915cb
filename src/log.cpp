#include "src/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "artel/log.hpp"
#include "platform/fixed_text.hpp"
#include "platform/platform.hpp"

namespace artel::log {

namespace {

std::string& who() {
  static std::string name;
  return name;
}

spdlog::level::level_enum spdlogLevel(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      break;
  }
  return spdlog::level::off;
}

/// One write per line, so that the lines of several processes do not mix. Standard error is whatever it is at that
/// moment: it may be redirected while the program runs, which spdlog's own sink does not notice on Windows.
class Everywhere final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    line_.clear();
    formatter_->format(message, line_);
    const Targets& to = targets();
    if (to.standardError) {
      std::fwrite(line_.data(), 1, line_.size(), stderr);
      std::fflush(stderr);
    }
    if (to.file != -1) toFile(to.file, {line_.data(), line_.size()});
    if (to.launcher != -1 && message.level >= spdlog::level::warn)
      static_cast<void>(platform::appendTo(to.launcher, {line_.data(), line_.size()}));  // it may have gone
  }
  /// A disk may be full for a while. What was lost then is said as soon as there is room.
  void toFile(std::intptr_t file, std::string_view line) {
    if (lost_ > 0) {
      const std::string gap = "(" + std::to_string(lost_) + (lost_ == 1 ? " line" : " lines") +
                              " could not be written here, by " + who() + ")\n";
      if (platform::appendTo(file, gap)) lost_ = 0;
    }
    if (!platform::appendTo(file, line)) ++lost_;
  }
  void flush_() override { std::fflush(stderr); }

  spdlog::memory_buf_t line_;
  std::uint64_t lost_ = 0;
};

/// Synchronous: no thread that a fork would lose. Not in spdlog's registry: that is the user's.
spdlog::logger& logger() {
  static const auto made = [] {
    auto one = std::make_unique<spdlog::logger>("artel", std::make_shared<Everywhere>());
    one->set_pattern("%Y-%m-%d %H:%M:%S.%e %v");
    one->flush_on(spdlog::level::trace);
    return one;
  }();
  return *made;
}

Level current = Level::info;

/// Our own names: spdlog's are "warning" and "critical".
constexpr std::string_view names[] = {"trace", "debug", "info ", "warn ", "error", ""};

std::chrono::seconds utcOffset{0};

/// What the local clock shows is ahead of UTC by this.
std::chrono::seconds offsetNow() {
  using namespace std::chrono;
  const std::time_t now = std::time(nullptr);
  const std::tm* local = std::localtime(&now);
  if (local == nullptr) return seconds{0};
  const sys_days day = year{local->tm_year + 1900} / (local->tm_mon + 1) / local->tm_mday;
  const auto shown = day + hours(local->tm_hour) + minutes(local->tm_min) + seconds(local->tm_sec);
  return shown.time_since_epoch() - seconds(now);
}

}  // namespace

Targets& targets() noexcept {
  static Targets all;
  return all;
}

std::string spdlogVersion() {
  return std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) + "." +
         std::to_string(SPDLOG_VER_PATCH);
}

void setWho(std::string name) {
  who() = std::move(name);
  utcOffset = offsetNow();
}

void setLevel(Level level) noexcept {
  current = level;
  logger().set_level(spdlogLevel(level));
}

Level level() noexcept { return current; }

void write(Level level, std::string_view line) {
  if (level < current) return;
  logger().log(spdlogLevel(level), "{} {}{}{}", names[static_cast<int>(level)], who(), who().empty() ? "" : " ", line);
}

void writeInHandler(Level level, std::string_view line) noexcept {
  if (level < current) return;
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now()) + utcOffset;
  const auto today = floor<days>(now);
  const year_month_day date(today);
  const hh_mm_ss time(now - today);
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  static platform::FixedText<32 * 1024> text;
  text.clear();
  text.add(number(static_cast<int>(date.year())), 4).add("-");
  text.add(static_cast<unsigned>(date.month()), 2).add("-").add(static_cast<unsigned>(date.day()), 2).add(" ");
  text.add(number(time.hours().count()), 2).add(":").add(number(time.minutes().count()), 2).add(":");
  text.add(number(time.seconds().count()), 2).add(".").add(number(time.subseconds().count()), 3).add(" ");
  text.add(names[static_cast<int>(level)]).add(" ").add(who()).add(who().empty() ? "" : " ").add(line).add("\n");
  const Targets& to = targets();
  if (to.standardError) static_cast<void>(platform::appendToStandardError(text.view()));
  if (to.file != -1) static_cast<void>(platform::appendTo(to.file, text.view()));
  if (to.launcher != -1 && level >= Level::warn) static_cast<void>(platform::appendTo(to.launcher, text.view()));
}

}  // namespace artel::log
