// Frames, read in both roles, whole and chopped, against the slow reader of reference/frames.hpp; and written ones read
// again by the other side. The first byte picks role and limit.
#include "src/protocol/websocket_frames.hpp"

#include <string>

#include "fuzz/reference/frames.hpp"
#include "fuzz/support.hpp"

using namespace artel;
using websocket::Event, websocket::Reader, websocket::Role;

namespace {

// As a connection does: a packet whose size is known is not asked for again before it is there.
std::string events(std::string_view stream, const fuzz::Cuts& cuts, Role role, std::size_t limit) {
  Reader reader(role);
  fuzz::Arrived arrived(stream);
  std::string seen;
  std::size_t wanted = 0;
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    while (!arrived.bytes().empty()) {
      if (wanted == 0) {
        const artel::Input input = reader.input(arrived.bytes(), limit);
        if (input.kind == artel::Input::Kind::needMore) break;
        if (input.kind == artel::Input::Kind::invalid) {
          return seen + std::to_string(reader.violationCode()) + " " + std::string(input.reason);
        }
        fuzz::check(input.kind == artel::Input::Kind::packet && input.size > 1, "a frame is no packet");
        wanted = input.size;
      }
      if (arrived.bytes().size() < wanted) break;
      const Event event = reader.decode(arrived.bytes().first(wanted));
      const std::string payload(event.payload);
      switch (event.kind) {
        case Event::Kind::none:
          fuzz::check(reader.unfinished(), "a fragment began no message");
          break;
        case Event::Kind::message:
          fuzz::check(payload.size() <= limit, "a message larger than its limit");
          seen += (event.type == websocket::Type::text ? "text[" : "binary[") + payload + "]";
          break;
        case Event::Kind::ping:
          seen += "ping[" + payload + "]";
          break;
        case Event::Kind::pong:
          seen += "pong[" + payload + "]";
          break;
        case Event::Kind::close:
          seen += "close " + std::to_string(event.code) + "[" + payload + "]";
          break;
        case Event::Kind::violation:
          fuzz::check(event.code == reader.violationCode(), "two codes for one violation");
          return seen + std::to_string(event.code) + " " + payload;
      }
      arrived.drop(wanted);
      wanted = 0;
    }
  }
  return seen + "more";
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
