#include "src/master/live_view.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace artel {

namespace {

constexpr const char *enter = "\x1b[?1049h\x1b[?25l", *leave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view wayOut = "Press Ctrl+C to quit.";

bool put(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

/// The terminal as long as this lives: another page of it, without a cursor.
struct LivePage {
  explicit LivePage(bool terminal) : terminal_(terminal) {
    if (terminal_) put(enter);
  }
  ~LivePage() {
    if (terminal_) put(leave);
  }
  LivePage(const LivePage&) = delete;
  LivePage& operator=(const LivePage&) = delete;

 private:
  bool terminal_;
};

}  // namespace

std::string liveFrame(const std::string& screen, const platform::Terminal& terminal) {
  if (!terminal.isTerminal) return screen;
  std::string frame = "\x1b[H";
  const int most = std::max(terminal.height, 3) - 2;  // an empty line and the way out
  const auto lines = static_cast<int>(std::count(screen.begin(), screen.end(), '\n'));
  std::size_t begin = 0;
  for (int line = 0; line < std::min(lines, most); ++line) {
    const std::size_t end = screen.find('\n', begin);
    if (line + 1 == most && lines > most) {
      frame += "... " + std::to_string(lines - most + 1) + " lines more\x1b[K\n";
      break;
    }
    frame += screen.substr(begin, end - begin) + "\x1b[K\n";
    begin = end + 1;
  }
  return frame + "\x1b[K\n" + std::string(wayOut) + "\x1b[K\x1b[J";
}

bool runLive(const std::function<std::optional<std::string>(const platform::Terminal&)>& next) {
  using Clock = std::chrono::steady_clock;
  platform::Supervisor signals;  // before the page: nothing may end this process in between
  const LivePage page(platform::standardOutput().isTerminal);
  auto due = Clock::now();
  for (;;) {
    const platform::Terminal terminal = platform::standardOutput();
    const auto screen = next(terminal);
    if (!screen) return false;
    if (!put(liveFrame(*screen, terminal))) return true;
    due = std::max(due + std::chrono::seconds(1), Clock::now());
    for (auto left = due - Clock::now(); left.count() > 0; left = due - Clock::now()) {
      const auto wakeup = signals.wait({}, std::chrono::ceil<std::chrono::milliseconds>(left));
      if (!wakeup.notice) continue;
      using platform::Notice;
      const Notice notice = *wakeup.notice;
      if (notice == Notice::stop || notice == Notice::stopNow || notice == Notice::stopGracefully) return true;
    }
  }
}

}  // namespace artel
