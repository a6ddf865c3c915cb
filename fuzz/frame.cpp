// The frame protocol: lengths and payloads, whole and chopped, and written frames read again. The first byte picks the
// limit.
#include "src/protocol/frame.hpp"

#include <string>

#include "fuzz/support.hpp"

using namespace artel;

namespace {

std::string frames(std::string_view stream, const fuzz::Cuts& cuts, std::size_t limit) {
  fuzz::SilentPeer peer(limit);
  fuzz::Arrived arrived(stream);
  std::string seen;
  std::size_t wanted = 0;  // as a connection does: input is not asked again before the packet is there
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    while (!arrived.bytes().empty()) {
      if (wanted == 0) {
        const artel::Input input = protocols::Frame::input(arrived.view(), peer);
        if (input.kind == artel::Input::Kind::needMore) break;
        if (input.kind == artel::Input::Kind::invalid) return seen + "refused";
        fuzz::check(input.kind == artel::Input::Kind::packet && input.size >= 4 && input.size <= limit,
                    "a packet of an impossible size");
        wanted = input.size;
      }
      if (arrived.view().size() < wanted) break;
      seen.append("[").append(protocols::Frame::decode(arrived.view().substr(0, wanted), peer)).append("]");
      arrived.drop(wanted);
      wanted = 0;
    }
  }
  return seen + "more";
}

std::string expected(std::string_view stream, std::size_t limit) {
  std::string seen;
  while (stream.size() >= 4) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size * 256 + static_cast<unsigned char>(stream[i]);
    if (size < 4 || size > limit) return seen + "refused";
    if (stream.size() < size) break;
    seen.append("[").append(stream.substr(4, size - 4)).append("]");
    stream.remove_prefix(size);
  }
  return seen + "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t limit = (input.byte() & 1) == 0 ? 10000 : 12;
  const std::string_view stream = input.rest();
  const std::string seen =
      fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return frames(stream, cuts, limit); });
  fuzz::same(expected(stream, limit), seen, "not the frames that are there");

  fuzz::SilentPeer peer(stream.size() + 4);
  std::string written;
  protocols::Frame::encode(stream, peer, written);
  fuzz::same("[" + std::string(stream) + "]more", frames(written, {written.size()}, written.size()),
             "a written frame is read as another one");
  return 0;
}
