#include "src/protocol/http_response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

#include "src/protocol/http_reply_memo.hpp"
#include "src/protocol/http_syntax.hpp"
#include "src/protocol/quick_append.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::http {

using namespace syntax;

namespace {

/// Room for a header block, all of it from the start: on the stack, if it is no giant. Many small appends to a string
/// were the larger part of an answer's cost.
class Room {
 public:
  /// What the writers below put into a block beside the texts they are given.
  static constexpr std::size_t fixed = 320;

  explicit Room(std::size_t size) {
    if (size > small_.size()) large_ = std::make_unique<char[]>(size);
  }
  char* begin() noexcept { return large_ ? large_.get() : small_.data(); }

 private:
  std::array<char, 1024> small_;  // not initialized: nobody reads what was not written
  std::unique_ptr<char[]> large_;
};

/// Writes into a Room. Apart from it, so that the place where it stands is a register.
class HeadWriter {
 public:
  explicit HeadWriter(Room& room) : begin_(room.begin()), at_(begin_) {}

  template <std::size_t Size>
  HeadWriter& operator<<(const char (&literal)[Size]) {
    std::memcpy(at_, literal, Size - 1);
    at_ += Size - 1;
    return *this;
  }
  HeadWriter& operator<<(std::string_view text) {
    at_ = copyShort(at_, text);
    return *this;
  }
  HeadWriter& operator<<(std::uint64_t number) {
    if (number < 10) {
      *at_++ = static_cast<char>('0' + number);
    } else if (number < 100) {
      *at_++ = static_cast<char>('0' + number / 10);
      *at_++ = static_cast<char>('0' + number % 10);
    } else {
      at_ = std::to_chars(at_, at_ + 20, number).ptr;
    }
    return *this;
  }
  std::string_view text() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }
  void appendTo(std::string& out) const { quickAppend(out, text()); }

 private:
  char* const begin_;
  char* at_;
};

// RFC 9112 section 4: the space before an absent phrase stays.
void writeStatusLine(HeadWriter& head, int status) {
  head << "HTTP/1.1 " << static_cast<std::uint64_t>(status) << " " << reasonPhrase(status) << "\r\n";
}

bool isConnectionOption(std::string_view option) {
  return !option.empty() && !equalNames(option, "close") && !equalNames(option, "keep-alive");
}

// Ours decides about close and keep-alive; other options of the user stay, for Upgrade needs one (RFC 9110
// section 7.8).
void writeConnection(HeadWriter& head, const Response& response, bool userOptions, bool close) {
  head << "Connection: ";
  for (const auto& [name, value] : response.headers) {
    if (!userOptions || !spells(name, "connection")) continue;
    eachElement(value, [&](std::string_view option) {
      if (isConnectionOption(option)) head << option << ", ";
    });
  }
  if (close) {
    head << "close\r\n";
  } else {
    head << "keep-alive\r\n";
  }
}

/// What the user's header lines are about, in one pass over them.
struct Lines {
  enum About : unsigned { connection = 1, close = 2, typed = 4, dated = 8, framed = 16, invalid = 32 };
  std::size_t room = 0;  // at most, in the answer
  unsigned about = 0;
  bool has(unsigned what) const noexcept { return (about & what) != 0; }
};

unsigned aboutConnection(std::string_view value) {
  return Lines::connection | (listHas(value, "close") ? Lines::close : 0U);
}

/// What one line is about. A name that we know is a token; others are looked at.
unsigned aboutLine(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 4:
      if (spells(name, "date")) return Lines::dated;
      break;
    case 10:
      if (spells(name, "connection")) return aboutConnection(value);
      break;
    case 12:
      if (spells(name, "content-type")) return Lines::typed;
      break;
    case 14:
      if (spells(name, "content-length")) return Lines::framed;
      break;
    case 17:
      if (spells(name, "transfer-encoding")) return Lines::framed;
      break;
    default:
      break;
  }
  return isToken(name) ? 0U : Lines::invalid;
}

Lines look(const Headers& headers) {
  Lines seen;
  for (const auto& [name, value] : headers) {
    const unsigned about = aboutLine(name, value);
    seen.about |= about | (isFieldValue(value) ? 0U : Lines::invalid);
    seen.room += name.size() + value.size() + 4;
    if ((about & Lines::connection) != 0) seen.room += value.size();  // its options are written with ", " after each
  }
  return seen;
}

/// Framing is ours: a wrong length would be request smuggling in reverse.
bool isOurs(std::string_view name) {
  return spells(name, "connection") || spells(name, "content-length") || spells(name, "transfer-encoding");
}

constexpr std::string_view usualBegin = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n";

/// All but what frames the body.
void writeLines(HeadWriter& head, const Response& response, const ReplyContext& context, const Lines& lines,
                bool close) {
  if (response.status == 200 && !close && !lines.has(Lines::connection)) {
    head << usualBegin;  // nearly all
  } else {
    writeStatusLine(head, response.status);
    writeConnection(head, response, lines.has(Lines::connection), close);
  }
  const bool skips = lines.has(Lines::connection | Lines::framed);
  for (const auto& [name, value] : response.headers) {
    if (skips && isOurs(name)) continue;
    head << name << ": " << value << "\r\n";
  }
  if (!lines.has(Lines::typed) && bodyAllowed(response.status)) head << "Content-Type: text/html;charset=utf-8\r\n";
  if (!lines.has(Lines::dated)) head << context.dateLine;
}

}  // namespace

bool bodyAllowed(int status) { return status >= 200 && status != 204 && status != 205 && status != 304; }

void appendText(std::string_view body, const ReplyContext& context, std::string& out) {
  const bool together = !context.head && body.size() < 256;
  Room room(Room::fixed + context.dateLine.size() + (together ? body.size() : 0));
  HeadWriter head(room);
  if (context.keepAlive) {
    head << "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/html;charset=utf-8\r\n";
  } else {
    head << "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\n";
  }
  head << context.dateLine << "Content-Length: " << std::uint64_t{body.size()} << "\r\n\r\n";
  if (together) head << body;
  head.appendTo(out);
  if (!together && !context.head) out.append(body);
}

Written appendResponse(const Response& response, const ReplyContext& context, std::optional<std::uint64_t> bodySize,
                       std::string& out) {
  const int status = response.status;
  if (status < 200 || status > 999) return Written::refused;
  const bool mayHaveBody = bodyAllowed(status), chunked = response.chunked && mayHaveBody;
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the body (RFC 9112 section 6.3).
  const bool endsByClose = chunked && context.http10;
  const Lines lines = look(response.headers);
  if (lines.has(Lines::invalid)) return Written::refused;
  const bool close = !context.keepAlive || lines.has(Lines::close) || endsByClose;

  const bool hasBody = mayHaveBody && !context.head && !bodySize && !response.body.empty();
  const bool together = hasBody && !chunked && response.body.size() < 256;

  Room room(Room::fixed + lines.room + context.dateLine.size() + (together ? response.body.size() : 0));
  HeadWriter head(room);
  writeLines(head, response, context, lines, close);
  if (context.memo != nullptr && status == 200 && !close && !lines.has(Lines::connection | Lines::framed))
    context.memo->keep(response.headers, head.text(), usualBegin.size());
  if (chunked) {
    if (!endsByClose) head << "Transfer-Encoding: chunked\r\n";
  } else if (mayHaveBody || status == 205) {
    const std::uint64_t size = status == 205 ? 0 : bodySize.value_or(response.body.size());
    head << "Content-Length: " << size << "\r\n";
  }
  head << "\r\n";
  if (together) head << response.body;
  head.appendTo(out);
  if (hasBody && !together) {
    if (chunked) {
      appendChunk(response.body, context, out);
    } else {
      out.append(response.body);
    }
  }
  return close ? Written::close : Written::keepAlive;
}

void appendChunk(std::string_view data, const ReplyContext& context, std::string& out) {
  if (context.head) return;
  if (context.http10) {
    out.append(data);
    return;
  }
  std::array<char, 16> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), data.size(), 16).ptr);
  out.append("\r\n").append(data).append("\r\n");  // of an empty one: the last chunk and an empty trailer
}

void appendError(int status, std::string_view text, const ReplyContext& context, std::string& out) {
  Room room(Room::fixed + context.dateLine.size() + text.size());
  HeadWriter head(room);
  writeStatusLine(head, status);
  head << "Connection: close\r\nContent-Type: text/plain;charset=utf-8\r\n"
       << context.dateLine << "Content-Length: " << std::uint64_t{text.size() + 1} << "\r\n\r\n";
  if (!context.head) head << text << "\n";
  head.appendTo(out);
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
