// Sec-WebSocket-Extensions: RFC 6455 section 9.1, and what breaks it.
#include "src/protocol/websocket_extensions.hpp"

#include <gtest/gtest.h>

#include <string>

namespace artel::websocket {
namespace {

// "a;b=1;c,d" as it was understood, or "broken".
std::string understood(std::string_view header) {
  const auto list = readExtensions(header);
  if (!list) return "broken";
  std::string text;
  for (const auto& extension : *list) {
    text += (text.empty() ? "" : ",") + std::string(extension.name);
    for (const auto& [name, value] : extension.parameters)
      text += ";" + std::string(name) + (value ? "=" + *value : std::string());
  }
  return text;
}

TEST(WebSocketExtensions, Lists) {
  EXPECT_EQ(understood(""), "");
  EXPECT_EQ(understood(" , ,\t"), "");
  EXPECT_EQ(understood("a"), "a");
  EXPECT_EQ(understood("a, b ;c; d=1 ,, e;f = \"2\" "), "a,b;c;d=1,e;f=2");
  EXPECT_EQ(understood("a; b=\"x\\y\""), "a;b=xy");
  EXPECT_EQ(understood("permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"),
            "permessage-deflate;client_max_window_bits,x-webkit-deflate-frame");
}

TEST(WebSocketExtensions, Broken) {
  for (const char* header :
       {";", "a;", "a;;b", "a;=1", "a; b=", "a b", "a=1", "a; b=\"", "a; b=\"x", "a; b=\"\"", "a; b=\"x y\"",
        "a; b=\"x,y\"", "a; b=\"\\", "a; b=\"x\"y", "a; b=x\"y\"", "(a)", "a, \"b\"", "a; b=1=2", "\xe4"})
    EXPECT_EQ(understood(header), "broken") << header;
}

}  // namespace
}  // namespace artel::websocket
