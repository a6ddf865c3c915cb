// Sec-WebSocket-Extensions, read (RFC 6455 section 9.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace artel::websocket {

struct Extension {
  struct Parameter {
    std::string_view name;
    std::optional<std::string> value;  ///< without quotes: "10" and 10 are the same
  };
  std::string_view name;
  std::vector<Parameter> parameters;
};

/// A whole header, several lines joined by commas, in order; names are views into it. Nothing: it breaks the grammar,
/// and the handshake must fail. A header without an element is an empty list.
std::optional<std::vector<Extension>> readExtensions(std::string_view header);

}  // namespace artel::websocket
