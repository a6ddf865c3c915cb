// The client's side of the opening handshake: what a server answers. First byte: bit 0, whether compression was
// offered; bit 1, whether subprotocols were. "ACCEPT" in the answer stands for the right key. How the answer is cut
// must make no difference, and what is taken must be a handshake (RFC 6455 section 4.1).
#include <string>

#include "fuzz/reference/syntax.hpp"
#include "fuzz/support.hpp"
#include "src/protocol/http_answer.hpp"
#include "src/protocol/websocket_handshake.hpp"

using namespace artel;
using namespace fuzz::reference;

namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==", rightAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The same once more, as one yes or no.
bool isHandshake(const websocket::UpgradeRequest& request, const http::Answer& answer) {
  int accepts = 0, subprotocols = 0, upgrades = 0;
  bool upgrade = false, connection = false, right = false, offered = true;
  for (const auto& [name, value] : answer.header()) {
    const std::string line = lower(name);
    if (line == "upgrade") upgrade = ++upgrades == 1 && lower(value) == "websocket";
    if (line == "connection") connection = connection || lists(value, "upgrade");
    if (line == "sec-websocket-accept") right = ++accepts == 1 && value == rightAccept;
    if (line == "sec-websocket-protocol")
      offered =
          offered && ++subprotocols == 1 && (value == "chat" || value == "superchat") && !request.subprotocols.empty();
    if (line == "sec-websocket-extensions" && !request.deflate)
      for (const auto element : elements(value)) offered = offered && element.empty();
  }
  return answer.status() == 101 && upgrade && connection && right && offered;
}

std::string outcome(std::string_view stream, const fuzz::Cuts& cuts, const websocket::UpgradeRequest& request) {
  fuzz::Arrived arrived(stream);
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    const auto bytes = arrived.bytes();
    const auto head = http::readAnswer({bytes.data(), bytes.size()});
    if (head.state == http::AnswerHead::State::needMore) continue;
    if (head.state == http::AnswerHead::State::invalid) return "invalid";
    const http::Answer& answer = *head.answer;
    fuzz::check(answer.rawHead().size() <= http::AnswerHead::largest, "a head beyond its limit");
    fuzz::check(answer.rawHead().ends_with("\r\n\r\n"), "a head without its end");
    fuzz::check(answer.status() >= 100 && answer.status() <= 999, "a status of another size");
    for (const auto& [name, value] : answer.header()) {
      fuzz::check(token(name), "a header name is no token");
      fuzz::check(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos, "a value of two lines");
    }
    const auto checked = websocket::checkAnswer(request, answer);
    if (checked.refused.empty()) {
      fuzz::check(isHandshake(request, answer), "what is no handshake was taken");
      fuzz::check(request.deflate || !checked.deflate, "compression that was not offered");
    } else if (!request.deflate) {
      fuzz::check(!isHandshake(request, answer), "a handshake was refused");
    }
    return checked.refused.empty() ? "taken" : checked.refused;
  }
  return "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto flags = input.byte();
  websocket::UpgradeRequest request;
  request.host = "a";
  request.key = key;
  request.deflate = (flags & 1) != 0;
  if ((flags & 2) != 0) request.subprotocols = "chat, superchat";
  std::string stream(input.rest());
  if (const auto at = stream.find("ACCEPT"); at != std::string::npos) stream.replace(at, 6, rightAccept);
  fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return outcome(stream, cuts, request); });
  return 0;
}
