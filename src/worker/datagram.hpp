// What those who listen for datagrams and those who dial have in common.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include "artel/codec.hpp"

namespace artel {

inline constexpr std::size_t largestDatagram = 65507;

/// A codec for datagrams: its own when the protocol keeps state, null for raw bytes.
struct DatagramCodec {
  DatagramCodec() = default;
  explicit DatagramCodec(const Protocol& protocol) {
    if (!protocol.factory()) return;
    const auto made = protocol.factory()->make();
    codec = made.codec;
    if (made.owned) owner.reset(made.codec);
  }
  detail::Codec* codec = nullptr;
  std::unique_ptr<detail::Codec> owner;
};

/// Packets until the datagram is used up; what is left of an incomplete one is dropped (manual 1.7.2). `next()` is
/// asked before each, and false ends it; `illegal(text)` hears of one that is not legal, or whose protocol threw.
template <class Next, class Illegal>
void eachPacket(std::span<char> datagram, detail::Codec& codec, Connection& peer, const MessageCallback& handler,
                Next&& next, Illegal&& illegal) {
  while (!datagram.empty()) {
    Input input;
    try {
      input = codec.input(datagram, peer);
    } catch (const std::exception& e) {  // as on a stream: illegal data, nothing more
      return illegal(std::string("exception in the protocol's input: ") + e.what());
    } catch (...) {
      return illegal("exception in the protocol's input");
    }
    if (input.kind == Input::Kind::invalid) return illegal(std::string(input.reason));
    if (input.kind == Input::Kind::needMore || input.size == 0 || input.size > datagram.size()) return;
    if (input.kind == Input::Kind::packet && input.size > peer.packageLimit())
      return illegal("a packet longer than maxPackageSize");
    if (input.kind == Input::Kind::packet) {
      if (!next()) return;
      codec.deliver(datagram.first(input.size), peer, handler);
    }
    datagram = datagram.subspan(input.size);
  }
}

}  // namespace artel
