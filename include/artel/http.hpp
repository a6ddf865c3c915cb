// HTTP/1.1 as onMessage sees it: Request in, Response out (RFC 9110, RFC 9112; manual 1.7.1, core 10.1-10.3).
//
// A Request is a set of views into the receive buffer: valid until the callback returns. Keep `copy()`.
// Exactly one response answers each request: send(text), send(Response), or send(Response with chunked = true) followed
// by send(Chunk{...})... and send(Chunk::last()). It may come later than the callback; the connection's next request
// waits for it, so answers never overtake each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace artel {
class TcpConnection;
}

namespace artel::http {

/// Equality of header names: ASCII, case-insensitive.
bool equalNames(std::string_view a, std::string_view b) noexcept;

namespace detail {
/// Where a header line lies, as offsets from the first byte of the request.
struct Field {
  std::uint32_t name = 0, nameSize = 0, value = 0, valueSize = 0;
};
/// What the parser found. Offsets, because the bytes may move while the body arrives.
struct Head {
  std::uint32_t method = 0, methodSize = 0, target = 0, targetSize = 0;
  std::uint32_t headSize = 0;  ///< request line and header block with the blank line
  std::uint32_t pathStart = 0, pathSize = 0, queryStart = 0, querySize = 0;
  std::size_t body = 0, bodySize = 0;  ///< chunked bodies lie joined
  std::uint8_t minor = 1;              ///< HTTP/1.minor
  bool keepAlive = true, upgrade = false, chunked = false, expectsContinue = false, isHead = false;
  bool httpsTarget = false;  ///< absolute, with the scheme https
};
}  // namespace detail

/// One request. Names of headers, query parameters and cookies are looked up when asked for: nothing is built for
/// those that nobody asks for.
class Request {
 public:
  /// For the parser: `bytes` begins with the request line; both must outlive this object.
  Request(const char* bytes, const detail::Head& head, std::span<const detail::Field> fields) noexcept
      : bytes_(bytes), head_(&head), fields_(fields) {}

  std::string_view method() const noexcept { return view(head_->method, head_->methodSize); }
  /// The target as it came, "/a?b=1".
  std::string_view uri() const noexcept { return view(head_->target, head_->targetSize); }
  /// The path, not percent-decoded; "/" when the target has none. Of "http://host/a?b" it is "/a".
  std::string_view path() const noexcept;
  /// What follows the question mark, without it.
  std::string_view queryString() const noexcept { return view(head_->queryStart, head_->querySize); }
  /// "1.1" or "1.0".
  std::string_view protocolVersion() const noexcept { return head_->minor == 0 ? "1.0" : "1.1"; }
  /// Of an absolute target its authority, else the Host header. Without the port when asked so.
  std::string_view host(bool withoutPort = false) const noexcept;

  /// A query parameter, percent- and plus-decoded; `fallback` when it is not there. The first of several.
  std::string get(std::string_view name, std::string_view fallback = {}) const;
  /// All query parameters in their order, decoded.
  std::vector<std::pair<std::string, std::string>> get() const;
  /// A header's value, trimmed; several lines of one name are joined with ", ". `fallback` when it is not there.
  std::string_view header(std::string_view name, std::string_view fallback = {}) const;
  /// All header lines in their order, as they came.
  std::vector<std::pair<std::string_view, std::string_view>> header() const;
  /// A cookie's value as it came; the first of several.
  std::string_view cookie(std::string_view name, std::string_view fallback = {}) const noexcept;
  /// The body; a chunked one without its chunk lines.
  std::string_view rawBody() const noexcept { return {bytes_ + head_->body, head_->bodySize}; }
  /// Request line and header block.
  std::string_view rawHead() const noexcept { return view(0, head_->headSize); }
  /// Whether the client lets the connection stay open after the answer (RFC 9112 section 9.3).
  bool keepAlive() const noexcept { return head_->keepAlive; }
  /// Whether the client asks to speak WebSocket.
  bool wantsWebSocket() const noexcept { return head_->upgrade && namesWebSocket(); }

  /// The same request with its own bytes, to keep beyond the callback.
  Request copy() const;

 private:
  struct Owned;
  bool namesWebSocket() const noexcept;
  std::string_view view(std::uint32_t at, std::uint32_t size) const noexcept { return {bytes_ + at, size}; }

  const char* bytes_;
  const detail::Head* head_;
  std::span<const detail::Field> fields_;
  std::shared_ptr<const Owned> owned_;                                         // of a copy
  mutable std::shared_ptr<std::vector<std::unique_ptr<std::string>>> joined_;  // values that header() had to join
};

/// What a server has answered, as far as its head goes: to the handshake of a WebSocket client, for example. It owns
/// its bytes; what it gives out is valid as long as it is.
class Answer {
 public:
  /// For the parser: status line and header block with the blank line.
  Answer(std::string head, int status, detail::Field reason, std::vector<detail::Field> fields) noexcept
      : head_(std::move(head)), fields_(std::move(fields)), reason_(reason), status_(status) {}
  int status() const noexcept { return status_; }
  /// "Switching Protocols"; servers may leave it out.
  std::string_view reason() const noexcept { return view(reason_.value, reason_.valueSize); }
  /// A header's value, trimmed; several lines of one name are joined with ", ". `fallback` when it is not there.
  std::string header(std::string_view name, std::string_view fallback = {}) const;
  /// All header lines in their order, as they came.
  std::vector<std::pair<std::string_view, std::string_view>> header() const;
  std::string_view rawHead() const noexcept { return head_; }

 private:
  std::string_view view(std::uint32_t at, std::uint32_t size) const noexcept { return {head_.data() + at, size}; }
  std::string head_;
  std::vector<detail::Field> fields_;
  detail::Field reason_;
  int status_;
};

struct Header {
  std::string name, value;
};
using Headers = std::vector<Header>;

/// Options of Response::cookie (RFC 6265).
struct CookieOptions {
  std::optional<std::chrono::seconds> maxAge{};
  std::string path{}, domain{};
  bool secure = false, httpOnly = false;
  std::string sameSite{};  ///< "Lax", "Strict" or "None"
};

/// One answer. An aggregate: `Response{404}`, `Response{200, {{"Content-Type", "text/plain"}}, "hi"}`,
/// `Response{.status = 200, .body = "hi"}`. Content-Length, Content-Type ("text/html;charset=utf-8"), Date and
/// Connection are added when they are missing. A header whose name is not a token, or whose value holds CR, LF, NUL or
/// another control character than a tab, makes send() refuse the whole response (dropped, logged): nothing of it
/// reaches the wire.
struct Response {
  int status = 200;
  Headers headers{};
  std::string body{};
  /// The body comes in pieces: send(Chunk{...})... send(Chunk::last()). `body`, if any, is the first piece.
  bool chunked = false;
  /// A file from disk is the body (withFile). Empty: none.
  std::filesystem::path file{};

  Response& withStatus(int value) { return status = value, *this; }
  /// Replaces the header of that name, or adds it.
  Response& header(std::string_view name, std::string_view value);
  /// Adds a header line, also when there is one of that name.
  Response& addHeader(std::string_view name, std::string_view value);
  Response& withBody(std::string value) { return body = std::move(value), *this; }
  /// Adds a Set-Cookie line; the value is percent-encoded. A name that is no token, or a ';' in an option, makes send()
  /// refuse the response.
  Response& cookie(std::string_view name, std::string_view value, const CookieOptions& options = {});
  /// The file's bytes with Content-Type by its name and Last-Modified; read in pieces as the client takes them. When it
  /// is not a readable file, the answer becomes 404. The path is used as it is: check it before you build it from a
  /// request (http::safePath).
  Response& withFile(std::filesystem::path path) { return file = std::move(path), *this; }
};

/// A piece of a chunked response; the empty one is the last.
struct Chunk {
  std::string_view data;
  static Chunk last() { return {}; }
};

/// "Not Found" for 404; "" for a status that has no name.
std::string_view reasonPhrase(int status) noexcept;
/// "text/html;charset=utf-8" for ".html"; "application/octet-stream" for an unknown one.
std::string_view contentTypeOf(std::string_view fileName) noexcept;
/// Percent-decoding; '+' becomes a space when `plus`. Broken escapes stay as they are.
std::string percentDecode(std::string_view text, bool plus = false);
std::string percentEncode(std::string_view text);
/// The client's address as far as it can be believed (row 1.16.38): the peer's own, unless the peer is one of the
/// Worker's trustedProxies; then the last of X-Forwarded-For that is none of them, or X-Real-IP where there is no such
/// line. What is no address there is not believed: then it is the proxy that wrote it.
std::string clientIp(const TcpConnection& connection, const Request& request);
/// `urlPath` below `root`, decoded; nothing when it would leave it ("..", a drive letter, NUL, a backslash).
std::optional<std::filesystem::path> safePath(const std::filesystem::path& root, std::string_view urlPath);

/// What a request may be at most. Of a Worker: worker.http.
struct Limits {
  std::size_t requestLine = 8 * 1024;      ///< beyond it, or beyond headerBlock: 414
  std::size_t headerBlock = 16 * 1024;     ///< request line and headers; beyond: 431
  std::size_t headerCount = 100;           ///< beyond: 431
  std::size_t trailerBlock = 4 * 1024;     ///< trailer of a chunked body; beyond: 431
  std::size_t chunkExtensions = 4 * 1024;  ///< all of one body together; beyond: 413
  // The body: connection.maxPackageSize; beyond: 413.
};

}  // namespace artel::http
