#include "src/protocol/websocket_deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

#include "src/protocol/bounded_append.hpp"
#include "src/protocol/http_syntax.hpp"
#include "src/protocol/websocket_extensions.hpp"

namespace artel::websocket {

namespace {

constexpr std::string_view extensionName = "permessage-deflate";
constexpr int smallestWindow = 8, widestWindow = 15;
/// zlib deflates with 512 bytes of window at least. Who may only use 256 sends its messages as they are.
constexpr int smallestDeflateWindow = 9;
constexpr int level = 1, memLevel = 4;
/// A message this short does not become shorter.
constexpr std::size_t worthIt = 6;
constexpr std::size_t keptScratch = 256 * 1024;
constexpr std::string_view tail("\x00\x00\xff\xff", 4);

// Through operator new, so that memory is counted, and runs out, in one place.
void* take(void*, unsigned items, unsigned size) noexcept {
  return ::operator new (std::size_t{items} * size, std::nothrow);
}
void giveBack(void*, void* memory) noexcept { ::operator delete(memory); }

z_stream* newStream() {
  auto* stream = new z_stream{};
  stream->zalloc = take;
  stream->zfree = giveBack;
  return stream;
}

// zlib counts in unsigned int.
std::string_view takeInput(std::string_view& left) {
  const std::string_view part = left.substr(0, std::numeric_limits<int>::max());
  left.remove_prefix(part.size());
  return part;
}

void give(z_stream& stream, std::string_view input) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
}

/// 8 to 15, without leading zeros (section 7.1.2); else nothing.
std::optional<std::uint8_t> windowBits(const std::string& value) {
  if (value.empty() || value.size() > 2 || value[0] == '0' ||
      !std::all_of(value.begin(), value.end(), http::syntax::isDigit))
    return std::nullopt;
  const int bits = std::stoi(value);
  if (bits < smallestWindow || bits > widestWindow) return std::nullopt;
  return static_cast<std::uint8_t>(bits);
}

/// The parameters of one element, offer or answer. Nothing: one is unknown, repeated, or has a wrong value.
struct Parameters {
  bool serverForgets = false, clientForgets = false;
  bool clientWindowAlone = false;  ///< client_max_window_bits without a value, which only an offer may have
  std::optional<std::uint8_t> serverWindow, clientWindow;
};

std::optional<Parameters> readParameters(const Extension& extension) {
  Parameters read;
  for (const auto& [name, value] : extension.parameters) {
    if (name == "server_no_context_takeover") {
      if (value || std::exchange(read.serverForgets, true)) return std::nullopt;
    } else if (name == "client_no_context_takeover") {
      if (value || std::exchange(read.clientForgets, true)) return std::nullopt;
    } else if (name == "server_max_window_bits") {
      if (!value || read.serverWindow || !(read.serverWindow = windowBits(*value))) return std::nullopt;
    } else if (name == "client_max_window_bits") {
      if (read.clientWindow || read.clientWindowAlone) return std::nullopt;
      read.clientWindowAlone = !value;
      if (value && !(read.clientWindow = windowBits(*value))) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return read;
}

std::uint8_t atMost(std::uint8_t window) {
  return std::min(window, static_cast<std::uint8_t>(Deflater::largestWindow));
}

std::size_t keptBytes = 0;

/// What connections without a context of their own borrow.
struct Shared {
  std::array<std::unique_ptr<Deflater>, Deflater::largestWindow + 1> deflaters;  // by window
  std::unique_ptr<Inflater> inflater;
  std::string scratch;  // the last message deflated
};
Shared& shared() {
  static Shared& one = *new Shared;  // for ever: a connection may outlive every static object
  return one;
}

void trimScratch() noexcept {
  if (shared().scratch.capacity() > keptScratch) std::string().swap(shared().scratch);
}

}  // namespace

// ---- the handshake --------------------------------------------------------------------------------------------------

std::optional<DeflateAgreement> chooseDeflate(std::string_view offers, bool keepContexts) {
  const auto list = readExtensions(offers);
  if (!list) return std::nullopt;
  for (const Extension& offer : *list) {
    const auto asked = offer.name == extensionName ? readParameters(offer) : std::nullopt;
    if (!asked) continue;
    DeflateAgreement agreement;
    agreement.serverKeeps = keepContexts && !asked->serverForgets;
    // A client that will not use its context anyway need not be remembered (section 7.1.1.2).
    agreement.clientKeeps = keepContexts && !asked->clientForgets;
    if (asked->serverWindow) agreement.serverWindow = atMost(*asked->serverWindow);
    if (asked->clientWindow || asked->clientWindowAlone)
      agreement.clientWindow = atMost(asked->clientWindow.value_or(widestWindow));
    return agreement;
  }
  return std::nullopt;
}

std::string deflateAnswer(const DeflateAgreement& agreement) {
  std::string text(extensionName);
  if (!agreement.serverKeeps) text += "; server_no_context_takeover";
  if (!agreement.clientKeeps) text += "; client_no_context_takeover";
  if (agreement.serverWindow < widestWindow)
    text += "; server_max_window_bits=" + std::to_string(int{agreement.serverWindow});
  if (agreement.clientWindow < widestWindow)
    text += "; client_max_window_bits=" + std::to_string(int{agreement.clientWindow});
  return text;
}

DeflateAnswer readDeflateAnswer(std::string_view header) {
  const auto list = readExtensions(header);
  if (!list || list->size() > 1) return {};
  if (list->empty()) return {true, std::nullopt};
  const auto said = list->front().name == extensionName ? readParameters(list->front()) : std::nullopt;
  if (!said || said->clientWindowAlone) return {};
  return {true, DeflateAgreement{!said->serverForgets, !said->clientForgets, said->serverWindow.value_or(widestWindow),
                                 said->clientWindow.value_or(widestWindow)}};
}

// ---- out ------------------------------------------------------------------------------------------------------------

void detail::EndDeflate::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

Deflater::Deflater(int window) : stream_(newStream()) {
  const int bits = std::clamp(window, smallestDeflateWindow, largestWindow);
  if (deflateInit2(stream_.get(), level, Z_DEFLATED, -bits, memLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}

void Deflater::message(std::string_view message, std::string& out) {
  z_stream& stream = *stream_;
  char piece[4096];
  do {
    give(stream, takeInput(message));
    const int flush = message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(piece);
      stream.avail_out = sizeof piece;
      ::deflate(&stream, flush);
      out.append(piece, sizeof piece - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!message.empty());
  out.resize(out.size() - tail.size());
}

void Deflater::reset() noexcept { deflateReset(stream_.get()); }

// ---- in -------------------------------------------------------------------------------------------------------------

void detail::EndInflate::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

Inflater::Inflater(int window) : stream_(newStream()) {
  if (inflateInit2(stream_.get(), -std::clamp(window, smallestWindow, widestWindow)) != Z_OK) throw std::bad_alloc();
}

Inflater::Outcome Inflater::feed(std::string_view piece, std::string& out, std::size_t limit, utf8::Validator* text) {
  z_stream& stream = *stream_;
  char inflated[8192];
  while (!piece.empty()) {
    fed_ = true;
    give(stream, takeInput(piece));
    for (;;) {
      if (ended_ && stream.avail_in > 0) {
        // A block with BFINAL ends DEFLATE's stream, not the message: the next one begins at a byte, and the window
        // stays (section 7.2.3.4). inflateReset would forget the window, and copying it would cost 32 KiB per block.
        inflateResetKeep(&stream);
        ended_ = false;
      }
      const std::size_t room = limit - std::min(limit, out.size());
      // With no room left one byte is asked for, to see whether there is more.
      const auto asked = static_cast<uInt>(std::min(sizeof inflated, std::max<std::size_t>(room, 1)));
      stream.next_out = reinterpret_cast<Bytef*>(inflated);
      stream.avail_out = asked;
      const int status = ::inflate(&stream, Z_SYNC_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      const std::string_view fresh(inflated, asked - stream.avail_out);
      // The limit first: what is broken may lie behind it, and bytes that come one by one would have met the limit.
      if (fresh.size() > room) return Outcome::tooBig;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return Outcome::corrupt;
      if (text != nullptr && !text->feed(fresh)) return Outcome::notText;
      appendBounded(out, fresh, limit);
      ended_ = status == Z_STREAM_END;
      if (stream.avail_in == 0 && (ended_ || stream.avail_out > 0)) break;
    }
  }
  return Outcome::ok;
}

Inflater::Outcome Inflater::finish(std::string& out, std::size_t limit, utf8::Validator* text) {
  // No byte at all, as zlib makes of an empty message after another one, is an empty message. A block with BFINAL
  // should be followed by a zero byte, which the tail would complete; without one nothing is missing either.
  if (std::exchange(fed_, false) && !ended_) {
    const Outcome outcome = feed(tail, out, limit, text);
    fed_ = false;
    if (outcome != Outcome::ok) return outcome;
    // 128: right behind a block. Anything else is a message that was cut.
    if ((stream_->data_type & 128) == 0) return Outcome::corrupt;
  }
  if (text != nullptr && !text->finished()) return Outcome::notText;
  return Outcome::ok;
}

void Inflater::reset() noexcept {
  inflateReset(stream_.get());
  fed_ = ended_ = false;
}

// ---- both -----------------------------------------------------------------------------------------------------------

namespace {
// zlib's formulas (zconf.h), and what 1.2.13 takes for its own records.
std::size_t deflaterCost(int window) { return (std::size_t{1} << (window + 2)) + (1u << (memLevel + 9)) + 6 * 1024; }
std::size_t inflaterCost(int window) { return (std::size_t{1} << window) + 7 * 1024 + 512; }
}  // namespace

Compression::Compression(Role role, const DeflateAgreement& agreement) noexcept
    : cost_(static_cast<std::uint32_t>(cost(role, agreement))),
      sendWindow_(role == Role::server ? agreement.serverWindow : agreement.clientWindow),
      receiveWindow_(role == Role::server ? agreement.clientWindow : agreement.serverWindow),
      sendKeeps_(role == Role::server ? agreement.serverKeeps : agreement.clientKeeps),
      receiveKeeps_(role == Role::server ? agreement.clientKeeps : agreement.serverKeeps) {
  keptBytes += cost_;
}

Compression::~Compression() { keptBytes -= cost_; }

std::size_t Compression::cost(Role role, const DeflateAgreement& agreement) noexcept {
  const std::size_t sent = deflaterCost(atMost(role == Role::server ? agreement.serverWindow : agreement.clientWindow));
  const std::size_t received = inflaterCost(role == Role::server ? agreement.clientWindow : agreement.serverWindow);
  const bool sendKeeps = role == Role::server ? agreement.serverKeeps : agreement.clientKeeps;
  const bool receiveKeeps = role == Role::server ? agreement.clientKeeps : agreement.serverKeeps;
  return (sendKeeps ? sent : 0) + (receiveKeeps ? received : 0);
}

std::size_t Compression::kept() noexcept { return keptBytes; }

Compression::Offered::Offered(std::size_t bytes) noexcept : bytes_(bytes) { keptBytes += bytes_; }

Compression::Offered::~Offered() { keptBytes -= bytes_; }

std::optional<std::string_view> Compression::deflate(std::string_view message) {
  if (message.size() < worthIt || sendWindow_ < smallestDeflateWindow) return std::nullopt;
  const std::uint8_t window = atMost(sendWindow_);
  auto& deflater = sendKeeps_ ? deflater_ : shared().deflaters[window];
  if (!deflater) deflater = std::make_unique<Deflater>(window);
  std::string& out = shared().scratch;
  out.clear();
  try {
    deflater->message(message, out);
  } catch (...) {  // the peer will not know what it has learned
    deflater->reset();
    throw;
  }
  if (sendKeeps_) return out;  // also when it grew: what the context has learned helps the next one
  deflater->reset();
  if (out.size() < message.size()) return out;
  trimScratch();
  return std::nullopt;
}

void Compression::sent(bool wasSent) noexcept {
  if (!wasSent && deflater_) deflater_->reset();
  trimScratch();
}

Inflater& Compression::inflater() {
  auto& inflater = receiveKeeps_ ? inflater_ : shared().inflater;
  if (!inflater) inflater = std::make_unique<Inflater>(receiveKeeps_ ? receiveWindow_ : widestWindow);
  return *inflater;
}

void Compression::messageEnds() noexcept {
  if (!receiveKeeps_ && shared().inflater) shared().inflater->reset();
}

}  // namespace artel::websocket
