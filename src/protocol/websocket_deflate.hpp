// permessage-deflate (RFC 7692): what is agreed in the handshake, and messages made smaller and whole again. Pure, and
// the only place that knows zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/protocol/utf8.hpp"

struct z_stream_s;

namespace artel::websocket {

/// Which side of the connection we are: a server expects masked frames, a client unmasked ones (RFC 6455 section 5.1).
enum class Role : std::uint8_t { server, client };

/// The outcome of a negotiation, in the words of its answer. 15 is the window nobody spoke of.
struct DeflateAgreement {
  bool serverKeeps = true, clientKeeps = true;  ///< its context, from message to message
  std::uint8_t serverWindow = 15, clientWindow = 15;
  bool operator==(const DeflateAgreement&) const = default;
};

/// The first offer of a client that is without fault, or nothing. `keepContexts`: false asks for an agreement that
/// costs no memory between messages. `offers` is the header, whose grammar is right.
std::optional<DeflateAgreement> chooseDeflate(std::string_view offers, bool keepContexts);
/// The element of the answer's header.
std::string deflateAnswer(const DeflateAgreement& agreement);

/// What our clients offer.
inline constexpr std::string_view deflateOffer =
    "permessage-deflate; client_max_window_bits; server_max_window_bits=12, "
    "permessage-deflate; client_max_window_bits";
/// What a server made of deflateOffer. Not valid: the client must end the connection (section 5.1).
struct DeflateAnswer {
  bool valid = false;
  std::optional<DeflateAgreement> agreed;  ///< nothing: it was declined
};
DeflateAnswer readDeflateAnswer(std::string_view header);

namespace detail {
/// zlib's state; it must not move, so it lives behind a pointer.
struct EndDeflate {
  void operator()(z_stream_s* stream) const noexcept;
};
struct EndInflate {
  void operator()(z_stream_s* stream) const noexcept;
};
}  // namespace detail

/// One direction out. Level 1, memLevel 4: the cheapest that still halves JSON.
class Deflater {
 public:
  static constexpr int largestWindow = 12;
  explicit Deflater(int window);
  /// Appends the compressed message, without the four bytes of its tail (section 7.2.1).
  void message(std::string_view message, std::string& out);
  /// Forgets the messages so far.
  void reset() noexcept;

 private:
  std::unique_ptr<z_stream_s, detail::EndDeflate> stream_;
};

/// One direction in.
class Inflater {
 public:
  enum class Outcome : std::uint8_t { ok, corrupt, tooBig, notText };
  explicit Inflater(int window);
  /// Appends to `out`, which never grows beyond `limit`; `text`, if any, looks at what is appended.
  Outcome feed(std::string_view piece, std::string& out, std::size_t limit, utf8::Validator* text);
  /// After the last piece of a message (section 7.2.2).
  Outcome finish(std::string& out, std::size_t limit, utf8::Validator* text);
  /// Forgets the messages so far.
  void reset() noexcept;

 private:
  std::unique_ptr<z_stream_s, detail::EndInflate> stream_;
  bool fed_ = false;    // the message has bytes
  bool ended_ = false;  // the last block said that it is the last one
};

/// permessage-deflate on one connection. A direction that keeps its context has a state of its own, made when it is
/// first used; the others borrow one of the process for the length of a message.
class Compression {
 public:
  Compression(Role role, const DeflateAgreement& agreement) noexcept;
  ~Compression();
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  /// The payload of a frame with RSV1, a view into memory of the process, valid until the next call; nothing: the
  /// message is better sent as it is.
  std::optional<std::string_view> deflate(std::string_view message);
  /// What deflate() returned is in a frame, or could not be put into one.
  void sent(bool wasSent) noexcept;

  /// True: pieces may be inflated as they come; false: whole messages only, with one feed() and its finish().
  bool inflatesPieces() const noexcept { return receiveKeeps_; }
  Inflater& inflater();
  /// The message is over, well or not.
  void messageEnds() noexcept;

  /// What the contexts of such an agreement take, in bytes.
  static std::size_t cost(Role role, const DeflateAgreement& agreement) noexcept;
  /// The sum of that over all Compressions of this process, and of what is offered (Offered).
  static std::size_t kept() noexcept;
  /// Counts as kept what an offer may come to cost, until it is answered.
  class Offered {
   public:
    explicit Offered(std::size_t bytes) noexcept;
    ~Offered();
    Offered(const Offered&) = delete;
    Offered& operator=(const Offered&) = delete;

   private:
    std::size_t bytes_;
  };

 private:
  std::unique_ptr<Deflater> deflater_;
  std::unique_ptr<Inflater> inflater_;
  std::uint32_t cost_;
  std::uint8_t sendWindow_, receiveWindow_;
  bool sendKeeps_, receiveKeeps_;
};

}  // namespace artel::websocket
