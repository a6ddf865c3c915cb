#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/screen.hpp"

namespace artel::testing {

void expectGolden(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(ARTEL_SOURCE_DIR) / "tests/golden" / (name + ".txt");
  std::string shown;
  for (const char c : text) c == '\x1b' ? shown += "^[" : shown += c;
  if (std::getenv("ARTEL_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << shown;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is not there; ARTEL_WRITE_GOLDEN=1 writes it";
  std::string golden((std::istreambuf_iterator<char>(file)), {});
  std::erase(golden, '\r');
  EXPECT_EQ(shown, golden) << path << "; ARTEL_WRITE_GOLDEN=1 writes it anew";
}

void expectScreens(const std::string& name, const std::function<std::string(const platform::Terminal&)>& draw) {
  for (const int width : {60, 80, 120}) {
    const std::string screen = draw({true, false, width});
    expectGolden(name + "." + std::to_string(width), screen);
    EXPECT_LE(widest(screen), static_cast<std::size_t>(width)) << screen;
    EXPECT_EQ(screen.find('\x1b'), std::string::npos) << screen;
    const std::string colourful = draw({true, true, width});
    EXPECT_EQ(plain(colourful), screen);
    if (width == 80) expectGolden(name + ".80.colour", colourful);
  }
  const std::string piped = draw({false, false, 60});
  EXPECT_EQ(piped, draw({false, false, 120})) << "there is no width";
  expectGolden(name + ".piped", piped);
}

}  // namespace artel::testing
