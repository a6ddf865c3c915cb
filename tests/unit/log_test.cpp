// The log's file when the disk does not take a line.
#include "src/log.hpp"

#include <gtest/gtest.h>

#include <string>

#include "artel/log.hpp"
#include "platform/platform.hpp"
#include "tests/support/program.hpp"

namespace artel::log {
namespace {

TEST(Log, LinesThatCouldNotBeWrittenAreCountedWhereTheNextOneCan) {
  testing::Directory directory;
  const auto file = platform::openAppend(directory.file("full.log"));
  const auto gone = platform::openAppend(directory.file("gone.log"));
  ASSERT_TRUE(file && gone);
  platform::closeFile(*gone);  // as good as a full disk: it takes nothing
  targets().standardError = false;
  targets().file = *file;
  info("one");
  targets().file = *gone;
  info("two");
  info("three");
  targets().file = *file;
  info("four");
  info("five");
  targets() = {};
  platform::closeFile(*file);
  const std::string text = directory.read("full.log");
  const auto gap = text.find("(2 lines could not be written here, by ");
  ASSERT_NE(gap, std::string::npos) << text;
  EXPECT_LT(text.find("one"), gap);
  EXPECT_GT(text.find("four"), gap);
  EXPECT_EQ(text.find("could not", gap + 40), std::string::npos) << "said once: " << text;
  EXPECT_EQ(text.find("two"), std::string::npos);
  EXPECT_NE(text.find("five"), std::string::npos);
}

TEST(Log, ALineHasTimeLevelAndWhoSaidIt) {
  testing::Directory directory;
  const auto file = platform::openAppend(directory.file("one.log"));
  ASSERT_TRUE(file);
  targets().standardError = false;
  targets().file = *file;
  setWho("chat/4711");
  warn("two words");
  targets() = {};
  platform::closeFile(*file);
  std::string shape;
  for (const char c : directory.read("one.log")) shape += c >= '0' && c <= '9' ? '9' : c;
  std::erase(shape, '\r');  // lines end with one more on Windows
  EXPECT_EQ(shape, "9999-99-99 99:99:99.999 warn  chat/9999 two words\n");
}

}  // namespace
}  // namespace artel::log
