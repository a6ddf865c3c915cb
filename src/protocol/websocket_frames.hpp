// WebSocket frames, read and written (RFC 6455 section 5). Pure: no socket, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "artel/protocol.hpp"
#include "artel/websocket.hpp"
#include "src/protocol/utf8.hpp"
#include "src/protocol/websocket_deflate.hpp"

namespace artel::websocket {

namespace opcode {
inline constexpr std::uint8_t continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa;
/// RSV1, beside the opcode of a message's first frame: the message is compressed (RFC 7692 section 6).
inline constexpr std::uint8_t compressed = 0x40;
}  // namespace opcode

using Utf8Validator = utf8::Validator;
inline bool validUtf8(std::string_view text) noexcept { return utf8::valid(text); }

/// What one frame meant.
struct Event {
  enum class Kind : std::uint8_t { none, message, ping, pong, close, violation };
  Kind kind = Kind::none;    ///< none: a fragment was stored
  std::string_view payload;  ///< close: the reason; violation: why, static text
  Type type = Type::text;    ///< of a message
  std::uint16_t code = 0;    ///< close: as received, closeCode::none without one; violation: what to close with
};

/// One per connection, server or client.
class Reader {
 public:
  /// With `compression`: permessage-deflate was agreed.
  explicit Reader(Role role, std::unique_ptr<Compression> compression = {}) noexcept;
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// The quick way: a whole message in one frame that has arrived whole is unmasked in place, checked, and set in
  /// `event`. Returns the frame's size; 0 when it is anything else, which input() and decode() then read.
  std::size_t takeWhole(std::span<char> bytes, std::size_t limit, Event& event) noexcept;
  /// Where the frame at the start of `bytes` ends. `limit` bounds a whole message, all its fragments together and
  /// inflated. needMore carries in `size` the length of the frame once it is known: text is checked while it arrives,
  /// so ask again at every read. invalid: violationCode() tells what to close with.
  Input input(std::span<const char> bytes, std::size_t limit);
  /// One whole frame, as measured by input; unmasks it in place. The event's payload lies in `frame`, or, for a message
  /// of several fragments or a compressed one, in this object until release(), input() or decode().
  Event decode(std::span<char> frame, std::size_t limit = static_cast<std::size_t>(-1));
  /// Gives the memory of a delivered message back. Cheap when there is none.
  void release() noexcept;

  /// 1002, 1007 or 1009 after a violation, else 0.
  std::uint16_t violationCode() const noexcept { return violation_; }
  /// Inside a fragmented message.
  bool unfinished() const noexcept { return fragmentOpcode_ != 0; }
  /// Bytes of memory that hold an unfinished or delivered message.
  std::size_t held() const noexcept { return message_ != nullptr ? message_->capacity() : 0; }
  /// Bytes that have come of an unfinished message, in whole fragments: what they cost its sender, not what they
  /// become.
  std::size_t arrived() const noexcept {
    if (!unfinished() || message_ == nullptr) return unfinished() && compressed_ ? arrived_ : 0;
    return compressed_ ? arrived_ : message_->size();
  }
  /// Null unless permessage-deflate was agreed.
  Compression* compression() const noexcept { return compression_.get(); }
  /// Nothing more will come or go: its memory is free for others.
  void endCompression() noexcept { compression_.reset(); }

 private:
  struct Frame;
  Input refuse(std::uint16_t code, std::string_view why) noexcept;
  Event violate(std::uint16_t code, std::string_view why) noexcept;
  std::string_view checkHeader(const Frame& frame, std::size_t available) const noexcept;
  bool isText(const Frame& frame) const noexcept;
  bool isCompressed(const Frame& frame) const noexcept;
  std::size_t room(const Frame& frame, std::size_t limit) const noexcept;
  std::uint16_t lookAtArrived(const Frame& frame, std::span<const char> bytes, std::size_t limit);
  std::uint16_t inflate(std::string_view piece, bool last, bool text, std::size_t limit);
  Event decodeData(const Frame& frame, std::string_view payload, std::size_t limit);
  Event decodeCompressed(const Frame& frame, std::string_view payload, std::size_t limit);
  Event decodeClose(std::string_view payload) noexcept;
  std::string& message();
  void keep(std::string* to, std::string_view piece, std::size_t limit);

  std::unique_ptr<Compression> compression_;
  std::string* message_ = nullptr;  // the fragments so far, or a delivered message until release(); of a pool
  std::uint64_t seen_ = 0;          // payload bytes of the current frame that utf8_ or the inflater has seen
  std::uint32_t arrived_ = 0;       // of a compressed message, in fragments
  std::uint16_t violation_ = 0;
  Utf8Validator utf8_;
  Role role_;
  std::uint8_t fragmentOpcode_ = 0;  // text or binary inside a fragmented message
  bool compressed_ = false;          // the fragmented message is
  bool delivered_ = false;
};

/// May an application send, or a peer send us, this close code (section 7.4)?
bool validCloseCode(std::uint16_t code) noexcept;

/// An unmasked whole message, as a server sends it.
void appendFrame(std::string& out, Type type, std::string_view payload);
/// The same, compressed where that helps.
void appendFrame(std::string& out, Type type, std::string_view payload, Compression& compression);
/// An unmasked control frame; a payload beyond 125 bytes is cut, for a longer one may not be sent (section 5.5).
void appendControl(std::string& out, std::uint8_t opcode, std::string_view payload);
/// An unmasked Close. Codes that never go on the wire (none, abnormal, invalid ones) make an empty Close frame; the
/// reason is cut to 123 bytes at a character border.
void appendClose(std::string& out, std::uint16_t code, std::string_view reason);
/// As a client sends it: FIN, masked with the four bytes of `key`, highest first.
void appendMaskedFrame(std::string& out, std::uint8_t opcode, std::string_view payload, std::uint32_t key);
/// The same for a whole message, compressed where that helps when `compression` is not null, with a key of its own.
void appendMaskedMessage(std::string& out, Type type, std::string_view payload, Compression* compression);
/// Four bytes that nobody can foresee (section 10.3).
std::uint32_t maskKey();
/// The payload of a Close frame as appendClose makes it, for a client to mask.
std::string closePayload(std::uint16_t code, std::string_view reason);

}  // namespace artel::websocket
