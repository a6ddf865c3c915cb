#include "src/protocol/http_chunks.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "src/protocol/http_syntax.hpp"

namespace artel::http {

using namespace syntax;

namespace {
constexpr std::size_t framingAllowance = 64 * 1024;
}

void ChunkDecoder::reset(std::size_t at, const Limits& limits, std::size_t bodyLimit) {
  *this = {};
  start_ = read_ = written_ = at;
  bodyLimit_ = bodyLimit;
  extensionLimit_ = limits.chunkExtensions;
  trailerLimit_ = limits.trailerBlock;
  // One-byte chunks with padded sizes would let a body fill its buffer with twenty times its limit. Chunk lines may
  // take as much room as the largest body, which only such a body can reach.
  const auto most = std::numeric_limits<std::size_t>::max();
  framingLimit_ = bodyLimit > most - framingAllowance ? most : bodyLimit + framingAllowance;
}

ChunkDecoder::Result ChunkDecoder::read(char* bytes, std::size_t size) {
  if (status_ != 0) return Result::invalid;
  while (read_ < size) {
    if (state_ == State::data) {
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - read_));
      std::memmove(bytes + written_, bytes + read_, piece);
      written_ += piece;
      read_ += piece;
      left_ -= piece;
      if (left_ == 0) state_ = State::dataCr;
      continue;
    }
    if (state_ == State::done || !take(bytes[read_])) break;
    ++read_;
  }
  if (status_ != 0) return Result::invalid;
  return state_ == State::done ? Result::complete : Result::needMore;
}

bool ChunkDecoder::fail(int status, std::string_view reason) {
  status_ = status;
  reason_ = reason;
  return false;
}

bool ChunkDecoder::takeExact(char c, char expected, State next) {
  // A bare CR or LF is where two parsers in a row begin to disagree: never a line end here (RFC 9112 section 2.2).
  return c == expected ? go(next) : fail(400, "chunk line or chunk data without CRLF");
}

bool ChunkDecoder::take(char c) {
  if (state_ >= State::trailerFirst) return takeTrailer(c);
  if (state_ >= State::extension && state_ <= State::afterQuoted) return takeExtension(c);
  if (++framing_ > framingLimit_) return fail(413, "too many chunk lines for their data");
  switch (state_) {
    case State::lineEnd:
      return takeExact(c, '\n', left_ == 0 ? State::trailerFirst : State::data);
    case State::dataCr:
      return takeExact(c, '\r', State::dataLf);
    case State::dataLf:
      return takeExact(c, '\n', State::sizeFirst);
    default:
      return takeSize(c);
  }
}

bool ChunkDecoder::takeSize(char c) {
  const int digit = hexValue(c);
  if (state_ == State::sizeFirst) {
    if (digit < 0) return fail(400, "chunk size is not a hexadecimal number");
    left_ = static_cast<std::uint64_t>(digit);
    digits_ = 1;
    return go(State::size);
  }
  if (digit >= 0) {
    if (digits_ == 16) return fail(400, "chunk size has too many digits");
    ++digits_;
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return true;
  }
  if (left_ > bodyLimit_ - bodySize()) return fail(413, "body is too large");
  if (c == '\r') return go(State::lineEnd);
  if (c != ';' && !isOws(c)) return fail(400, "chunk size is not a hexadecimal number");
  return takeExtension(c);
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), RFC 9112 section 7.1.1. What they say is
// ignored, as the section demands for unknown ones; their grammar and their total length are not.
bool ChunkDecoder::takeExtension(char c) {
  if (c != '\r' && ++extensions_ > extensionLimit_) return fail(413, "chunk extensions are too large");
  const bool space = isOws(c), ends = c == '\r';
  const auto wrong = [this] { return fail(400, "malformed chunk extension"); };
  switch (state_) {
    case State::size:
    case State::extension:
      if (c == ';') return go(State::nameFirst);
      return space ? go(State::extension) : wrong();
    case State::nameFirst:
      if (space) return true;
      return is(token, c) ? go(State::name) : wrong();
    case State::name:
    case State::afterName:
      if (c == '=') return go(State::valueFirst);
      if (c == ';') return go(State::nameFirst);
      if (space) return go(State::afterName);
      if (state_ == State::afterName) return wrong();
      return ends ? go(State::lineEnd) : is(token, c) || wrong();
    case State::valueFirst:
      if (space) return true;
      if (c == '"') return go(State::quoted);
      return is(token, c) ? go(State::value) : wrong();
    case State::value:
    case State::afterQuoted:
      if (c == ';') return go(State::nameFirst);
      if (space) return go(State::extension);
      if (ends) return go(State::lineEnd);
      return (state_ == State::value && is(token, c)) || wrong();
    case State::quoted:
      if (c == '"') return go(State::afterQuoted);
      if (c == '\\') return go(State::escaped);
      return is(fieldValue, c) || wrong();
    default:  // escaped
      return is(fieldValue, c) ? go(State::quoted) : wrong();
  }
}

// Trailer fields are checked and dropped: RFC 9110 section 6.5.1 allows it, and merging them into the header section is
// how a trailer overrides a header that was already acted upon.
bool ChunkDecoder::takeTrailer(char c) {
  const auto wrong = [this] { return fail(400, "malformed trailer"); };
  if (state_ == State::lastLineEnd) return c == '\n' ? go(State::done) : wrong();
  if (state_ == State::trailerFirst && c == '\r') return go(State::lastLineEnd);
  if (++trailer_ > trailerLimit_) return fail(431, "trailer is too large");
  switch (state_) {
    case State::trailerFirst:
      return is(token, c) ? go(State::trailerName) : wrong();
    case State::trailerName:
      if (c == ':') return go(State::trailerValue);
      return is(token, c) || wrong();
    case State::trailerValue:
      if (c == '\r') return go(State::trailerLineEnd);
      return is(fieldValue, c) || wrong();
    default:  // trailerLineEnd
      return c == '\n' ? go(State::trailerFirst) : wrong();
  }
}

}  // namespace artel::http
