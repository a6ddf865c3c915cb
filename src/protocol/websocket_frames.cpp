#include "src/protocol/websocket_frames.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "src/protocol/bounded_append.hpp"
#include "src/protocol/byte_loops.hpp"
#include "src/protocol/quick_append.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::websocket {

namespace {

using Key = unsigned char[4];

constexpr std::size_t largestControl = 125;

bool isControl(std::uint8_t code) { return (code & 0x8) != 0; }

bool isKnown(std::uint8_t code) { return code <= opcode::binary || (code >= opcode::close && code <= opcode::pong); }

std::uint64_t bigEndian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

void appendHeader(std::string& out, std::uint8_t code, std::uint64_t size, bool masked) {
  if (size <= largestControl) {
    const char two[] = {static_cast<char>(0x80 | code), static_cast<char>((masked ? 0x80u : 0u) | size)};
    out.append(two, sizeof two);
    return;
  }
  char header[10];
  std::size_t used = 2;
  header[0] = static_cast<char>(0x80 | code);
  const unsigned maskBit = masked ? 0x80 : 0;
  const int bytes = size <= 0xffff ? 2 : 8;
  header[1] = static_cast<char>(maskBit | (bytes == 2 ? 126u : 127u));
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) header[used++] = static_cast<char>(size >> shift & 0xff);
  out.append(header, used);
}

std::string_view cutAtCharacter(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

/// Memory for messages that do not lie in the receive buffer, kept for the next one: what many small messages need, no
/// more.
class Buffers {
 public:
  std::string* take() { return count_ > 0 ? kept_[--count_] : new std::string; }
  void give(std::string* buffer) noexcept {
    if (count_ == std::size(kept_) || buffer->capacity() > largest) return delete buffer;
    buffer->clear();
    kept_[count_++] = buffer;
  }

 private:
  static constexpr std::size_t largest = 64 * 1024;
  std::string* kept_[4] = {};
  std::size_t count_ = 0;
};
Buffers& buffers() {
  static Buffers& one = *new Buffers;  // for ever: a connection may outlive every static object
  return one;
}
struct GiveBack {
  void operator()(std::string* buffer) const noexcept { buffers().give(buffer); }
};

constexpr std::string_view notText = "text is not UTF-8", tooLarge = "message is too large",
                           badClose = "illegal close frame", brokenOrNotText = "broken compressed data, or not UTF-8";

std::string_view reasonOf(std::uint16_t code, bool compressed) {
  return code == closeCode::tooBig ? tooLarge : compressed ? brokenOrNotText : notText;
}

/// How long a compressed message may be when it becomes at most `limit` bytes: what DEFLATE adds at worst to data that
/// does not become smaller, for any encoder in its right mind.
std::size_t compressedLimit(std::size_t limit) {
  const std::size_t more = limit / 8 + 1024;
  return limit > std::numeric_limits<std::size_t>::max() - more ? std::numeric_limits<std::size_t>::max()
                                                                : limit + more;
}

}  // namespace

Reader::Reader(Role role, std::unique_ptr<Compression> compression) noexcept
    : compression_(std::move(compression)), role_(role) {}

Reader::~Reader() {
  if (message_ != nullptr) buffers().give(message_);
}

// A header as far as it has arrived (RFC 6455 section 5.2).
struct Reader::Frame {
  std::uint8_t opcode = 0, reserved = 0, shortLength = 0;
  bool fin = false, masked = false;
  bool known = false;          // header complete, mask included
  std::size_t lengthSize = 0;  // of the extended length
  std::size_t headerSize = 0;
  std::uint64_t length = 0;
  bool lengthKnown = false;
  Key key = {};

  explicit Frame(std::span<const char> bytes) {
    if (bytes.empty()) return;
    const auto first = static_cast<unsigned char>(bytes[0]);
    fin = (first & 0x80) != 0;
    reserved = first & 0x70;
    opcode = first & 0x0f;
    if (bytes.size() < 2) return;
    const auto second = static_cast<unsigned char>(bytes[1]);
    masked = (second & 0x80) != 0;
    shortLength = second & 0x7f;
    lengthSize = shortLength == 126 ? 2 : shortLength == 127 ? 8 : 0;
    headerSize = 2 + lengthSize + (masked ? 4 : 0);
    if (bytes.size() < 2 + lengthSize) return;
    length = lengthSize == 0 ? shortLength : bigEndian(bytes.subspan(2, lengthSize));
    lengthKnown = true;
    if (bytes.size() < headerSize) return;
    if (masked) std::memcpy(key, bytes.data() + 2 + lengthSize, sizeof key);
    known = true;
  }
  std::size_t size() const { return headerSize + static_cast<std::size_t>(length); }
};

Input Reader::refuse(std::uint16_t code, std::string_view why) noexcept {
  violate(code, why);
  return Input::invalid(why);
}

Event Reader::violate(std::uint16_t code, std::string_view why) noexcept {
  violation_ = code;
  delivered_ = message_ != nullptr;  // nobody will finish it
  release();
  // The words of input(), which meets the same when it comes in pieces: they go into our Close.
  return {Event::Kind::violation, why, Type::text, code};
}

void Reader::release() noexcept {
  if (!delivered_) return;
  delivered_ = false;
  buffers().give(std::exchange(message_, nullptr));
}

std::string& Reader::message() {
  if (message_ == nullptr) message_ = buffers().take();
  return *message_;
}

// Without memory for it the message cannot go on: it would have a hole. nullptr: of message().
void Reader::keep(std::string* to, std::string_view piece, std::size_t limit) {
  try {
    appendBounded(to != nullptr ? *to : message(), piece, limit);
  } catch (...) {
    violate(closeCode::internalError, "no memory for a message");
    throw;
  }
}

bool Reader::isText(const Frame& frame) const noexcept {
  return frame.opcode == opcode::text || (frame.opcode == opcode::continuation && fragmentOpcode_ == opcode::text);
}

bool Reader::isCompressed(const Frame& frame) const noexcept {
  return (frame.reserved != 0 || compressed_) && !isControl(frame.opcode);
}

// The first thing wrong with what is there of a header; empty when nothing is. Each byte is judged when it comes.
std::string_view Reader::checkHeader(const Frame& frame, std::size_t available) const noexcept {
  if (frame.reserved != 0) {
    // RFC 7692 section 6: on the first frame of a message, and only there.
    const bool begins = frame.opcode == opcode::text || frame.opcode == opcode::binary;
    if (frame.reserved != opcode::compressed || !compression_) return "reserved bit set without an extension";
    if (!begins) return "compression bit on a frame that begins no message";
  }
  if (!isKnown(frame.opcode)) return "unknown opcode";
  if (isControl(frame.opcode)) {
    if (!frame.fin) return "fragmented control frame";
  } else if (frame.opcode == opcode::continuation) {
    if (!unfinished()) return "continuation of nothing";
  } else if (unfinished()) {
    return "new message inside a fragmented one";
  }
  if (available < 2) return {};
  if (frame.masked != (role_ == Role::server)) return frame.masked ? "masked frame from a server" : "unmasked frame";
  if (isControl(frame.opcode) && frame.shortLength > largestControl) return "control frame over 125 bytes";
  if (!frame.lengthKnown) return {};
  // Section 5.2: the minimal number of bytes must be used, and the highest bit of 64 must be 0.
  if (frame.lengthSize == 2 && frame.length <= largestControl) return "length not encoded minimally";
  if (frame.lengthSize == 8 && frame.length <= 0xffff) return "length not encoded minimally";
  if ((frame.length >> 63) != 0) return "length of more than 63 bits";
  return {};
}

// Nearly every frame is a whole message and has arrived whole. All else, and whatever is wrong with it, is left to
// input() and decode().
std::size_t Reader::takeWhole(std::span<char> bytes, std::size_t limit, Event& event) noexcept {
  if (role_ != Role::server || fragmentOpcode_ != 0 || seen_ != 0 || violation_ != 0 || delivered_) return 0;
  if (bytes.size() < 6) return 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const auto first = byte(0), second = byte(1);
  if ((first != (0x80 | opcode::text) && first != (0x80 | opcode::binary)) || (second & 0x80) == 0) return 0;
  std::size_t size = second & 0x7fu, header = 6;
  if (size > largestControl) {
    if (size != 126 || bytes.size() < 8) return 0;
    size = static_cast<std::size_t>(byte(2)) << 8 | byte(3);
    header = 8;
    if (size <= largestControl) return 0;
  }
  if (size > limit || bytes.size() - header < size) return 0;
  Key key;
  std::memcpy(key, bytes.data() + header - sizeof key, sizeof key);
  char* const data = bytes.data() + header;
  const bool ascii = applyMask(data, size, key);
  const bool text = first == (0x80 | opcode::text);
  if (text && !ascii && !validUtf8({data, size})) {
    event = violate(closeCode::invalidPayload, notText);
  } else {
    event = {Event::Kind::message, {data, size}, text ? Type::text : Type::binary, 0};
  }
  return header + size;
}

Input Reader::input(std::span<const char> bytes, std::size_t limit) {
  release();
  if (violation_ != 0) return Input::invalid("data after a violation");
  if (bytes.empty()) return Input::needMore();
  const Frame frame(bytes);
  if (const auto why = checkHeader(frame, bytes.size()); !why.empty()) return refuse(closeCode::protocolError, why);
  if (!frame.lengthKnown) return Input::needMore();
  if (!isControl(frame.opcode)) {
    // Compared without adding: lengths up to 2^63 - 1 must not wrap.
    if (frame.length > room(frame, limit) ||
        frame.length > std::numeric_limits<std::size_t>::max() - frame.headerSize) {
      return refuse(closeCode::tooBig, tooLarge);
    }
  }
  if (bytes.size() >= frame.size()) return Input::packet(frame.size());
  const bool compressed = isCompressed(frame);
  if (compressed ? !compression_->inflatesPieces() : !isText(frame)) return Input::packet(frame.size());
  if (frame.known) {
    if (const auto code = lookAtArrived(frame, bytes, limit); code != 0)
      return refuse(code, reasonOf(code, compressed));
  }
  return {Input::Kind::needMore, frame.size(), {}};
}

// For the payload of this frame.
std::size_t Reader::room(const Frame& frame, std::size_t limit) const noexcept {
  std::size_t taken = message_ != nullptr ? message_->size() : 0;
  if (isCompressed(frame)) {
    limit = compressedLimit(limit);
    if (compression_->inflatesPieces()) taken = 0;  // what is there is inflated already; inflate() looks at the limit
  }
  return limit > taken ? limit - taken : 0;
}

// Text that is not UTF-8 ends the connection at the bad byte, not at the end of a frame that may be gigabytes away; the
// same for a compressed message that becomes too large. 0, or the code to close with.
std::uint16_t Reader::lookAtArrived(const Frame& frame, std::span<const char> bytes, std::size_t limit) {
  std::string_view fresh(bytes.data(), bytes.size());
  fresh.remove_prefix(frame.headerSize + static_cast<std::size_t>(seen_));
  char piece[512];
  while (!fresh.empty()) {
    const std::size_t size = std::min(fresh.size(), sizeof piece);
    std::memcpy(piece, fresh.data(), size);
    if (frame.masked) applyMask(piece, size, frame.key, static_cast<std::size_t>(seen_));
    if (isCompressed(frame)) {
      if (const auto code = inflate({piece, size}, false, isText(frame), limit); code != 0) return code;
    } else if (!utf8_.feed({piece, size})) {
      return closeCode::invalidPayload;
    }
    seen_ += size;
    fresh.remove_prefix(size);
  }
  return 0;
}

Event Reader::decode(std::span<char> bytes, std::size_t limit) {
  release();
  const Frame frame(bytes);
  if (violation_ != 0 || !frame.known || bytes.size() - frame.headerSize < frame.length) {
    return violate(violation_ != 0 ? violation_ : closeCode::protocolError, "not a whole frame");
  }
  char* data = bytes.data() + frame.headerSize;
  const auto size = static_cast<std::size_t>(frame.length);
  if (frame.masked) applyMask(data, size, frame.key);
  const std::string_view payload(data, size);
  switch (frame.opcode) {
    case opcode::close:
      return decodeClose(payload);
    case opcode::ping:
      return {Event::Kind::ping, payload, Type::binary, 0};
    case opcode::pong:
      return {Event::Kind::pong, payload, Type::binary, 0};
    default:
      return isCompressed(frame) ? decodeCompressed(frame, payload, limit) : decodeData(frame, payload, limit);
  }
}

Event Reader::decodeData(const Frame& frame, std::string_view payload, std::size_t limit) {
  if (isText(frame)) {
    const bool valid = utf8_.feed(payload.substr(static_cast<std::size_t>(std::exchange(seen_, 0))));
    if (!valid || (frame.fin && !utf8_.finished())) return violate(closeCode::invalidPayload, notText);
  }
  const std::uint8_t code = fragmentOpcode_ != 0 ? fragmentOpcode_ : frame.opcode;
  const Type type = code == opcode::text ? Type::text : Type::binary;
  if (frame.fin && fragmentOpcode_ == 0) return {Event::Kind::message, payload, type, 0};
  keep(message_, payload, limit);
  fragmentOpcode_ = frame.fin ? 0 : code;
  if (!frame.fin) return {};
  delivered_ = true;
  return {Event::Kind::message, *message_, type, 0};
}

// With a context of its own the message is inflated as it comes, else when it is whole: there is one inflater for all
// who have none, and it cannot wait.
Event Reader::decodeCompressed(const Frame& frame, std::string_view payload, std::size_t limit) {
  const std::uint8_t code = fragmentOpcode_ != 0 ? fragmentOpcode_ : frame.opcode;
  payload.remove_prefix(static_cast<std::size_t>(std::exchange(seen_, 0)));
  std::uint16_t wrong = 0;
  if (compression_->inflatesPieces()) {
    wrong = inflate(payload, frame.fin, code == opcode::text, limit);
  } else if (!frame.fin) {
    keep(message_, payload, compressedLimit(limit));
  } else {
    const std::unique_ptr<std::string, GiveBack> begun(std::exchange(message_, nullptr));
    if (begun) keep(begun.get(), payload, compressedLimit(limit));
    wrong = inflate(begun ? *begun : payload, true, code == opcode::text, limit);
  }
  if (wrong != 0) return violate(wrong, reasonOf(wrong, true));
  fragmentOpcode_ = frame.fin ? 0 : code;
  arrived_ = compressed_ ? arrived_ : 0;
  arrived_ += static_cast<std::uint32_t>(std::min<std::uint64_t>(frame.length, UINT32_MAX - arrived_));
  compressed_ = !frame.fin;
  if (!frame.fin) return {};
  delivered_ = true;
  return {Event::Kind::message, message(), code == opcode::text ? Type::text : Type::binary, 0};
}

// 0, or the code to close with.
std::uint16_t Reader::inflate(std::string_view piece, bool last, bool text, std::size_t limit) {
  using Outcome = Inflater::Outcome;
  Utf8Validator* const check = text ? &utf8_ : nullptr;
  Outcome outcome = Outcome::ok;
  try {
    outcome = compression_->inflater().feed(piece, message(), limit, check);
    if (outcome == Outcome::ok && last) outcome = compression_->inflater().finish(message(), limit, check);
  } catch (...) {  // no memory: the message cannot go on, and the next one could lean on it
    compression_->messageEnds();
    violate(closeCode::internalError, "no memory for a compressed message");
    throw;
  }
  if (last || outcome != Outcome::ok) compression_->messageEnds();
  switch (outcome) {
    case Outcome::ok:
      return 0;
    case Outcome::tooBig:
      return closeCode::tooBig;
    default:
      return closeCode::invalidPayload;
  }
}

// Section 7.1.5 and 7.1.6: no payload, or a code, followed by a reason in UTF-8.
Event Reader::decodeClose(std::string_view payload) noexcept {
  if (payload.empty()) return {Event::Kind::close, {}, Type::text, closeCode::none};
  if (payload.size() == 1) return violate(closeCode::protocolError, badClose);
  const auto code = static_cast<std::uint16_t>(bigEndian({payload.data(), 2}));
  if (!validCloseCode(code)) return violate(closeCode::protocolError, badClose);
  payload.remove_prefix(2);
  if (!validUtf8(payload)) return violate(closeCode::invalidPayload, notText);
  return {Event::Kind::close, payload, Type::text, code};
}

// Sections 7.4.1 and 7.4.2, and the IANA registry for 1012 to 1014. 1004 has no meaning; 1005, 1006 and 1015 must not
// be sent; 1016 to 2999 are for future revisions.
bool validCloseCode(std::uint16_t code) noexcept {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

void appendFrame(std::string& out, Type type, std::string_view payload) {
  if (char frame[2 + 64]; payload.size() <= sizeof frame - 2) {  // nearly all of a chat or a game: one append
    frame[0] = static_cast<char>(0x80 | (type == Type::text ? opcode::text : opcode::binary));
    frame[1] = static_cast<char>(payload.size());
    copyShort(frame + 2, payload);
    return quickAppend(out, {frame, 2 + payload.size()});
  }
  appendHeader(out, type == Type::text ? opcode::text : opcode::binary, payload.size(), false);
  out.append(payload);
}

void appendFrame(std::string& out, Type type, std::string_view payload, Compression& compression) {
  const auto smaller = compression.deflate(payload);
  if (!smaller) return appendFrame(out, type, payload);
  const std::uint8_t code = type == Type::text ? opcode::text : opcode::binary;
  try {
    appendHeader(out, code | opcode::compressed, smaller->size(), false);
    out.append(*smaller);
  } catch (...) {
    compression.sent(false);  // the peer will not know what the context now builds on
    throw;
  }
  compression.sent(true);
}

void appendControl(std::string& out, std::uint8_t code, std::string_view payload) {
  payload = payload.substr(0, largestControl);
  appendHeader(out, code, payload.size(), false);
  out.append(payload);
}

std::string closePayload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  if (!validCloseCode(code)) return payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  reason = cutAtCharacter(reason, largestControl - 2);
  if (validUtf8(reason)) payload.append(reason);
  return payload;
}

void appendClose(std::string& out, std::uint16_t code, std::string_view reason) {
  appendControl(out, opcode::close, closePayload(code, reason));
}

void appendMaskedFrame(std::string& out, std::uint8_t code, std::string_view payload, std::uint32_t key) {
  const Key bytes = {static_cast<unsigned char>(key >> 24), static_cast<unsigned char>(key >> 16 & 0xff),
                     static_cast<unsigned char>(key >> 8 & 0xff), static_cast<unsigned char>(key & 0xff)};
  appendHeader(out, code, payload.size(), true);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
  const std::size_t start = out.size();
  out.append(payload);
  applyMask(out.data() + start, payload.size(), bytes);
}

void appendMaskedMessage(std::string& out, Type type, std::string_view payload, Compression* compression) {
  const std::uint8_t code = type == Type::text ? opcode::text : opcode::binary;
  const auto smaller = compression != nullptr ? compression->deflate(payload) : std::nullopt;
  if (!smaller) return appendMaskedFrame(out, code, payload, maskKey());
  try {
    appendMaskedFrame(out, code | opcode::compressed, *smaller, maskKey());
  } catch (...) {
    compression->sent(false);  // the peer will not know what the context now builds on
    throw;
  }
  compression->sent(true);
}

// In stock: a call of the generator for each frame would cost more than the frame.
std::uint32_t maskKey() {
  static std::uint32_t stock[256];
  static std::size_t left = 0;
  if (left == 0) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(stock), sizeof stock) != 1)
      throw std::runtime_error("the system gives no random numbers");
    left = std::size(stock);
  }
  return stock[--left];
}

}  // namespace artel::websocket
