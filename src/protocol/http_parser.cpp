#include "src/protocol/http_parser.hpp"

#include <algorithm>
#include <limits>

#include "src/protocol/http_syntax.hpp"

namespace artel::http {

using namespace syntax;

namespace {

// RFC 9112 section 2.2 asks to ignore at least one empty line before a request; nobody needs more than a few.
constexpr std::size_t mostLeading = 4 * 2;
// Longer than any method there is: 501 (RFC 9112 section 3).
constexpr std::size_t longestMethod = 32;
// Offsets within the head are 32 bits wide.
constexpr std::size_t largestHead = std::size_t{1} << 30;

}  // namespace

void Parser::reset(const Limits& limits, std::size_t bodyLimit) {
  head_ = {};
  fields_.clear();
  limits_ = limits;
  limits_.headerBlock = std::min(limits.headerBlock, largestHead);
  limits_.requestLine = std::min(limits.requestLine, limits_.headerBlock);
  bodyLimit_ = bodyLimit;
  lead_ = read_ = lineStart_ = value_ = whole_ = 0;
  contentLength_ = 0;
  status_ = 0;
  reason_ = {};
  stage_ = Stage::leading;
  continuePending_ = false;
}

Parser::Outcome Parser::outcome() const noexcept {
  if (stage_ == Stage::invalid) return {State::invalid, 0, status_, reason_};
  return {stage_ == Stage::complete ? State::complete : State::needMore, whole_, 0, {}};
}

// Each step that has all its bytes sets the next stage.
void Parser::advance(std::span<char> buffer) {
  if (stage_ == Stage::leading && readLeading(buffer) != Step::next) return;
  bytes_ = {buffer.data() + lead_, buffer.size() - lead_};
  if (stage_ == Stage::method && readMethod() != Step::next) return;
  if (stage_ == Stage::target && readTarget() != Step::next) return;
  if (stage_ == Stage::version && readVersion() != Step::next) return;
  if (stage_ == Stage::headers && readHeaders() != Step::next) return;
  if (stage_ == Stage::fixedBody) readFixedBody();
  if (stage_ == Stage::chunkedBody) readChunkedBody(buffer.subspan(lead_));
}

Parser::Step Parser::refuse(int status, std::string_view reason) {
  stage_ = Stage::invalid;
  status_ = status;
  reason_ = reason;
  return Step::invalid;
}

inline Parser::Step Parser::readLeading(std::span<const char> buffer) {
  if (!buffer.empty() && buffer[0] > '\r') {  // nearly always
    stage_ = Stage::method;
    return Step::next;
  }
  while (lead_ < buffer.size() && (buffer[lead_] == '\r' || buffer[lead_] == '\n')) {
    if (buffer[lead_] == '\n' || lead_ == mostLeading) return refuse(400, "malformed request line");
    if (lead_ + 1 == buffer.size()) return Step::needMore;
    if (buffer[lead_ + 1] != '\n') return refuse(400, "malformed request line");
    lead_ += 2;
  }
  if (lead_ == buffer.size()) return Step::needMore;
  stage_ = Stage::method;
  return Step::next;
}

inline Parser::Step Parser::readMethod() {
  constexpr std::string_view usual = "GET ";  // nearly all: one comparison
  if (bytes_.substr(0, usual.size()) == usual) {
    read_ = usual.size() - 1;
  } else {
    for (; read_ < bytes_.size(); ++read_) {
      if (bytes_[read_] == ' ') break;
      if (!is(token, bytes_[read_])) return refuse(400, "malformed method");
      if (read_ == longestMethod) return refuse(501, "method is not served");
    }
    if (read_ == bytes_.size()) return Step::needMore;
    if (const auto verdict = checkMethod(bytes_.substr(0, read_)); !verdict) return refuse(verdict);
    head_.isHead = bytes_.substr(0, read_) == "HEAD";
  }
  head_.methodSize = static_cast<std::uint32_t>(read_);
  head_.target = static_cast<std::uint32_t>(++read_);
  stage_ = Stage::target;
  return Step::next;
}

inline Parser::Step Parser::readTarget() {
  // request-target and one SP; no controls, no bytes beyond ASCII, no fragment (RFC 9112 section 3.2).
  constexpr std::size_t restOfLine = std::string_view(" HTTP/1.1").size();
  const std::size_t longest = std::max(limits_.requestLine, restOfLine) - restOfLine;  // where the SP must come
  const std::size_t end = std::min(bytes_.size(), longest + 1);
  std::size_t at = read_;
  while (at < end && is(targetByte, bytes_[at])) ++at;
  read_ = at;
  if (at >= end) return end > longest ? refuse(414, "request line is too long") : Step::needMore;
  if (bytes_[at] != ' ') return refuse(400, "malformed request target");
  head_.targetSize = static_cast<std::uint32_t>(read_) - head_.target;
  if (const auto verdict = checkTarget(bytes_.data(), head_); !verdict) return refuse(verdict);
  ++read_;
  stage_ = Stage::version;
  return Step::next;
}

inline Parser::Step Parser::readVersion() {
  // HTTP/1.0 and HTTP/1.1 only. A higher minor version could be answered as 1.1 (RFC 9110 section 2.5), as nginx does;
  // Node refuses. No such version exists, so whoever claims it is testing us: 505.
  constexpr std::string_view pattern = "HTTP/9.9\r\n", usual = "HTTP/1.1\r\n";
  const std::size_t start = head_.target + head_.targetSize + 1;
  if (bytes_.substr(start, usual.size()) == usual) {
    head_.minor = 1;
    read_ = start + usual.size();
  }
  for (; read_ < bytes_.size() && read_ < start + pattern.size(); ++read_) {
    const char expected = pattern[read_ - start], c = bytes_[read_];
    if (expected == '9' ? !isDigit(c) : c != expected) return refuse(400, "malformed request line");
    if (read_ - start != 7) continue;
    if (bytes_[read_ - 2] != '1' || c > '1') return refuse(505, "HTTP version is not served");
    head_.minor = static_cast<std::uint8_t>(c - '0');
  }
  if (read_ < start + pattern.size()) return Step::needMore;
  // Its CRLF, which requestLine does not count, has to fit into the block, too: readHeaders() goes on from here.
  if (read_ > limits_.headerBlock) return refuse(414, "request line is too long");
  lineStart_ = read_;
  stage_ = Stage::headers;
  return Step::next;
}

// field-line = field-name ":" OWS field-value OWS CRLF, and nothing else (RFC 9112 section 5): no space before the
// colon, no folded line, no bare CR or LF. Where the bytes end, the place is remembered, and whether it is in a name or
// a value.
Parser::Step Parser::readHeaders() {
  const char* const begin = bytes_.data();
  const char* const end = begin + std::min(bytes_.size(), limits_.headerBlock);
  const char* at = begin + read_;
  const auto pause = [&] {
    read_ = static_cast<std::size_t>(at - begin);
    return bytes_.size() < limits_.headerBlock ? Step::needMore : refuse(431, "header block is too large");
  };
  for (;;) {
    const char* const line = begin + lineStart_;
    if (value_ == 0) {
      if (at == line && at != end && *at == '\r') break;
      while (at != end && is(token, *at)) ++at;
      if (at == end) return pause();
      if (*at != ':' || at == line) return refuse(400, "malformed header line");
      if (fields_.size() >= limits_.headerCount) return refuse(431, "too many header lines");
      value_ = static_cast<std::size_t>(++at - begin);
    }
    at = skipFieldValue(at, end);
    if (at != end && *at != '\r') return refuse(400, "malformed header line");
    if (end - at < 2) return pause();
    if (at[1] != '\n') return refuse(400, "malformed header line");
    const std::string_view name(line, value_ - lineStart_ - 1);
    const auto value = trim({begin + value_, static_cast<std::size_t>(at - begin) - value_});
    fields_.push_back({static_cast<std::uint32_t>(lineStart_), static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(value.data() - begin), static_cast<std::uint32_t>(value.size())});
    at += 2;
    lineStart_ = static_cast<std::size_t>(at - begin);
    value_ = 0;
  }
  if (end - at < 2) return pause();
  if (at[1] != '\n') return refuse(400, "malformed header line");
  head_.headSize = static_cast<std::uint32_t>(lineStart_ + 2);
  return headersRead();
}

Parser::Step Parser::headersRead() {
  if (const auto verdict = checkHeaders(bytes_.data(), head_, fields_, contentLength_, goodHost_); !verdict)
    return refuse(verdict);
  head_.body = head_.headSize;
  continuePending_ = head_.expectsContinue;
  if (head_.chunked) {
    chunks_.reset(head_.body, limits_, bodyLimit_);
    stage_ = Stage::chunkedBody;
    return Step::next;
  }
  const std::size_t room = std::numeric_limits<std::size_t>::max() - lead_ - head_.headSize;
  if (contentLength_ > bodyLimit_ || contentLength_ > room) return refuse(413, "body is too large");
  head_.bodySize = static_cast<std::size_t>(contentLength_);
  whole_ = lead_ + head_.headSize + head_.bodySize;
  stage_ = Stage::fixedBody;
  return Step::next;
}

Parser::Step Parser::readFixedBody() {
  if (bytes_.size() > head_.headSize) continuePending_ = false;
  if (bytes_.size() < whole_ - lead_) return Step::needMore;
  stage_ = Stage::complete;
  return Step::next;
}

Parser::Step Parser::readChunkedBody(std::span<char> bytes) {
  if (bytes.size() > head_.headSize) continuePending_ = false;
  switch (chunks_.read(bytes.data(), bytes.size())) {
    case ChunkDecoder::Result::invalid:
      return refuse(chunks_.status(), chunks_.reason());
    case ChunkDecoder::Result::needMore:
      return Step::needMore;
    case ChunkDecoder::Result::complete:
      break;
  }
  head_.bodySize = chunks_.bodySize();
  whole_ = lead_ + chunks_.consumed();
  stage_ = Stage::complete;
  return Step::next;
}

// RFC 9110 section 10.1.1: 100 may be left out when some of the body has come already.
bool Parser::takeExpectContinue() {
  const bool pending = continuePending_ && (stage_ == Stage::fixedBody || stage_ == Stage::chunkedBody);
  continuePending_ = false;
  return pending;
}

Request Parser::request(const char* buffer) const noexcept { return {buffer + lead_, head_, fields_}; }

}  // namespace artel::http
