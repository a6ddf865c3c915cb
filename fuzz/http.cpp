// Requests, pipelined, against the slow reader of reference/http.hpp and in every chopping. The first byte picks
// limits.
#include <string>

#include "fuzz/reference/http.hpp"
#include "fuzz/support.hpp"
#include "src/protocol/http_parser.hpp"

using namespace artel;
using fuzz::reference::Read;

namespace {

struct Settings {
  http::Limits limits;
  std::size_t bodyLimit = 1000;
};

// Small ones, so that a short input reaches them; also such that the request line may be longer than the whole block,
// and that nothing fits.
Settings settingsFor(std::uint8_t choice) {
  Settings settings;
  if ((choice & 1) == 0) return settings;
  settings.limits.requestLine = 24 + (choice >> 1 & 1) * 40u;
  settings.limits.headerBlock = 80 + (choice >> 2 & 1) * 100u;
  settings.limits.headerCount = 3;
  settings.limits.trailerBlock = 12;
  settings.limits.chunkExtensions = 10;
  settings.bodyLimit = 16;
  if ((choice & 8) == 0) return settings;
  settings.limits.headerBlock = (choice >> 4) * 4u;
  if ((choice & 2) == 0) settings.limits.requestLine = settings.limits.headerBlock;
  return settings;
}

std::string describe(const http::Request& request) {
  std::string text;
  text.append(request.method()).append(" ").append(request.uri()).append(" path=").append(request.path());
  text.append(" query=").append(request.queryString()).append(" HTTP/").append(request.protocolVersion());
  text.append(request.keepAlive() ? " keep" : " close").append(request.wantsWebSocket() ? " websocket\n" : "\n");
  for (const auto& [name, value] : request.header()) text.append(name).append("=[").append(value).append("]\n");
  return text.append("body=[").append(request.rawBody()).append("]\n");
}

std::string describe(const fuzz::reference::Message& message) {
  std::string text = message.method + " " + message.target + " path=" + message.path + " query=" + message.query +
                     " HTTP/1." + std::to_string(message.minor) + (message.keepAlive ? " keep" : " close") +
                     (message.webSocket ? " websocket\n" : "\n");
  for (const auto& [name, value] : message.fields) text += name + "=[" + value + "]\n";
  return text + "body=[" + message.body + "]\n";
}

// As HttpCodec does: the parser is kept (and copied) while a request is incomplete.
std::string parsed(std::string_view stream, const fuzz::Cuts& cuts, const Settings& settings) {
  http::Parser parser;
  parser.reset(settings.limits, settings.bodyLimit);
  fuzz::Arrived arrived(stream);
  std::string seen;
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    while (!arrived.bytes().empty()) {
      const http::Parser copied = parser;
      parser = copied;
      const auto outcome = parser.parse(arrived.bytes());
      if (outcome.state == http::Parser::State::needMore) {
        parser.takeExpectContinue();
        break;
      }
      if (outcome.state == http::Parser::State::invalid) {
        fuzz::check(!outcome.reason.empty(), "a refusal without a reason");
        return seen + "refused " + std::to_string(outcome.status);
      }
      fuzz::check(outcome.size > 0 && outcome.size <= arrived.bytes().size(), "a request larger than what has come");
      const http::Request request = parser.request(arrived.bytes().data());
      const std::string text = describe(request);
      fuzz::same(text, describe(request.copy()), "a copied request is another one");
      seen += "size " + std::to_string(outcome.size) + " " + text;
      arrived.drop(outcome.size);
      parser.reset(settings.limits, settings.bodyLimit);
    }
  }
  return seen + "more";
}

// One of these must be what was parsed.
std::vector<std::string> expected(std::string_view stream, const Settings& settings) {
  std::string seen;
  while (!stream.empty()) {
    const Read read = fuzz::reference::readRequest(stream, settings.limits, settings.bodyLimit);
    std::vector<std::string> choices;
    if (read.state == Read::State::needMore || read.state == Read::State::anything) choices.push_back(seen + "more");
    for (const int status : read.statuses) {
      if (read.state != Read::State::needMore) choices.push_back(seen + "refused " + std::to_string(status));
    }
    if (read.state != Read::State::complete) return choices;
    seen += "size " + std::to_string(read.size) + " " + describe(read.message);
    stream.remove_prefix(read.size);
  }
  return {seen + "more"};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const Settings settings = settingsFor(input.byte());
  const std::string_view stream = input.rest();
  const std::string seen =
      fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return parsed(stream, cuts, settings); });
  const auto choices = expected(stream, settings);
  if (std::find(choices.begin(), choices.end(), seen) == choices.end()) {
    fuzz::fail("the parser and the reference disagree", choices.front(), seen);
  }
  return 0;
}
