// Turns bytes into HTTP requests, one at a time, with limits (RFC 9112). Pure: no socket, no clock.
//
// The buffer handed to parse() always begins with the first byte of the current request and only ever grows (it may
// move). While a request is incomplete the parser remembers how far it has read, so no byte is parsed twice. A chunked
// body is joined in place: the parser moves data bytes down over chunk lines it has already read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artel/http.hpp"
#include "src/protocol/http_chunks.hpp"
#include "src/protocol/http_head.hpp"

namespace artel::http {

class Parser {
 public:
  enum class State { needMore, complete, invalid };
  struct Outcome {
    State state = State::needMore;
    /// complete: the bytes of the buffer that belong to this request.
    /// needMore: the size the whole request will have, when already known (headers read, Content-Length), else 0.
    std::size_t size = 0;
    int status = 0;           ///< invalid: 400, 413, 414, 417, 431, 501 or 505
    std::string_view reason;  ///< invalid: static text, one phrase
  };

  // Copyable while incomplete: state is plain data and offsets.

  /// Ready for the next request.
  void reset(const Limits& limits, std::size_t bodyLimit);
  Outcome parse(std::span<char> buffer) {
    parseWhole(buffer);
    return outcome();
  }
  /// The same, when only a whole request matters: its size; 0: outcome() tells.
  std::size_t parseWhole(std::span<char> buffer) {
    advance(buffer);
    bytes_ = {};
    return stage_ == Stage::complete ? whole_ : 0;
  }
  Outcome outcome() const noexcept;
  /// True once: the header block is complete, the client waits for "100 Continue" and its body is not there yet.
  bool takeExpectContinue();
  /// Where the bytes given so far end: in the head, once its first line has begun, or in the body, once the head is
  /// whole. none: empty lines at most have come.
  enum class Part : std::uint8_t { none, head, body };
  Part part() const noexcept {
    if (stage_ == Stage::leading) return Part::none;
    return stage_ < Stage::fixedBody ? Part::head : Part::body;
  }
  /// After complete; views into `buffer`, which must be the bytes given to parse (wherever they lie now).
  Request request(const char* buffer) const noexcept;
  /// The same, as far as it is not made of bytes.
  const detail::Head& head() const noexcept { return head_; }

 private:
  enum class Stage : std::uint8_t {
    leading,
    method,
    target,
    version,
    headers,
    fixedBody,
    chunkedBody,
    complete,
    invalid
  };
  enum class Step : std::uint8_t { next, needMore, invalid };

  Step refuse(int status, std::string_view reason);
  Step refuse(const Verdict& verdict) { return refuse(verdict.status, verdict.reason); }
  void advance(std::span<char> buffer);
  inline Step readLeading(std::span<const char> buffer);
  inline Step readMethod();
  inline Step readTarget();
  inline Step readVersion();
  Step readHeaders();
  Step headersRead();
  Step readFixedBody();
  Step readChunkedBody(std::span<char> bytes);

  ChunkDecoder chunks_;
  detail::Head head_;
  std::vector<detail::Field> fields_;
  Limits limits_;
  std::size_t bodyLimit_ = 0;
  std::size_t lead_ = 0;       // CRLFs skipped before the request line; all other offsets count from its first byte
  std::size_t read_ = 0;       // bytes of the head that were looked at
  std::size_t lineStart_ = 0;  // of the header line that is being read
  std::size_t value_ = 0;      // where its value begins; 0: still in its name
  std::size_t whole_ = 0;      // size of the request, once it is known
  std::uint64_t contentLength_ = 0;
  std::string goodHost_;    // the last one that was well formed: hosts repeat
  std::string_view bytes_;  // from the request line on, during one parse()
  int status_ = 0;
  std::string_view reason_;
  Stage stage_ = Stage::leading;
  bool continuePending_ = false;
};

}  // namespace artel::http
