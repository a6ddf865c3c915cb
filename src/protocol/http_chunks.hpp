// Joins a chunked body in place (RFC 9112 section 7.1). Our own decoder: the joined bytes must lie where the chunk
// lines lay, and every deviation from the grammar is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "artel/http.hpp"

namespace artel::http {

class ChunkDecoder {
 public:
  enum class Result { needMore, complete, invalid };

  ChunkDecoder() = default;
  /// `at`: offset of the first chunk line; the body is joined from there on.
  void reset(std::size_t at, const Limits& limits, std::size_t bodyLimit);
  /// `bytes` begins where it began at the first call; reads on from the last byte read.
  Result read(char* bytes, std::size_t size);

  std::size_t consumed() const noexcept { return read_; }
  std::size_t bodySize() const noexcept { return written_ - start_; }
  int status() const noexcept { return status_; }
  std::string_view reason() const noexcept { return reason_; }

 private:
  enum class State : std::uint8_t {
    sizeFirst,
    size,
    extension,
    nameFirst,
    name,
    afterName,
    valueFirst,
    value,
    quoted,
    escaped,
    afterQuoted,
    lineEnd,
    data,
    dataCr,
    dataLf,
    trailerFirst,
    trailerName,
    trailerValue,
    trailerLineEnd,
    lastLineEnd,
    done
  };
  bool fail(int status, std::string_view reason);
  bool go(State next) { return state_ = next, true; }
  bool take(char c);
  bool takeSize(char c);
  bool takeExtension(char c);
  bool takeTrailer(char c);
  bool takeExact(char c, char expected, State next);

  std::size_t start_ = 0, read_ = 0, written_ = 0;
  std::uint64_t left_ = 0;  // of the current chunk
  std::size_t bodyLimit_ = 0;
  std::size_t framing_ = 0, framingLimit_ = 0;  // chunk lines without their extensions
  std::size_t extensions_ = 0, extensionLimit_ = 0;
  std::size_t trailer_ = 0, trailerLimit_ = 0;
  std::string_view reason_;
  int status_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::sizeFirst;
};

}  // namespace artel::http
