#include "src/protocol/http_head.hpp"

#include <algorithm>
#include <limits>

#include "src/protocol/http_syntax.hpp"
#include "src/protocol/short_text.hpp"

namespace artel::http {

using namespace syntax;

namespace {

std::string_view view(const char* bytes, std::uint32_t at, std::uint32_t size) { return {bytes + at, size}; }

// The IANA registry's methods, PURGE of caches, and those of UPnP. Not among them: CONNECT asks for a tunnel; TRACE
// would echo the client's credentials to whoever made it ask (RFC 9110 section 9.3.8); PRI begins HTTP/2. What is not
// served is 501 (section 9.1).
constexpr std::string_view servedMethods[] = {"GET",
                                              "HEAD",
                                              "POST",
                                              "PUT",
                                              "DELETE",
                                              "OPTIONS",
                                              "PATCH",
                                              "QUERY",
                                              "ACL",
                                              "BIND",
                                              "CHECKIN",
                                              "CHECKOUT",
                                              "COPY",
                                              "LABEL",
                                              "LINK",
                                              "LOCK",
                                              "MERGE",
                                              "MKACTIVITY",
                                              "MKCALENDAR",
                                              "MKCOL",
                                              "MKREDIRECTREF",
                                              "MOVE",
                                              "M-SEARCH",
                                              "NOTIFY",
                                              "MKWORKSPACE",
                                              "BASELINE-CONTROL",
                                              "ORDERPATCH",
                                              "PROPFIND",
                                              "PROPPATCH",
                                              "PURGE",
                                              "REBIND",
                                              "REPORT",
                                              "SEARCH",
                                              "SUBSCRIBE",
                                              "UNBIND",
                                              "UNCHECKOUT",
                                              "UNLINK",
                                              "UNLOCK",
                                              "UNSUBSCRIBE",
                                              "UPDATE",
                                              "VERSION-CONTROL",
                                              "UPDATEREDIRECTREF"};

bool isPort(std::string_view text) {
  unsigned value = 0;  // "host:" is legal: port = *DIGIT (RFC 3986 section 3.2.3)
  for (const char c : text) {
    if (!isDigit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

// dec-octet of RFC 3986 section 3.2.2.
bool isOctet(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return false;
  unsigned value = 0;
  for (const char c : text) {
    if (!isDigit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 255;
}

bool isIpv6(std::string_view text) {
  int groups = 0, digits = 0;
  bool gap = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      if (i + 1 < text.size() && text[i + 1] == ':') {
        if (gap) return false;
        gap = true;
        ++i;
      } else if (digits == 0 || i + 1 == text.size()) {
        return false;
      }
      digits = 0;
    } else if (text[i] == '.') {  // the last two groups as an IPv4 address
      const auto start = text.rfind(':', i);
      std::string_view tail = text.substr(start == std::string_view::npos ? 0 : start + 1);
      int numbers = 0;
      while (!tail.empty()) {
        const auto dot = tail.find('.');
        const auto number = tail.substr(0, dot);
        if (!isOctet(number)) return false;
        ++numbers;
        if (dot == std::string_view::npos) break;
        tail.remove_prefix(dot + 1);
        if (tail.empty()) return false;
      }
      return numbers == 4 && (gap ? groups < 7 : groups == 7);  // its first number was counted as a group
    } else {
      if (hexValue(text[i]) < 0 || ++digits > 4) return false;
      if (digits == 1) ++groups;
    }
  }
  return gap ? groups < 8 : groups == 8;
}

bool isSame(std::string_view text, std::string_view other) {
  return text.size() == other.size() && sameShort(text, other.data());
}

/// What a parser may keep of a Host is bounded; a domain name has no more (RFC 1035 section 2.3.4).
constexpr std::size_t longestKeptHost = 255;

/// What the header lines say, as far as it concerns this message.
struct Seen {
  enum About : unsigned {
    host = 1,
    length = 2,
    coding = 4,
    close = 8,
    keepAlive = 16,
    connectionUpgrade = 32,
    upgrade = 64,
    expects = 128,
    expectsOther = 256,
  };
  unsigned about = 0, twice = 0;  // of those that may come once
  std::string_view hostIs, lengthIs, codingIs;
  bool has(unsigned what) const noexcept { return (about & what) != 0; }
  /// One Host, no body, and nothing but keep-alive is asked for.
  bool isUsual() const noexcept { return (about & ~unsigned{keepAlive}) == host && twice == 0 && !hostIs.empty(); }
  void add(About what, std::string_view& kept, std::string_view value) noexcept {
    twice |= about & what;
    about |= what;
    kept = value;
  }
};

void look(Seen& seen, std::string_view name, std::string_view value) {
  // By length first: most lines concern nobody here, and this runs for each line of each request.
  switch (name.size()) {
    case 4:
      if (spells(name, "host")) seen.add(Seen::host, seen.hostIs, value);
      break;
    case 6:
      if (!spells(name, "expect")) break;
      eachElement(value, [&](std::string_view expectation) {
        if (expectation.empty()) return;  // RFC 9110 section 5.6.1.2
        seen.about |= equalNames(expectation, "100-continue") ? Seen::expects : Seen::expectsOther;
      });
      break;
    case 7:
      if (spells(name, "upgrade")) seen.about |= Seen::upgrade;
      break;
    case 10:
      if (!spells(name, "connection")) break;
      eachElement(value, [&](std::string_view option) {
        if (equalNames(option, "close")) seen.about |= Seen::close;
        if (equalNames(option, "keep-alive")) seen.about |= Seen::keepAlive;
        if (equalNames(option, "upgrade")) seen.about |= Seen::connectionUpgrade;
      });
      break;
    case 14:
      if (spells(name, "content-length")) seen.add(Seen::length, seen.lengthIs, value);
      break;
    case 17:
      if (spells(name, "transfer-encoding")) seen.add(Seen::coding, seen.codingIs, value);
      break;
    default:
      break;
  }
}

bool parseLength(std::string_view text, std::uint64_t& length) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  length = 0;
  for (const char c : text) {
    if (!isDigit(c)) return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (most - digit) / 10) return false;
    length = length * 10 + digit;
  }
  return !text.empty();
}

// RFC 9112 section 6.1: a coding that we do not know is 501; anything that is no clean list of codings, or has chunked
// twice or not last, is an attempt to be read differently by someone else: 400.
Verdict checkCoding(std::string_view coding) {
  bool clean = true, chunked = false;
  eachElement(coding, [&](std::string_view element) {
    clean = clean && isToken(element) && !chunked;
    chunked = equalNames(element, "chunked");
  });
  return clean ? Verdict{501, "unknown transfer coding"} : Verdict{400, "malformed Transfer-Encoding"};
}

// One connection, one framing (RFC 9112 section 6.3). Equal Content-Length lines are refused too: nginx, Apache and
// Node do, HAProxy merges them, and behind a proxy only refusing is safe.
Verdict checkFraming(const Seen& seen, detail::Head& head, std::uint64_t& length) {
  length = 0;
  if (!seen.has(Seen::length | Seen::coding)) return {};
  if ((seen.twice & Seen::length) != 0) return {400, "several Content-Length lines"};
  if (seen.has(Seen::length) && !parseLength(seen.lengthIs, length)) return {400, "malformed Content-Length"};
  if (!seen.has(Seen::coding)) return {};
  if (seen.has(Seen::length)) return {400, "Transfer-Encoding and Content-Length together"};
  if (head.minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
  if ((seen.twice & Seen::coding) != 0) return {400, "several Transfer-Encoding lines"};
  if (!equalNames(seen.codingIs, "chunked")) return checkCoding(seen.codingIs);
  head.chunked = true;
  return {};
}

}  // namespace

bool syntax::isAuthority(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !isIpv6(text.substr(1, end - 1))) return false;
    const auto port = text.substr(end + 1);
    return port.empty() || (port.front() == ':' && isPort(port.substr(1)));
  }
  std::size_t i = allAtFront(regName, text);
  for (; i < text.size(); ++i) {
    if (is(regName, text[i])) continue;
    if (text[i] == ':') break;
    if (text[i] != '%' || i + 2 >= text.size() || hexValue(text[i + 1]) < 0 || hexValue(text[i + 2]) < 0) return false;
  }
  return i > 0 && (i == text.size() || isPort(text.substr(i + 1)));
}

Verdict checkMethod(std::string_view method) {
  if (!isToken(method)) return {400, "malformed method"};
  if (method == "PRI") return {505, "HTTP/2 is not served here"};  // its preface (RFC 9113 section 3.4)
  const auto* const end = std::end(servedMethods);
  if (std::find(std::begin(servedMethods), end, method) == end) return {501, "method is not served"};
  return {};
}

// RFC 9112 section 3.2: origin-form, absolute-form, and "*" of OPTIONS. authority-form belongs to CONNECT only.
Verdict checkTarget(const char* bytes, detail::Head& head) {
  const std::string_view target = view(bytes, head.target, head.targetSize);
  std::size_t path = 0;
  if (target.size() == 1 && target.front() == '/') {  // a whole one in itself
    head.pathStart = head.target;
    head.pathSize = 1;
    head.queryStart = head.target + 1;
    head.querySize = 0;
    return {};
  }
  if (!target.empty() && target.front() == '/') {
    // origin-form: nearly all
  } else if (target == "*") {
    if (view(bytes, head.method, head.methodSize) != "OPTIONS") return {400, "malformed request target"};
  } else {
    const auto colon = target.find("://");
    const std::string_view scheme = target.substr(0, colon);
    head.httpsTarget = equalNames(scheme, "https");
    if (colon == std::string_view::npos || !(head.httpsTarget || equalNames(scheme, "http"))) {
      return {400, "malformed request target"};
    }
    const auto authority = colon + 3;
    path = std::min(target.find_first_of("/?", authority), target.size());
    // No userinfo: in an http URI it is most likely there to mislead (RFC 9110 section 4.2.4).
    if (!isAuthority(target.substr(authority, path - authority))) return {400, "malformed request target"};
  }
  const auto query = std::min(target.find('?', path), target.size());
  head.pathStart = head.target + static_cast<std::uint32_t>(path);
  head.pathSize = static_cast<std::uint32_t>(query - path);
  head.queryStart = head.target + static_cast<std::uint32_t>(std::min(query + 1, target.size()));
  head.querySize = head.target + head.targetSize - head.queryStart;
  return {};
}

Verdict checkHeaders(const char* bytes, detail::Head& head, std::span<const detail::Field> fields,
                     std::uint64_t& contentLength, std::string& goodHost) {
  Seen seen;
  for (const auto& field : fields) {
    look(seen, view(bytes, field.name, field.nameSize), view(bytes, field.value, field.valueSize));
  }
  if (seen.isUsual() && isSame(seen.hostIs, goodHost)) [[likely]] {  // nothing is left to check
    contentLength = 0;
    head.keepAlive = head.minor == 1 || seen.has(Seen::keepAlive);
    return {};
  }
  // RFC 9112 section 3.2. An empty Host would be legal for a target without authority, which we do not have.
  if ((seen.twice & Seen::host) != 0) return {400, "several Host lines"};
  if (!seen.has(Seen::host) && head.minor == 1) return {400, "no Host line"};
  if (seen.has(Seen::host) && (seen.hostIs.empty() || !isSame(seen.hostIs, goodHost))) {
    if (!isAuthority(seen.hostIs)) return {400, "malformed Host"};
    if (seen.hostIs.size() <= longestKeptHost) goodHost = seen.hostIs;
  }

  if (const auto verdict = checkFraming(seen, head, contentLength); !verdict) return verdict;

  // RFC 9112 section 9.3
  head.keepAlive = !seen.has(Seen::close) && (head.minor == 1 || seen.has(Seen::keepAlive));
  // Upgrade does not exist in HTTP/1.0, and counts only when Connection names it (RFC 9110 section 7.8).
  head.upgrade = seen.has(Seen::upgrade) && seen.has(Seen::connectionUpgrade) && head.minor == 1;
  // RFC 9110 section 10.1.1: 417 for what we do not know; HTTP/1.0 clients do not wait.
  if (seen.has(Seen::expectsOther)) return {417, "unknown expectation"};
  head.expectsContinue = seen.has(Seen::expects) && head.minor == 1 && (head.chunked || contentLength != 0);
  return {};
}

}  // namespace artel::http
