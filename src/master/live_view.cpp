#include "src/master/live_view.hpp"

#include <algorithm>

#include "src/master/connections_screen.hpp"
#include "src/master/human.hpp"
#include "src/master/sparkline.hpp"
#include "src/master/text_table.hpp"

namespace artel {

namespace {

constexpr char escape = '\x1b';

std::string nextWorker(const std::string& now, const std::vector<std::string>& workers) {
  if (now.empty()) return workers.empty() ? "" : workers.front();
  const auto at = std::find(workers.begin(), workers.end(), now);
  return at == workers.end() || at + 1 == workers.end() ? "" : *(at + 1);
}

void keep(std::vector<std::uint64_t>& history, std::uint64_t value) {
  if (history.size() >= LiveState::longestHistory) history.erase(history.begin());
  history.push_back(value);
}

/// Two columns more for each sample, as soon as the rest of the header has its place.
std::size_t samplesOf(int width) {
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::max(width, 0)) / 2, 52, 44 + LiveState::longestHistory) -
         44;
}

std::string sparkOf(const std::vector<std::uint64_t>& history, const platform::Terminal& terminal) {
  const std::size_t shown = std::min(history.size(), samplesOf(terminal.width));
  return sparkline(std::span(history).last(shown), terminal.utf8);
}

std::string_view sortTitle(const LiveState& state) noexcept {
  const std::size_t sort = state.connections ? state.connectionSort : state.processSort;
  if (sort == 0) return "";
  return state.connections ? connectionsSorts()[sort - 1].title : statusSorts()[sort - 1].title;
}

std::string titles(bool connections) {
  std::string text;
  const auto add = [&](std::string_view title) { text.append(text.empty() ? "" : ", ").append(title); };
  if (connections) {
    for (const auto& sort : connectionsSorts()) add(sort.title);
  } else {
    for (const auto& sort : statusSorts()) add(sort.title);
  }
  return text;
}

std::string helpPage(int width) {
  const auto line = [&](std::string_view key, const std::string& what) {
    return broken("  " + std::string(key) + "  " + what, width, "     ");
  };
  return line("q", "ends this; Ctrl+C does, too") +
         line("s", "sorts by the next column, largest first: " + titles(false) + "; connections by " + titles(true)) +
         line("w", "shows the next worker only, after the last one all of them") +
         line("c", "shows the connections, and the processes again") +
         line("p", "pauses and goes on; in a pause s, w and c take one new picture") +
         line("r", "reloads the service, as \"reload\" does; asks before") + "\n" +
         broken("The bars are the last redraws, from 0 to the largest of them.", width, "");
}

std::string lastLine(const LiveState& state, int width) {
  if (state.asksReload) return cutTo("Reload: new workers in place of the old? y/n", static_cast<std::size_t>(width));
  if (!state.notice.empty()) return cutTo(state.notice, static_cast<std::size_t>(width));
  if (state.help) return "Any key goes back.";
  const std::string pause = state.paused ? "p go on" : "p pause";
  const std::string back = state.connections ? "c processes" : "c connections";
  std::string line = "q quit  s sort  w worker  " + back + "  " + pause + "  r reload  ? help";
  if (line.size() <= static_cast<std::size_t>(width)) return line;
  return cutTo("q quit  ? help  keys s w c p r", static_cast<std::size_t>(width));
}

/// The part of it that fits, each line with what clears the rest of the one before.
std::string overTheLast(const std::string& text, int height) {
  std::string frame = "\x1b[H";
  const int most = std::max(height, 3) - 2;  // an empty line and the last one
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  std::size_t begin = 0;
  for (int line = 0; line < std::min(lines, most); ++line) {
    const std::size_t end = text.find('\n', begin);
    if (line + 1 == most && lines > most) {
      frame += "... " + std::to_string(lines - most + 1) + " lines more\x1b[K\n";
      break;
    }
    frame += text.substr(begin, end - begin) + "\x1b[K\n";
    begin = end + 1;
  }
  return frame + "\x1b[K\n";
}

}  // namespace

std::string_view LiveState::sort() const noexcept {
  if (connections) return connectionSort == 0 ? "" : connectionsSorts()[connectionSort - 1].name;
  return processSort == 0 ? "" : statusSorts()[processSort - 1].name;
}

LiveStep pressed(LiveState state, char key, const std::vector<std::string>& workers) {
  state.notice.clear();
  if (state.asksReload) {
    state.asksReload = false;
    return {std::move(state), key == 'y' || key == 'Y' ? LiveWish::reload : LiveWish::draw};
  }
  if (state.help) {
    state.help = false;
    return {std::move(state), LiveWish::draw};
  }
  LiveWish wish = LiveWish::draw;
  switch (key) {
    case 'q':
      wish = LiveWish::quit;
      break;
    case 's': {
      std::size_t& sort = state.connections ? state.connectionSort : state.processSort;
      sort = (sort + 1) % (1 + (state.connections ? connectionsSorts().size() : statusSorts().size()));
      wish = LiveWish::ask;
      break;
    }
    case 'w':
      state.worker = nextWorker(state.worker, workers);
      state.connectionHistory.clear();  // they were of others
      state.requestHistory.clear();
      wish = LiveWish::ask;
      break;
    case 'c':
      state.connections = !state.connections;
      wish = LiveWish::ask;
      break;
    case 'p':
      state.paused = !state.paused;
      wish = state.paused ? LiveWish::draw : LiveWish::ask;
      break;
    case 'r':
      state.asksReload = true;
      break;
    case '?':
    case 'h':
      state.help = true;
      break;
    default:
      break;
  }
  return {std::move(state), wish};
}

std::string plainKeys(std::string_view typed) {
  std::string keys;
  for (std::size_t at = 0; at < typed.size(); ++at) {
    if (typed[at] != escape || at + 1 == typed.size()) {
      keys += typed[at];
      continue;
    }
    ++at;
    if (typed[at] != '[' && typed[at] != 'O') continue;  // Alt and a letter
    // To the letter that ends the sequence.
    while (at + 1 < typed.size() && (typed[at + 1] < '@' || typed[at + 1] > '~')) ++at;
    ++at;
  }
  return keys;
}

LiveState sampled(LiveState state, const LiveNumbers& numbers) {
  keep(state.connectionHistory, numbers.connections);
  keep(state.requestHistory, numbers.requestRate);
  return state;
}

std::string liveHeader(const LiveState& state, const LiveNumbers& numbers, const platform::Terminal& terminal,
                       std::chrono::milliseconds every) {
  const auto blank = [](const std::string& text) { return text.empty() ? "" : " " + text; };
  const std::string_view sort = sortTitle(state);
  return wrapped(
      {numbers.app, "up " + human::uptime(numbers.uptime), human::counted(numbers.processes, "proc", "procs"),
       "conns " + human::count(numbers.connections) + blank(sparkOf(state.connectionHistory, terminal)),
       human::count(numbers.requestRate) + " req/s" + blank(sparkOf(state.requestHistory, terminal)),
       "p99 " + (numbers.callback99 ? human::duration(*numbers.callback99) : "-"),
       state.worker.empty() ? "" : "only " + cutTo(state.worker, 20), sort.empty() ? "" : "by " + std::string(sort),
       state.paused ? "PAUSED" : human::age(every)},
      std::max(terminal.width, 20));
}

std::uint64_t liveRows(const std::string& header, const platform::Terminal& terminal) {
  // Below the header: an empty line, the titles, the rows, an empty line, how many there are, an empty line, the keys.
  const auto others = std::count(header.begin(), header.end(), '\n') + 6;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(terminal.height - others, 1));
}

std::string liveFrame(const LiveState& state, const LivePicture& picture, const platform::Terminal& terminal,
                      std::chrono::milliseconds every) {
  const int width = std::max(terminal.width, 20);
  std::string text;
  if (picture.numbers) text = liveHeader(state, *picture.numbers, terminal, every) + "\n";
  text += state.help ? helpPage(width) : picture.screen;
  if (!terminal.obeys) return text + "\n" + lastLine(state, width) + "\n";
  return overTheLast(text, terminal.height) + lastLine(state, width) + "\x1b[K\x1b[J";
}

}  // namespace artel
