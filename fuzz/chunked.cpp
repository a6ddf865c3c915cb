// Chunked bodies against the slow reader of reference/chunks.hpp and in every chopping. The first byte picks limits.
#include <string>

#include "fuzz/reference/chunks.hpp"
#include "fuzz/support.hpp"
#include "src/protocol/http_chunks.hpp"

using namespace artel;
using fuzz::reference::Chunks;

namespace {

std::string decoded(std::string_view stream, const fuzz::Cuts& cuts, const http::Limits& limits, std::size_t bodyLimit,
                    std::size_t start) {
  http::ChunkDecoder decoder;
  decoder.reset(start, limits, bodyLimit);
  fuzz::Arrived arrived(stream);
  for (const std::size_t cut : cuts) {
    if (cut < start) continue;
    arrived.until(cut);
    const auto result = decoder.read(arrived.bytes().data(), arrived.bytes().size());
    fuzz::check(decoder.consumed() <= cut, "read beyond the end");
    fuzz::check(decoder.bodySize() <= bodyLimit, "a body larger than its limit");
    if (result == http::ChunkDecoder::Result::needMore) continue;
    if (result == http::ChunkDecoder::Result::invalid) return "refused " + std::to_string(decoder.status());
    fuzz::same(stream.substr(0, start), arrived.view().substr(0, start), "bytes before the body were changed");
    fuzz::same(stream.substr(decoder.consumed(), cut - decoder.consumed()), arrived.view().substr(decoder.consumed()),
               "bytes after the body were changed");
    return std::to_string(decoder.consumed() - start) + " [" +
           std::string(arrived.view().substr(start, decoder.bodySize())) + "]";
  }
  return "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  http::Limits limits;
  std::size_t bodyLimit = 100000;
  if ((choice & 1) != 0) limits = {.trailerBlock = 12, .chunkExtensions = 10}, bodyLimit = 20;
  const std::size_t start = (choice & 2) != 0 ? 5 : 0;
  std::string stream(start, '.');
  stream += input.rest();

  const std::string seen = fuzz::sameForEveryChopping(
      stream, [&](const fuzz::Cuts& cuts) { return decoded(stream, cuts, limits, bodyLimit, start); });
  const Chunks read = fuzz::reference::readChunks(std::string_view(stream).substr(start), limits, bodyLimit);
  bool agrees = false;
  switch (read.state) {
    case Chunks::State::complete:
      fuzz::same(std::to_string(read.consumed) + " [" + read.body + "]", seen,
                 "the decoder and the reference disagree");
      return 0;
    case Chunks::State::needMore:
      fuzz::same("more", seen, "the decoder and the reference disagree");
      return 0;
    case Chunks::State::anything:
      agrees = seen == "more";
      [[fallthrough]];
    case Chunks::State::invalid:
      for (const int status : read.statuses) agrees = agrees || seen == "refused " + std::to_string(status);
  }
  fuzz::check(agrees, "the decoder and the reference disagree on what is wrong: " + seen);
  return 0;
}
