// `status -d` draws over what was there, within the terminal (row 1.14.2).
#include "src/master/live_view.hpp"

#include <gtest/gtest.h>

namespace artel {
namespace {

TEST(LiveView, AFrameIsDrawnOverTheLastOne) {
  EXPECT_EQ(liveFrame("a\nb\n", {true, false, 80, 24}),
            "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[K\nPress Ctrl+C to quit.\x1b[K\x1b[J");
}

TEST(LiveView, AFrameFitsTheTerminal) {
  EXPECT_EQ(liveFrame("1\n2\n3\n4\n5\n", {true, false, 80, 5}),
            "\x1b[H1\x1b[K\n2\x1b[K\n... 3 lines more\x1b[K\n\x1b[K\nPress Ctrl+C to quit.\x1b[K\x1b[J");
  EXPECT_EQ(liveFrame("1\n2\n3\n", {true, false, 80, 5}),
            "\x1b[H1\x1b[K\n2\x1b[K\n3\x1b[K\n\x1b[K\nPress Ctrl+C to quit.\x1b[K\x1b[J");
}

TEST(LiveView, PipedIsTheTextItself) { EXPECT_EQ(liveFrame("a\nb\n", {false, false, 80, 24}), "a\nb\n"); }

}  // namespace
}  // namespace artel
