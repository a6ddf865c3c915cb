// permessage-deflate. The first byte picks one of three things for the rest to be: an offer or an answer of the
// handshake; compressed frames of a stranger, whole and chopped; or messages that go from side to side and must come
// out the same.
#include "src/protocol/websocket_deflate.hpp"

#include <memory>
#include <string>
#include <vector>

#include "fuzz/reference/frames.hpp"
#include "fuzz/support.hpp"
#include "fuzz/websocket_events.hpp"
#include "src/protocol/websocket_frames.hpp"

using namespace artel;
using websocket::Compression, websocket::DeflateAgreement, websocket::Reader, websocket::Role;

namespace {

bool legal(const DeflateAgreement& agreed) {
  const auto window = [](std::uint8_t bits) { return bits >= 8 && bits <= 15; };
  return window(agreed.serverWindow) && window(agreed.clientWindow);
}

void negotiate(std::string_view header) {
  const auto keeps = websocket::chooseDeflate(header, true), forgets = websocket::chooseDeflate(header, false);
  fuzz::check(keeps.has_value() == forgets.has_value(), "the memory that is left decides whether an offer is taken");
  if (keeps) {
    fuzz::check(legal(*keeps), "a window that does not exist");
    fuzz::check(keeps->serverWindow == forgets->serverWindow && keeps->clientWindow == forgets->clientWindow,
                "the memory that is left decides about windows");
    fuzz::check(!forgets->serverKeeps && !forgets->clientKeeps, "a context is kept where there is no room for one");
    for (const auto& agreed : {*keeps, *forgets}) {
      const auto read = websocket::readDeflateAnswer(websocket::deflateAnswer(agreed));
      fuzz::check(read.valid && read.agreed == agreed, "our answer is read as another one");
    }
  }
  if (const auto read = websocket::readDeflateAnswer(header); read.agreed)
    fuzz::check(read.valid && legal(*read.agreed), "an answer with a window that does not exist");
}

DeflateAgreement agreementOf(std::uint8_t choice) {
  DeflateAgreement agreement;
  agreement.serverKeeps = (choice & 4) != 0;
  agreement.clientKeeps = (choice & 8) != 0;
  if ((choice & 16) != 0) agreement.serverWindow = 9;
  if ((choice & 32) != 0) agreement.clientWindow = 10;
  return agreement;
}

/// Inflating costs much, and a message beyond this size is mostly repetition.
constexpr std::size_t cutEverywhere = 128;

std::string events(std::string_view stream, const fuzz::Cuts& cuts, Role role, const DeflateAgreement& agreement,
                   std::size_t limit) {
  const auto make = [&] { return Reader(role, std::make_unique<Compression>(role, agreement)); };
  return fuzz::websocketEvents(make, stream, cuts, limit);
}

void strangersFrames(std::string_view stream, std::uint8_t choice) {
  const Role role = (choice & 64) != 0 ? Role::client : Role::server;
  const std::size_t limit = (choice & 128) != 0 ? 40 : 100000;
  fuzz::sameForEveryChopping(
      stream, [&](const fuzz::Cuts& cuts) { return events(stream, cuts, role, agreementOf(choice), limit); },
      cutEverywhere);
}

/// The frames that one side makes of the messages, and how the other must read them.
void thereAndBack(fuzz::Input& input, std::uint8_t choice) {
  const DeflateAgreement agreement = agreementOf(choice);
  const Role from = (choice & 64) != 0 ? Role::client : Role::server;
  std::string stream, expected;
  {
    Compression compression(from, agreement);
    while (!input.empty()) {
      const std::uint8_t size = input.byte();
      std::string message(input.bytes(size & 63));
      if ((size & 64) != 0) {  // longer than a window
        const std::string once = message;
        while (!once.empty() && message.size() < 6000) message += once;
      }
      const bool text = fuzz::reference::utf8(message) == fuzz::reference::Utf8::valid;
      const auto type = text ? websocket::Type::text : websocket::Type::binary;
      expected += (text ? "text[" : "binary[") + message + "]";
      if (from == Role::server) {
        websocket::appendFrame(stream, type, message, compression);
        continue;
      }
      const std::uint8_t code = text ? websocket::opcode::text : websocket::opcode::binary;
      const auto smaller = compression.deflate(message);
      websocket::appendMaskedFrame(stream, smaller ? code | websocket::opcode::compressed : code,
                                   smaller ? *smaller : std::string_view(message), 0x01020304);
      if (smaller) compression.sent(true);
    }
  }
  const Role to = from == Role::server ? Role::client : Role::server;
  const std::string seen = fuzz::sameForEveryChopping(
      stream, [&](const fuzz::Cuts& cuts) { return events(stream, cuts, to, agreement, 1 << 20); }, cutEverywhere);
  fuzz::same(expected + "more", seen, "a message does not come out as it went in");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  switch (choice & 3) {
    case 0:
      negotiate(input.rest());
      break;
    case 1:
      strangersFrames(input.rest(), choice);
      break;
    default:
      thereAndBack(input, choice);
  }
  fuzz::check(Compression::kept() == 0, "memory of a connection that has ended is still counted");
  return 0;
}
