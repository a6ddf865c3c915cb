// Writes HTTP/1.1 answers (RFC 9110, RFC 9112). Everything appends to `out`, so that several answers share one buffer.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "artel/http.hpp"

namespace artel::http {

class ReplyMemo;

/// What the request decides about its answer.
struct ReplyContext {
  bool http10 = false;          ///< the request was HTTP/1.0
  bool keepAlive = true;        ///< false: the answer says "Connection: close"
  bool head = false;            ///< the request was HEAD
  std::string_view dateLine{};  ///< "Date: " + httpDate(now) + CR LF; or empty
  ReplyMemo* memo = nullptr;    ///< keeps the lines of this answer for the next ones; nullptr: they are not kept
};

/// 200 with a text body: the fast path, header block precomposed.
void appendText(std::string_view body, const ReplyContext& context, std::string& out);

/// What became of a response. close: the connection must be closed after it, because the context or the user says so,
/// or because HTTP/1.0 has no other way to mark the end of a body that comes in pieces. refused: nothing was appended
/// (a status below 200 or above 999, a header name that is no token, a control character in a value).
enum class Written : std::uint8_t { refused, keepAlive, close };

/// `bodySize`: the length of a body that follows separately (a file); nullopt: response.body.
Written appendResponse(const Response& response, const ReplyContext& context, std::optional<std::uint64_t> bodySize,
                       std::string& out);

/// A piece of a chunked response. Empty: the last one. Nothing for HEAD; for HTTP/1.0 the bare bytes.
void appendChunk(std::string_view data, const ReplyContext& context, std::string& out);

/// A small text/plain page with "Connection: close", whatever the context says of keeping it alive. Its body is left
/// out for HEAD.
void appendError(int status, std::string_view text, const ReplyContext& context, std::string& out);

/// "100 Continue".
void appendContinue(std::string& out);

/// False for 1xx, 204, 205 and 304: no body may follow, chunks included (RFC 9110 section 6.4.1; 205: 15.3.6).
bool bodyAllowed(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). Needs no locale and no lock.
std::string httpDate(std::time_t time);
/// The same, appended: 29 characters.
void appendHttpDate(std::time_t time, std::string& out);

}  // namespace artel::http
