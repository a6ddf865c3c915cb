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

// Every llhttp callback gets the parser through machine_.data. A negative result stops llhttp with an error.
struct Parser::Callbacks {
  static Parser& self(llhttp_t* machine) { return *static_cast<Parser*>(machine->data); }

  static int headerField(llhttp_t* machine, const char* at, std::size_t size) {
    Parser& parser = self(machine);
    return parser.beginField(static_cast<std::size_t>(at - parser.bytes_.data()), size) ? 0 : -1;
  }
  static int headerFieldComplete(llhttp_t* machine) { return self(machine).endName() ? 0 : -1; }
  static int headerValue(llhttp_t* machine, const char* at, std::size_t size) {
    Parser& parser = self(machine);
    if (size == 0) return 0;
    if (parser.fields_.empty()) return -1;
    const auto offset = static_cast<std::uint32_t>(at - parser.bytes_.data());
    detail::Field& field = parser.fields_.back();
    if (field.valueSize == 0) field.value = offset;
    if (field.value + field.valueSize != offset) return -1;  // a folded line (RFC 9112 section 5.2)
    field.valueSize += static_cast<std::uint32_t>(size);
    return 0;
  }
  static int headersComplete(llhttp_t*) { return HPE_PAUSED; }

  static llhttp_settings_t makeSettings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_header_field = headerField;
    settings.on_header_field_complete = headerFieldComplete;
    settings.on_header_value = headerValue;
    settings.on_headers_complete = headersComplete;
    return settings;
  }

  // A machine that has just read a request line: each request begins with a copy of it instead of reading its own line
  // twice. Nothing we use of llhttp depends on method, target or version.
  static const llhttp_t& afterRequestLine() {
    static const llhttp_settings_t settings = makeSettings();
    static const llhttp_t machine = [] {
      llhttp_t made;
      llhttp_init(&made, HTTP_REQUEST, &settings);
      constexpr std::string_view line = "GET / HTTP/1.1\r\n";
      llhttp_execute(&made, line.data(), line.size());
      return made;
    }();
    return machine;
  }

  // llhttp built in its loose mode takes spaces for part of a name.
  static bool letsSpacesThrough() {
    static const bool loose = [] {
      llhttp_t machine;
      llhttp_settings_t settings;
      llhttp_settings_init(&settings);
      llhttp_init(&machine, HTTP_REQUEST, &settings);
      constexpr std::string_view request = "GET / HTTP/1.1\r\na b: c\r\n\r\n";
      return llhttp_execute(&machine, request.data(), request.size()) == HPE_OK;
    }();
    return loose;
  }
};

Parser::Parser() = default;
Parser::Parser(const Parser& other) = default;
Parser& Parser::operator=(const Parser& other) = default;

void Parser::reset(const Limits& limits, std::size_t bodyLimit) {
  machine_ = Callbacks::afterRequestLine();
  head_ = {};
  fields_.clear();
  limits_ = limits;
  limits_.headerBlock = std::min(limits.headerBlock, largestHead);
  limits_.requestLine = std::min(limits.requestLine, limits_.headerBlock);
  bodyLimit_ = bodyLimit;
  lead_ = read_ = lineStart_ = whole_ = 0;
  contentLength_ = 0;
  status_ = 0;
  reason_ = {};
  stage_ = Stage::leading;
  inName_ = continuePending_ = false;
}

Parser::Outcome Parser::parse(std::span<char> buffer) {
  advance(buffer);
  bytes_ = {};
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
  if (stage_ == Stage::headersEnd && readHeadersEnd() != Step::next) return;
  if (stage_ == Stage::fixedBody) readFixedBody();
  if (stage_ == Stage::chunkedBody) readChunkedBody(buffer.subspan(lead_));
}

Parser::Step Parser::refuse(int status, std::string_view reason) {
  stage_ = Stage::invalid;
  status_ = status;
  reason_ = reason;
  return Step::invalid;
}

Parser::Step Parser::readLeading(std::span<const char> buffer) {
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

Parser::Step Parser::readMethod() {
  for (; read_ < bytes_.size(); ++read_) {
    if (bytes_[read_] == ' ') break;
    if (!is(token, bytes_[read_])) return refuse(400, "malformed method");
    if (read_ == longestMethod) return refuse(501, "method is not served");
  }
  if (read_ == bytes_.size()) return Step::needMore;
  if (const auto verdict = checkMethod(bytes_.substr(0, read_)); !verdict) return refuse(verdict);
  head_.methodSize = static_cast<std::uint32_t>(read_);
  head_.isHead = bytes_.substr(0, read_) == "HEAD";
  head_.target = static_cast<std::uint32_t>(++read_);
  stage_ = Stage::target;
  return Step::next;
}

Parser::Step Parser::readTarget() {
  // request-target and one SP; no controls, no bytes beyond ASCII, no fragment (RFC 9112 section 3.2).
  constexpr std::size_t restOfLine = std::string_view(" HTTP/1.1").size();
  const std::size_t longest = std::max(limits_.requestLine, restOfLine) - restOfLine;  // where the SP must come
  for (; read_ < bytes_.size() && read_ <= longest; ++read_) {
    const char c = bytes_[read_];
    if (c == ' ') break;
    if (c < '!' || c > '~' || c == '#') return refuse(400, "malformed request target");
  }
  if (read_ > longest) return refuse(414, "request line is too long");
  if (read_ == bytes_.size()) return Step::needMore;
  head_.targetSize = static_cast<std::uint32_t>(read_) - head_.target;
  if (const auto verdict = checkTarget(bytes_.data(), head_); !verdict) return refuse(verdict);
  ++read_;
  stage_ = Stage::version;
  return Step::next;
}

Parser::Step Parser::readVersion() {
  // HTTP/1.0 and HTTP/1.1 only. A higher minor version could be answered as 1.1 (RFC 9110 section 2.5), as nginx does;
  // Node refuses. No such version exists, so whoever claims it is testing us: 505.
  constexpr std::string_view pattern = "HTTP/9.9\r\n", usual = "HTTP/1.1\r\n";
  const std::size_t start = head_.target + head_.targetSize + 1;
  if (bytes_.substr(start, usual.size()) == usual) read_ = start + usual.size();
  for (; read_ < bytes_.size() && read_ < start + pattern.size(); ++read_) {
    const char expected = pattern[read_ - start], c = bytes_[read_];
    if (expected == '9' ? !isDigit(c) : c != expected) return refuse(400, "malformed request line");
    if (read_ - start != 7) continue;
    if (bytes_[read_ - 2] != '1' || c > '1') return refuse(505, "HTTP version is not served");
    head_.minor = static_cast<std::uint8_t>(c - '0');
  }
  if (read_ < start + pattern.size()) return Step::needMore;
  lineStart_ = read_;
  stage_ = Stage::headers;
  return Step::next;
}

Parser::Step Parser::readHeaders() {
  const std::size_t end = std::min(bytes_.size(), limits_.headerBlock);
  if (read_ < end) {
    machine_.data = this;  // a copied parser is another one
    const llhttp_errno_t error = llhttp_execute(&machine_, bytes_.data() + read_, end - read_);
    if (error == HPE_PAUSED) {
      stage_ = Stage::headersEnd;
      return Step::next;
    }
    if (status_ != 0) return refuse(status_, reason_);
    if (error != HPE_OK) return refuse(400, "malformed header line");
    read_ = end;
  }
  if (read_ >= limits_.headerBlock) return refuse(431, "header block is too large");
  return Step::needMore;
}

// A name begins, or goes on after a split. The line before it must have ended exactly here.
bool Parser::beginField(std::size_t at, std::size_t size) {
  if (inName_) {
    detail::Field& field = fields_.back();
    if (at != field.name + field.nameSize) return false;
    field.nameSize += static_cast<std::uint32_t>(size);
    return true;
  }
  if (!fields_.empty() && !endField()) return false;
  if (at != lineStart_) return false;
  inName_ = true;
  detail::Field& field = fields_.emplace_back();
  field.name = static_cast<std::uint32_t>(at);
  field.nameSize = static_cast<std::uint32_t>(size);
  return true;
}

// The colon is there. Lines are counted here and not where a name begins: a split within the name shows its beginning
// before llhttp has seen whether it is one, and every split must give the same answer.
bool Parser::endName() {
  inName_ = false;
  if (fields_.size() <= limits_.headerCount) return true;
  status_ = 431;
  reason_ = "too many header lines";
  return false;
}

// field-line = field-name ":" OWS field-value OWS CRLF (RFC 9112 section 5): nothing else may lie between the name and
// the next line, whatever llhttp has skipped.
bool Parser::endField() {
  detail::Field& field = fields_.back();
  const char* const end = bytes_.data() + bytes_.size();
  const char* at = bytes_.data() + field.name + field.nameSize;
  if (field.nameSize == 0 || at >= end || *at++ != ':') return false;
  if (Callbacks::letsSpacesThrough() && bytes_.substr(field.name, field.nameSize).find(' ') != std::string_view::npos) {
    return false;
  }
  while (at != end && isOws(*at)) ++at;
  const char* const value = at;
  if (field.valueSize == 0) field.value = static_cast<std::uint32_t>(value - bytes_.data());
  if (bytes_.data() + field.value != value) return false;
  at += field.valueSize;
  const char* valueEnd = at;
  while (valueEnd != value && isOws(valueEnd[-1])) --valueEnd;
  field.valueSize = static_cast<std::uint32_t>(valueEnd - value);
  while (at != end && isOws(*at)) ++at;
  if (end - at < 2 || at[0] != '\r' || at[1] != '\n') return false;
  lineStart_ = static_cast<std::size_t>(at + 2 - bytes_.data());
  return true;
}

Parser::Step Parser::readHeadersEnd() {
  if (!fields_.empty() && !endField()) return refuse(400, "malformed header line");
  if (bytes_.substr(lineStart_, 2) != "\r\n") return refuse(400, "malformed header line");
  head_.headSize = static_cast<std::uint32_t>(lineStart_ + 2);
  if (const auto verdict = checkHeaders(bytes_.data(), head_, fields_, contentLength_); !verdict)
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

bool Parser::headersComplete() const noexcept {
  return stage_ == Stage::fixedBody || stage_ == Stage::chunkedBody || stage_ == Stage::complete;
}

Request Parser::request(const char* buffer) const noexcept { return {buffer + lead_, head_, fields_}; }

}  // namespace artel::http
