// Percent-encoding, and paths that must stay below their root.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "artel/http.hpp"

namespace artel::http {
namespace {

TEST(Url, PercentDecode) {
  EXPECT_EQ(percentDecode("a%20b%2Fc%2f"), "a b/c/");
  EXPECT_EQ(percentDecode("a+b"), "a+b");
  EXPECT_EQ(percentDecode("a+b%2B", true), "a b+");
  EXPECT_EQ(percentDecode("%"), "%");
  EXPECT_EQ(percentDecode("%4"), "%4");
  EXPECT_EQ(percentDecode("%4g%g4%%41"), "%4g%g4%A");
  EXPECT_EQ(percentDecode("%2525"), "%25");
  EXPECT_EQ(percentDecode("%00"), std::string(1, '\0'));
}

TEST(Url, PercentEncode) {
  EXPECT_EQ(percentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percentEncode(" +/%\r\n\xff"), "%20%2B%2F%25%0D%0A%FF");
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  EXPECT_EQ(percentDecode(percentEncode(every)), every);
}

TEST(Url, SafePathsStayBelow) {
  const std::filesystem::path root = "root";
  const struct {
    std::string url;
    std::filesystem::path path;
  } good[] = {
      {"", root},
      {"/", root},
      {"/a", root / "a"},
      {"a/b.html", root / "a" / "b.html"},
      {"/a//b/./c/", root / "a" / "b" / "c"},
      {"/a%2Fb", root / "a" / "b"},
      {"/%C3%A4.txt", root / std::filesystem::path(u8"ä.txt")},
      {"/a..b/.hidden/...c", root / "a..b" / ".hidden" / "...c"},
      {"/console/common/null.txt/com/com10/lpt", root / "console" / "common" / "null.txt" / "com" / "com10" / "lpt"},
  };
  for (const auto& [url, path] : good) {
    const auto result = safePath(root, url);
    ASSERT_TRUE(result.has_value()) << url;
    EXPECT_EQ(*result, path) << url;
  }
}

TEST(Url, UnsafePathsAreRefused) {
  for (const char* url : {"..",
                          "/..",
                          "/../a",
                          "/a/..",
                          "/a/../b",
                          "/a/%2e%2e/b",
                          "/%2E./b",
                          "/.%2e",
                          "/a%2f..%2fb",
                          "/...",
                          "/.. ",
                          "/..%20/a",
                          "/a.",
                          "/a%20",
                          "\\a",
                          "/..\\a",
                          "/a%5Cb",
                          "/%5c%5cserver/share",
                          "//server/share",
                          "/%2Fetc/passwd",
                          "C:/a",
                          "/C:/a",
                          "/c:",
                          "/c%3A/a",
                          "/a/file.txt::$DATA",
                          "/a%00b",
                          "/a%0Ab",
                          "/a%7f",
                          "/nul",
                          "/a/CON",
                          "/con.txt",
                          "/aux.tar.gz",
                          "/COM1",
                          "/lpt9.x",
                          "/com%C2%B9",
                          "/nul .txt",
                          "/%ff",
                          "/%C0%AE%C0%AE/a",
                          "/%ED%A0%80"}) {
    EXPECT_FALSE(safePath("root", url).has_value()) << url;
  }
}

}  // namespace
}  // namespace artel::http
