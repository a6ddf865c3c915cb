// Frames, read in both roles, whole and chopped, with the quick way for whole messages and without, against the slow
// reader of reference/frames.hpp; and written ones read again by the other side. The first byte picks role and limit.
#include "src/protocol/websocket_frames.hpp"

#include <string>

#include "fuzz/reference/frames.hpp"
#include "fuzz/support.hpp"
#include "fuzz/websocket_events.hpp"

using namespace artel;
using websocket::Reader, websocket::Role;

namespace {

std::string events(std::string_view stream, const fuzz::Cuts& cuts, Role role, std::size_t limit) {
  return fuzz::websocketEvents([role] { return Reader(role); }, stream, cuts, limit);
}

void checkWriting(std::string_view payload, std::uint32_t key) {
  const bool text = fuzz::reference::utf8(payload) == fuzz::reference::Utf8::valid;
  fuzz::check(text == websocket::validUtf8(payload), "UTF-8 is judged differently");
  const auto type = text ? websocket::Type::text : websocket::Type::binary;
  const std::string wanted = (text ? "text[" : "binary[") + std::string(payload) + "]more";
  std::string written;
  websocket::appendFrame(written, type, payload);
  fuzz::same(wanted, events(written, {written.size()}, Role::client, payload.size()),
             "a server's frame is read wrongly");
  written.clear();
  websocket::appendMaskedFrame(written, text ? websocket::opcode::text : websocket::opcode::binary, payload, key);
  fuzz::same(wanted, events(written, {written.size()}, Role::server, payload.size()),
             "a client's frame is read wrongly");
  written.clear();
  websocket::appendClose(written, static_cast<std::uint16_t>(key), payload);
  const std::string closed = events(written, {written.size()}, Role::client, 0);
  fuzz::check(closed.starts_with("close ") && closed.ends_with("]more"), "a Close that we write is illegal: " + closed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  const Role role = (choice & 1) == 0 ? Role::server : Role::client;
  const std::size_t limit = (choice & 2) == 0 ? 100000 : 20;
  const std::string_view stream = input.rest();
  std::string seen =
      fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return events(stream, cuts, role, limit); });
  const std::string expected = fuzz::reference::frames(stream, role == Role::server, limit);
  if (!seen.ends_with("more")) {  // why is said by the reader only
    fuzz::check(seen.size() > expected.size() + 1 && seen[expected.size()] == ' ',
                "a violation without a reason: " + seen);
    seen.resize(expected.size());
  }
  fuzz::same(expected, seen, "the reader and the reference disagree");
  checkWriting(stream, choice * 257u);
  return 0;
}
