#include "src/protocol/sniff.hpp"

#include <algorithm>
#include <optional>

#include "src/protocol/http_syntax.hpp"

namespace artel::protocols {

using namespace http::syntax;

namespace {

constexpr std::size_t mostBytes = 8 * 1024;  // after that much without an end, nobody waits any longer
constexpr std::size_t longestMethod = 32, longestVersion = 16;

// A handshake record with a ClientHello (RFC 8446 sections 4 and 5.1): type 22, version 3.x, a length, message type 1.
Spoken sniffTls(std::string_view bytes) {
  if (bytes.size() > 1 && bytes[1] != 3) return Spoken::unknown;
  if (bytes.size() > 2 && static_cast<unsigned char>(bytes[2]) > 4) return Spoken::unknown;
  if (bytes.size() < 6) return Spoken::needMore;
  const int length = static_cast<unsigned char>(bytes[3]) << 8 | static_cast<unsigned char>(bytes[4]);
  return bytes[5] == 1 && length >= 4 && length <= 16384 ? Spoken::tls : Spoken::unknown;
}

bool asksForWebSocket(std::string_view lines) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    if (end == std::string_view::npos) return false;  // "websocket" may still become another word
    const auto line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !http::equalNames(line.substr(0, colon), "upgrade")) continue;
    std::string_view value = line.substr(colon + 1);
    if (value.ends_with('\r')) value.remove_suffix(1);
    if (listHas(value, "websocket")) return true;
  }
  return false;
}

// Where a request line ends: npos when it is none, nullopt when it may still become one. Only a whole line counts, so
// that a text protocol's "GET x" is left alone. What is too long counts as none also when its end is there: how the
// bytes were cut must not decide.
std::optional<std::size_t> requestLineEnd(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && bytes[at] >= 'A' && bytes[at] <= 'Z') ++at;
  if (at >= longestMethod) return std::string_view::npos;
  if (at == bytes.size()) return std::nullopt;
  if (at < 3 || bytes[at] != ' ') return std::string_view::npos;
  const std::size_t target = ++at;
  while (at < bytes.size() && bytes[at] > ' ' && bytes[at] < 0x7f) ++at;
  if (at == bytes.size()) return std::nullopt;
  if (at == target || bytes[at] != ' ') return std::string_view::npos;
  constexpr std::string_view version = "HTTP/";
  const std::string_view rest = bytes.substr(at + 1);
  const auto compared = std::min(rest.size(), version.size());
  if (rest.substr(0, compared) != version.substr(0, compared)) return std::string_view::npos;
  const auto end = rest.find('\n');
  if (end <= longestVersion) return at + 1 + end + 1;
  return rest.size() > longestVersion ? std::optional(std::string_view::npos) : std::nullopt;
}

Spoken sniffHttp(std::string_view bytes) {
  bytes = bytes.substr(0, mostBytes);
  const auto line = requestLineEnd(bytes);
  if (!line) return bytes.size() < mostBytes ? Spoken::needMore : Spoken::unknown;
  if (*line == std::string_view::npos) return Spoken::unknown;
  const auto end = bytes.find("\r\n\r\n", *line - 2);
  const bool complete = end != std::string_view::npos;
  if (asksForWebSocket(bytes.substr(*line, complete ? end + 2 - *line : end))) return Spoken::webSocketHello;
  return complete || bytes.size() >= mostBytes ? Spoken::http : Spoken::needMore;
}

std::string_view nameOf(Spoken spoken) {
  switch (spoken) {
    case Spoken::http:
      return "an HTTP request";
    case Spoken::webSocketHello:
      return "a WebSocket hello";
    case Spoken::tls:
      return "a TLS hello";
    default:
      return {};
  }
}

std::string_view portOf(std::string_view listenAddress) {
  const auto colon = listenAddress.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto port = listenAddress.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), isDigit) ? port : std::string_view();
}

// What a person can type or click to talk to this port.
std::string howToReach(std::string_view speaks, std::string_view listenAddress) {
  const auto port = portOf(listenAddress);
  const std::string place = "HOST" + (port.empty() ? std::string() : ":" + std::string(port));
  if (speaks == "http" || speaks == "https") return "open " + std::string(speaks) + "://" + place + "/";
  if (speaks == "websocket" || speaks == "ws") return "connect to ws://" + place;
  if (speaks == "wss") return "connect to wss://" + place;
  if (speaks == "text") return port.empty() ? "use a text client" : "type: telnet HOST " + std::string(port);
  return "use a client that speaks " + std::string(speaks);
}

void appendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

Spoken sniff(std::string_view firstBytes) {
  if (firstBytes.empty()) return Spoken::needMore;
  return firstBytes.front() == 22 ? sniffTls(firstBytes) : sniffHttp(firstBytes);
}

std::string wrongProtocolHint(Spoken spoken, std::string_view listenAddress, std::string_view speaks) {
  std::string hint;
  const auto name = nameOf(spoken);
  if (name.empty()) return hint;
  hint.append(name).append(" reached ").append(listenAddress).append(", which speaks ").append(speaks);
  if (spoken == Spoken::tls) {
    hint.append(" without TLS; type the plain scheme (http://, ws://), or have the port speak TLS (transport ssl)");
  } else {
    hint.append("; ").append(howToReach(speaks, listenAddress));
  }
  return hint;
}

bool beginsLikeHttp(std::string_view firstBytes) {
  const auto line = requestLineEnd(firstBytes);
  return !line || *line != std::string_view::npos;
}

std::string plainOnTlsHint(std::string_view firstBytes, std::string_view listenAddress, std::string_view speaks) {
  const Spoken spoken = sniff(firstBytes);
  std::string hint(spoken == Spoken::webSocketHello ? "a WebSocket hello"
                   : beginsLikeHttp(firstBytes)     ? "an HTTP request"
                                                    : "something that is no TLS hello");
  hint.append(" reached ").append(listenAddress).append(", which speaks TLS; ");
  const std::string_view secure = speaks == "http" ? "https" : speaks == "websocket" ? "wss" : speaks;
  return hint + (speaks == "http" || speaks == "websocket" ? howToReach(secure, listenAddress)
                                                           : "use a client that speaks TLS");
}

void appendWrongProtocolPage(std::string_view speaks, std::string_view listenAddress, const http::ReplyContext& context,
                             std::string& out) {
  std::string page = "<!doctype html><meta charset=utf-8><title>Not a web page</title>\n<h1>This port speaks ";
  appendEscaped(speaks, page);
  page.append("</h1>\n<p>");
  appendEscaped(listenAddress, page);
  page.append(" does not serve web pages. To reach it, ");
  appendEscaped(howToReach(speaks, listenAddress), page);
  page.append(".</p>\n");
  http::Response response{426, {}, std::move(page)};
  if (isToken(speaks)) response.header("Upgrade", speaks).header("Connection", "Upgrade, close");
  http::appendResponse(response, context, std::nullopt, out);
}

}  // namespace artel::protocols
