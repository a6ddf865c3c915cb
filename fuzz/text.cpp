// The text protocol: lines, whole and chopped, and written lines read again. The first byte picks the limit.
#include "src/protocol/text.hpp"

#include <string>

#include "fuzz/support.hpp"
#include "src/protocol/sniff.hpp"

using namespace artel;

namespace {

std::string lines(std::string_view stream, const fuzz::Cuts& cuts, std::size_t limit) {
  fuzz::SilentPeer peer(limit);
  protocols::Text text;
  fuzz::Arrived arrived(stream);
  std::string seen;
  for (const std::size_t cut : cuts) {
    arrived.until(cut);
    while (!arrived.bytes().empty()) {
      const artel::Input input = text.input(arrived.view(), peer);
      if (input.kind == artel::Input::Kind::needMore) break;
      const bool beyond = input.kind == artel::Input::Kind::packet && input.size > limit;  // the connection refuses it
      if (input.kind == artel::Input::Kind::invalid || beyond) return seen + "refused";
      fuzz::check(input.kind == artel::Input::Kind::packet && input.size > 0 && input.size <= arrived.view().size(),
                  "a line is no packet of what has come");
      seen.append("[").append(text.decode(arrived.view().substr(0, input.size), peer)).append("]");
      arrived.drop(input.size);
    }
  }
  return seen + "more";
}

std::string expected(std::string_view stream, std::size_t limit) {
  std::string seen;
  while (!stream.empty()) {
    const auto end = stream.find('\n');
    if (end == std::string_view::npos) return seen + (stream.size() + 1 > limit ? "refused" : "more");
    if (end + 1 > limit) return seen + "refused";
    std::string_view line = stream.substr(0, end);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    seen.append("[").append(line).append("]");
    stream.remove_prefix(end + 1);
  }
  return seen + "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t limit = (input.byte() & 1) == 0 ? 10000 : 6;
  const std::string_view stream = input.rest();
  const std::string seen =
      fuzz::sameForEveryChopping(stream, [&](const fuzz::Cuts& cuts) { return lines(stream, cuts, limit); });
  fuzz::same(expected(stream, limit), seen, "not the lines that are there");

  // Strangers are recognised by their first bytes; once it is known what they speak, more bytes do not change it.
  const protocols::Spoken spoken = protocols::sniff(stream);
  for (std::size_t i = 0; i < stream.size() && stream.size() <= 500; ++i) {
    const protocols::Spoken early = protocols::sniff(stream.substr(0, i));
    fuzz::check(early == protocols::Spoken::needMore || early == spoken, "a stranger is taken for something else");
  }

  const std::string_view line = stream.substr(0, stream.find_first_of("\r\n"));
  fuzz::SilentPeer peer(line.size() + 1);
  std::string written;
  protocols::Text().encode(line, peer, written);
  fuzz::same("[" + std::string(line) + "]more", lines(written, {written.size()}, written.size()),
             "a written line is read as another one");
  return 0;
}
