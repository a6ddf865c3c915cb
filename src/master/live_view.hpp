// `status -d` as a value: what the keys have made of it, and what is drawn. Pure; live_command.cpp has the terminal and
// asks the master.
//
//   key ─► pressed() ─► state, and what is to be done      answer ─► sampled() ─► state      state ─► liveFrame()
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/live_numbers.hpp"

namespace artel {

struct LiveState {
  bool connections = false;  ///< instead of the processes
  bool paused = false, help = false, asksReload = false;
  std::size_t processSort = 0, connectionSort = 0;  ///< 0: as they come; else one more than the place in the sorts
  std::string worker;                               ///< only this one; empty: all
  std::string notice;                               ///< on the last line instead of the keys
  /// Of the last redraws, oldest first.
  std::vector<std::uint64_t> connectionHistory, requestHistory;
  static constexpr std::size_t longestHistory = 38;  ///< as many as a header has room for

  /// As the master or the command knows the column; empty without one.
  std::string_view sort() const noexcept;
};

enum class LiveWish { nothing, draw, ask, reload, quit };  ///< ask: other rows are wanted, now
struct LiveStep {
  LiveState state;
  LiveWish wish = LiveWish::nothing;
};
/// `workers`: the names that there are.
LiveStep pressed(LiveState state, char key, const std::vector<std::string>& workers);
/// Of what a terminal has sent, the keys that mean something by themselves: not arrows and the like, which come as an
/// escape and more.
std::string plainKeys(std::string_view typed);
LiveState sampled(LiveState state, const LiveNumbers& numbers);

struct LivePicture {
  std::optional<LiveNumbers> numbers;  ///< nothing: a master of an older version, whose screen has a header
  std::string screen;
};
/// `every`: the time from one picture to the next.
std::string liveHeader(const LiveState& state, const LiveNumbers& numbers, const platform::Terminal& terminal,
                       std::chrono::milliseconds every);
/// Connections that there is room for.
std::uint64_t liveRows(const std::string& header, const platform::Terminal& terminal);
/// Draws over what was there, from the upper left corner, cut at the terminal's height; the keys, or what is to be
/// said, on the last line. On a terminal that does not obey: the same as lines below the last ones.
std::string liveFrame(const LiveState& state, const LivePicture& picture, const platform::Terminal& terminal,
                      std::chrono::milliseconds every);

}  // namespace artel
