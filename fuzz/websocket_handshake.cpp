// The opening handshake: a request, and after its end "name: value" for one line of the answer and "@name" for the
// subprotocol that is chosen. What is accepted must be a handshake, and the answer must have the lines it should have.
#include "src/protocol/websocket_handshake.hpp"

#include <string>

#include "fuzz/reference/syntax.hpp"
#include "fuzz/support.hpp"
#include "src/protocol/http_parser.hpp"

using namespace artel;
using namespace fuzz::reference;

namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// RFC 6455 section 9.1. What stands in quotes must be a token, too, so no comma or semicolon hides there.
bool isExtensionList(std::string_view list) {
  for (const auto element : elements(list)) {
    if (element.empty()) continue;
    const auto parts = split(element, ';');
    if (!token(parts[0])) return false;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto equals = parts[i].find('=');
      if (!token(trimmed(parts[i].substr(0, equals)))) return false;
      if (equals == std::string_view::npos) continue;
      std::string_view value = trimmed(parts[i].substr(equals + 1));
      std::string plain(value);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        plain.clear();
        value = value.substr(1, value.size() - 2);
        for (std::size_t at = 0; at < value.size(); ++at) {
          if (value[at] == '\\' && ++at == value.size()) return false;
          plain += value[at];
        }
      }
      if (!token(plain)) return false;
    }
  }
  return true;
}

// RFC 6455 section 4.2.1, as one yes or no.
bool isHandshake(const http::Request& request) {
  int keys = 0, versions = 0;
  bool upgrade = false, connection = false, host = false, version13 = false, key16 = false, extensions = true;
  for (const auto& [name, value] : request.header()) {
    const std::string key = lower(name);
    if (key == "host") host = !value.empty();
    if (key == "upgrade") upgrade = upgrade || lists(value, "websocket");
    if (key == "connection") connection = connection || lists(value, "upgrade");
    if (key == "sec-websocket-version") version13 = ++versions == 1 && value == "13";
    if (key == "sec-websocket-extensions") extensions = extensions && isExtensionList(value);
    if (key != "sec-websocket-key") continue;
    key16 = ++keys == 1 && value.size() == 24 && value.substr(22) == "==";
    for (const char c : value.substr(0, std::min<std::size_t>(value.size(), 22))) {
      key16 = key16 && (letter(c) || digit(c) || c == '+' || c == '/');
    }
  }
  return request.method() == "GET" && request.protocolVersion() == "1.1" && host && upgrade && connection &&
         version13 && key16 && extensions && request.rawBody().empty();
}

// The lines of an answer; none of them may have come in through a value.
std::vector<std::string> linesOf(std::string_view answer) {
  std::vector<std::string> lines;
  while (!answer.empty()) {
    const auto end = answer.find("\r\n");
    fuzz::check(end != std::string_view::npos, "an answer that does not end with a line");
    lines.emplace_back(answer.substr(0, end));
    fuzz::check(lines.back().find_first_of("\r\n") == std::string::npos, "half a line end in an answer");
    answer.remove_prefix(end + 2);
    if (lines.back().empty()) break;
  }
  fuzz::check(!lines.empty() && lines.back().empty(), "an answer whose header block does not end");
  return lines;
}

void checkAnswer(const http::Request& request, std::string_view subprotocol, const http::Header& extra) {
  std::string out;
  const bool accepted = websocket::appendAccept(request, subprotocol, {extra}, out);
  if (!accepted) return fuzz::check(out.empty(), "a refused answer was written");
  const auto lines = linesOf(out);
  fuzz::check(lines.size() == (subprotocol.empty() ? 6 : 7), "an answer with more lines than it should have");
  fuzz::same("HTTP/1.1 101 Switching Protocols", lines[0], "another status line");
  fuzz::same(extra.name + ": " + extra.value, lines[lines.size() - 2], "another line than was asked for");
  if (subprotocol.empty()) return;
  bool offered = false;
  for (const auto name : websocket::offeredSubprotocols(request)) offered = offered || name == subprotocol;
  fuzz::check(offered, "a subprotocol that was not offered");
}

std::string statusOf(std::string_view stream, const fuzz::Cuts& cuts, std::string_view subprotocol,
                     const http::Header& extra) {
  http::Parser parser;
  parser.reset({}, 1000);
  fuzz::Arrived arrived(stream);
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    const auto outcome = parser.parse(arrived.bytes());
    if (outcome.state == http::Parser::State::needMore) continue;
    if (outcome.state == http::Parser::State::invalid) return "refused";
    const http::Request request = parser.request(arrived.bytes().data());
    const auto check = websocket::checkHandshake(request);
    fuzz::check((check.status == 101) == isHandshake(request), "what a handshake is, is judged differently");
    for (const auto name : websocket::offeredSubprotocols(request))
      fuzz::check(token(name), "a subprotocol is no token");
    if (check.status == 101) {
      checkAnswer(request, subprotocol, extra);
    } else {
      std::string out;
      websocket::appendRefusal(check, {}, out);
      linesOf(out);
    }
    return std::to_string(check.status);
  }
  return "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view stream = fuzz::Input(data, size).rest();
  std::string_view answer, subprotocol;
  if (const auto end = stream.find("\r\n\r\n"); end != std::string_view::npos) {
    answer = stream.substr(end + 4);
    stream = stream.substr(0, end + 4);
    if (const auto at = answer.rfind('@'); at != std::string_view::npos) {
      subprotocol = answer.substr(at + 1);
      answer = answer.substr(0, at);
    }
  }
  const auto colon = answer.find(": ");
  const http::Header extra{std::string(answer.substr(0, colon)),
                           std::string(colon == std::string_view::npos ? "" : answer.substr(colon + 2))};
  fuzz::sameForEveryChopping(stream,
                             [&](const fuzz::Cuts& cuts) { return statusOf(stream, cuts, subprotocol, extra); });
  return 0;
}
