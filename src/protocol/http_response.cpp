#include "src/protocol/http_response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "src/protocol/http_syntax.hpp"

namespace artel::http {

using namespace syntax;

namespace {

constexpr std::string_view defaultType = "text/html;charset=utf-8";

void appendNumber(std::uint64_t value, std::string& out, int base = 10) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out.append(digits.data(), end);
}

void appendLine(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// RFC 9112 section 4: the space before an absent phrase stays.
void appendStatusLine(int status, std::string& out) {
  out.append("HTTP/1.1 ");
  appendNumber(static_cast<std::uint64_t>(status), out);
  out.append(" ").append(reasonPhrase(status)).append("\r\n");
}

bool isConnectionOption(std::string_view option) {
  return !option.empty() && !equalNames(option, "close") && !equalNames(option, "keep-alive");
}

// Ours decides about close and keep-alive; other options of the user stay, for Upgrade needs one (RFC 9110
// section 7.8).
void appendConnection(const Response& response, bool close, std::string& out) {
  out.append("Connection: ");
  for (const auto& [name, value] : response.headers) {
    if (!equalNames(name, "connection")) continue;
    eachElement(value, [&](std::string_view option) {
      if (isConnectionOption(option)) out.append(option).append(", ");
    });
  }
  out.append(close ? "close\r\n" : "keep-alive\r\n");
}

bool isOurs(std::string_view name) {
  switch (name.size()) {
    case 10:
      return equalNames(name, "connection");
    case 14:
      return equalNames(name, "content-length");
    case 17:
      return equalNames(name, "transfer-encoding");
    default:
      return false;
  }
}

bool isSendable(const Response& response) {
  if (response.status < 200 || response.status > 999) return false;
  return std::all_of(response.headers.begin(), response.headers.end(),
                     [](const Header& header) { return isToken(header.name) && isFieldValue(header.value); });
}

}  // namespace

bool bodyAllowed(int status) { return status >= 200 && status != 204 && status != 205 && status != 304; }

bool wantsClose(const Response& response) {
  return std::any_of(response.headers.begin(), response.headers.end(), [](const Header& header) {
    return equalNames(header.name, "connection") && listHas(header.value, "close");
  });
}

bool closesAfter(const Response& response, const ReplyContext& context) {
  const bool endsByClose = response.chunked && context.http10 && bodyAllowed(response.status);
  return !context.keepAlive || endsByClose || wantsClose(response);
}

void appendText(std::string_view body, const ReplyContext& context, std::string& out) {
  constexpr std::string_view start = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: ";
  constexpr std::string_view startClose = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: ";
  constexpr std::string_view middle = "text/html;charset=utf-8\r\nContent-Length: ";
  constexpr std::string_view date = "\r\nDate: ";
  constexpr std::string_view end = "\r\n\r\n";
  // One block on the stack and one append: many small appends were the larger part of an answer's cost.
  std::array<char, 256> block;
  char* at = block.data();
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  context.keepAlive ? put(start) : put(startClose);
  put(middle);
  at = std::to_chars(at, at + 20, body.size()).ptr;
  if (!context.date.empty() && context.date.size() <= 64) {
    put(date);
    put(context.date);
  }
  put(end);
  out.append(block.data(), at);
  if (!context.head) out.append(body);
}

bool appendResponse(const Response& response, const ReplyContext& context, std::optional<std::uint64_t> bodySize,
                    std::string& out) {
  if (!isSendable(response)) return false;
  const int status = response.status;
  const bool chunked = response.chunked && bodyAllowed(status);
  bool typed = false, dated = false;
  appendStatusLine(status, out);
  appendConnection(response, closesAfter(response, context), out);
  for (const auto& [name, value] : response.headers) {
    if (isOurs(name)) continue;  // framing is ours: a wrong length would be request smuggling in reverse
    typed = typed || equalNames(name, "content-type");
    dated = dated || equalNames(name, "date");
    appendLine(name, value, out);
  }
  if (!typed && bodyAllowed(status)) appendLine("Content-Type", defaultType, out);
  if (chunked) {
    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body (RFC 9112 section 6.3).
    if (!context.http10) out.append("Transfer-Encoding: chunked\r\n");
  } else if (bodyAllowed(status) || status == 205) {
    out.append("Content-Length: ");
    appendNumber(status == 205 ? 0 : bodySize.value_or(response.body.size()), out);
    out.append("\r\n");
  }
  if (!dated && !context.date.empty()) appendLine("Date", context.date, out);
  out.append("\r\n");
  if (!bodyAllowed(status) || context.head || bodySize) return true;
  if (!chunked) {
    out.append(response.body);
  } else if (!response.body.empty()) {
    appendChunk(response.body, context, out);
  }
  return true;
}

void appendChunk(std::string_view data, const ReplyContext& context, std::string& out) {
  if (context.head) return;
  if (context.http10) {
    out.append(data);
    return;
  }
  appendNumber(data.size(), out, 16);
  out.append("\r\n").append(data).append("\r\n");  // of an empty one: the last chunk and an empty trailer
}

void appendError(int status, std::string_view text, std::string& out) {
  appendStatusLine(status, out);
  out.append("Connection: close\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Length: ");
  appendNumber(text.size() + 1, out);
  out.append("\r\n\r\n").append(text).append("\n");
}

void appendContinue(std::string& out) { out.append("HTTP/1.1 100 Continue\r\n\r\n"); }

Response& Response::header(std::string_view name, std::string_view value) {
  const auto same = [name](const Header& header) { return equalNames(header.name, name); };
  const auto first = std::find_if(headers.begin(), headers.end(), same);
  if (first == headers.end()) return addHeader(name, value);
  first->value = value;
  headers.erase(std::remove_if(first + 1, headers.end(), same), headers.end());
  return *this;
}

Response& Response::addHeader(std::string_view name, std::string_view value) {
  headers.push_back({std::string(name), std::string(value)});
  return *this;
}

// Attribute order of row 10.3. The value cannot break out, for it is encoded. A name or an attribute that could (a ';',
// a control character) is not mended silently: NUL makes send() refuse the response, as the header's author would be.
Response& Response::cookie(std::string_view name, std::string_view value, const CookieOptions& options) {
  std::string line;
  const auto add = [&line](std::string_view key, std::string_view text) {
    line.append("; ").append(key).append(text);
    if (text.find(';') != std::string_view::npos) line += '\0';
  };
  line.append(name).append("=").append(percentEncode(value));
  if (!isToken(name)) line += '\0';
  if (!options.domain.empty()) add("Domain=", options.domain);
  if (options.maxAge) add("Max-Age=", std::to_string(options.maxAge->count()));
  if (!options.path.empty()) add("Path=", options.path);
  if (options.secure) add("Secure", {});
  if (options.httpOnly) add("HttpOnly", {});
  if (!options.sameSite.empty()) add("SameSite=", options.sameSite);
  return addHeader("Set-Cookie", line);
}

void appendHttpDate(std::time_t time, std::string& out) {
  // Days to a date after the era method: 400-year eras of 146097 days that begin on 1 March, so that leap days come
  // last.
  const auto seconds = static_cast<std::int64_t>(time);
  const std::int64_t day = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
  const std::int64_t rest = seconds - day * 86400;
  const std::int64_t shifted = day + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t dayOfEra = shifted - era * 146097;
  const std::int64_t yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const std::int64_t dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const std::int64_t marchMonth = (5 * dayOfYear + 2) / 153;
  const std::int64_t dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1;
  const std::int64_t month = marchMonth < 10 ? marchMonth + 2 : marchMonth - 10;  // from 0
  const std::int64_t year = yearOfEra + era * 400 + (month <= 1 ? 1 : 0);
  const std::int64_t weekday = ((day + 4) % 7 + 7) % 7;  // 1 January 1970 was a Thursday

  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto two = [&out](std::int64_t value) {
    out += static_cast<char>('0' + value / 10 % 10);
    out += static_cast<char>('0' + value % 10);
  };
  out.append(days.substr(static_cast<std::size_t>(weekday) * 3, 3)).append(", ");
  two(dayOfMonth);
  out.append(" ").append(months.substr(static_cast<std::size_t>(month) * 3, 3)).append(" ");
  two(year / 100);
  two(year);
  out.append(" ");
  two(rest / 3600);
  out += ':';
  two(rest / 60 % 60);
  out += ':';
  two(rest % 60);
  out.append(" GMT");
}

std::string httpDate(std::time_t time) {
  std::string text;
  appendHttpDate(time, text);
  return text;
}

}  // namespace artel::http
