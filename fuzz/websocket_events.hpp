// WebSocket frames, read as a connection reads them, written down as one text: for the harnesses that compare readings.
#pragma once

#include <string>
#include <string_view>

#include "fuzz/support.hpp"
#include "src/protocol/websocket_frames.hpp"

namespace artel::fuzz {

/// What a reader makes of a stream, as text. As a connection does: a packet whose size is known is not asked for again
/// before it is there. `quick`: whole messages are tried first, as WebsocketCodec does.
inline std::string websocketEvents(websocket::Reader& reader, std::string_view stream, const Cuts& cuts,
                                   std::size_t limit, bool quick) {
  using websocket::Event;
  Arrived arrived(stream);
  std::string seen;
  std::size_t wanted = 0;
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    while (!arrived.bytes().empty()) {
      Event event;
      const std::size_t taken = quick && wanted == 0 ? reader.takeWhole(arrived.bytes(), limit, event) : 0;
      if (taken == 0 && wanted == 0) {
        const artel::Input input = reader.input(arrived.bytes(), limit);
        if (input.kind == artel::Input::Kind::needMore) break;
        if (input.kind == artel::Input::Kind::invalid) {
          return seen + std::to_string(reader.violationCode()) + " " + std::string(input.reason);
        }
        check(input.kind == artel::Input::Kind::packet && input.size > 1, "a frame is no packet");
        wanted = input.size;
      }
      if (taken != 0) {
        check(taken <= arrived.bytes().size(), "a message longer than what is there");
        wanted = taken;
      } else if (arrived.bytes().size() < wanted) {
        break;
      } else {
        event = reader.decode(arrived.bytes().first(wanted), limit);
      }
      const std::string payload(event.payload);
      switch (event.kind) {
        case Event::Kind::none:
          check(reader.unfinished(), "a fragment began no message");
          check(reader.arrived() <= cut, "more of a message has arrived than was sent");
          break;
        case Event::Kind::message:
          check(payload.size() <= limit, "a message larger than its limit");
          seen += (event.type == websocket::Type::text ? "text[" : "binary[") + payload + "]";
          if (quick) reader.release();
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
          check(event.code == reader.violationCode(), "two codes for one violation");
          return seen + std::to_string(event.code) + " " + payload;
      }
      arrived.drop(wanted);
      wanted = 0;
    }
  }
  return seen + "more";
}

/// The same with readers that make() makes: with the quick way and without it they must read the same.
template <class Make>
std::string websocketEvents(Make make, std::string_view stream, const Cuts& cuts, std::size_t limit) {
  websocket::Reader thorough = make(), quick = make();
  std::string seen = websocketEvents(thorough, stream, cuts, limit, false);
  same(seen, websocketEvents(quick, stream, cuts, limit, true), "takeWhole reads what input and decode do not");
  return seen;
}

}  // namespace artel::fuzz
