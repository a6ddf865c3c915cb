// One request, read the slow way: RFC 9112 and the choices of docs/protocols.md, written down once more and
// independently of the library. What the parser accepts, and what it finds in it, is compared with this.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artel/http.hpp"
#include "fuzz/reference/chunks.hpp"
#include "fuzz/reference/syntax.hpp"

namespace artel::fuzz::reference {

struct Message {
  std::string method, target, path, query, body;
  int minor = 1;
  bool keepAlive = true, webSocket = false;
  std::vector<std::pair<std::string, std::string>> fields;
};

struct Read {
  using State = Chunks::State;
  State state = State::needMore;
  std::set<int> statuses;  ///< invalid: one of these
  std::size_t size = 0;    ///< complete: the bytes of this request
  Message message;
};

/// An answer other than 501 is given to these only.
inline bool servedMethod(std::string_view method) {
  for (const char* known : {"GET",
                            "HEAD",
                            "POST",
                            "PUT",
                            "DELETE",
                            "OPTIONS",
                            "PATCH",
                            "QUERY",
                            "COPY",
                            "LOCK",
                            "MKCOL",
                            "MOVE",
                            "PROPFIND",
                            "PROPPATCH",
                            "SEARCH",
                            "UNLOCK",
                            "BIND",
                            "REBIND",
                            "UNBIND",
                            "ACL",
                            "REPORT",
                            "MKACTIVITY",
                            "CHECKOUT",
                            "MERGE",
                            "M-SEARCH",
                            "NOTIFY",
                            "SUBSCRIBE",
                            "UNSUBSCRIBE",
                            "PURGE",
                            "MKCALENDAR",
                            "LINK",
                            "UNLINK",
                            "CHECKIN",
                            "UNCHECKOUT",
                            "VERSION-CONTROL",
                            "BASELINE-CONTROL",
                            "UPDATE",
                            "LABEL",
                            "MKWORKSPACE",
                            "ORDERPATCH",
                            "MKREDIRECTREF",
                            "UPDATEREDIRECTREF"}) {
    if (method == known) return true;
  }
  return false;
}

/// origin-form, absolute-form of http and https, "*" of OPTIONS; fills target, path and query.
inline bool readTarget(std::string_view target, Message& message) {
  message.target = target;
  std::string_view rest = target;
  if (target == "*") {
    if (message.method != "OPTIONS") return false;
  } else if (target.empty() || target[0] != '/') {
    const auto mark = target.find("://");
    if (mark == std::string_view::npos) return false;
    const std::string scheme = lower(target.substr(0, mark));
    if (scheme != "http" && scheme != "https") return false;
    rest = target.substr(mark + 3);
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '/' && rest[end] != '?') ++end;
    if (!authority(rest.substr(0, end))) return false;
    rest.remove_prefix(end);
  }
  const auto question = rest.find('?');
  message.path = rest.substr(0, question);
  if (message.path.empty()) message.path = "/";
  if (question != std::string_view::npos) message.query = rest.substr(question + 1);
  return true;
}

/// What the header lines mean together: 0, or the status to refuse them with.
struct Meaning {
  int status = 0;
  bool chunked = false;
  unsigned long long length = 0;
};

inline Meaning understand(Message& message, std::size_t bodyLimit) {
  std::vector<std::string> hosts, lengths, codings;
  bool close = false, keep = false, connectionUpgrade = false, upgrade = false, expectsOther = false;
  for (const auto& [name, value] : message.fields) {
    const std::string key = lower(name);
    if (key == "host") hosts.push_back(value);
    if (key == "content-length") lengths.push_back(value);
    if (key == "transfer-encoding") codings.push_back(value);
    if (key == "connection") {
      close = close || lists(value, "close");
      keep = keep || lists(value, "keep-alive");
      connectionUpgrade = connectionUpgrade || lists(value, "upgrade");
    }
    if (key == "upgrade") upgrade = upgrade || lists(value, "websocket");
    if (key == "expect") {
      for (const std::string_view one : elements(value)) expectsOther |= !one.empty() && lower(one) != "100-continue";
    }
  }
  if (hosts.size() > 1 || (hosts.empty() && message.minor == 1)) return {400};
  if (hosts.size() == 1 && !authority(hosts[0])) return {400};
  Meaning meaning;
  if (lengths.size() > 1) return {400};
  if (lengths.size() == 1) {
    if (lengths[0].empty()) return {400};
    for (const char c : lengths[0]) {
      if (!digit(c)) return {400};
    }
    const auto significant = std::min(lengths[0].find_first_not_of('0'), lengths[0].size());
    const std::string number = lengths[0].substr(significant);
    constexpr std::string_view most = "18446744073709551615";
    if (number.size() > most.size() || (number.size() == most.size() && number > most)) return {400};
    meaning.length = number.empty() ? 0 : std::stoull(number);
  }
  if (!codings.empty()) {
    if (!lengths.empty() || message.minor == 0 || codings.size() > 1) return {400};
    const auto list = elements(codings[0]);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (!token(list[i]) || (i + 1 < list.size() && lower(list[i]) == "chunked")) return {400};
    }
    if (list.size() > 1 || lower(list[0]) != "chunked") return {501};
    meaning.chunked = true;
  }
  if (expectsOther) return {417};
  if (!meaning.chunked && meaning.length > bodyLimit) return {413};
  message.keepAlive = !close && (message.minor == 1 || keep);
  message.webSocket = upgrade && connectionUpgrade && message.minor == 1;
  return meaning;
}

/// The header block of RFC 9112 section 5, from `at` on. Empty lines are over when `done`.
struct Block {
  bool done = false;
  int status = 0;
};

inline Block readBlock(std::string_view in, std::size_t& at, const http::Limits& limits, Message& message) {
  const std::string_view block = in.substr(0, limits.headerBlock);
  const auto incomplete = [&] { return Block{false, in.size() >= limits.headerBlock ? 431 : 0}; };
  for (;;) {
    if (at >= block.size()) return incomplete();
    if (block[at] == '\r') {
      if (at + 1 == block.size()) return incomplete();
      if (block[at + 1] != '\n') return {false, 400};
      at += 2;
      return {true, 0};
    }
    std::size_t end = at;
    while (end < block.size() && tchar(block[end])) ++end;
    if (end == block.size()) return incomplete();
    if (end == at || block[end] != ':') return {false, 400};
    if (message.fields.size() == limits.headerCount) return {false, 431};
    const auto name = block.substr(at, end - at);
    const std::size_t value = ++end;
    while (end < block.size() && fieldChar(block[end])) ++end;
    if (end == block.size()) return incomplete();
    if (block[end] != '\r') return {false, 400};
    if (end + 1 == block.size()) return incomplete();
    if (block[end + 1] != '\n') return {false, 400};
    message.fields.emplace_back(name, trimmed(block.substr(value, end - value)));
    at = end + 2;
  }
}

inline Read readRequest(std::string_view in, const http::Limits& limits, std::size_t bodyLimit) {
  using State = Read::State;
  Read out;
  const auto end = [&](State state, std::set<int> statuses = {}) {
    out.state = state;
    out.statuses = std::move(statuses);
    return out;
  };
  const std::size_t whole = in.size();
  for (int empty = 0; !in.empty() && (in[0] == '\r' || in[0] == '\n'); ++empty) {
    if (empty == 4 || in[0] == '\n') return end(State::invalid, {400});
    if (in.size() == 1) return end(State::needMore);
    if (in[1] != '\n') return end(State::invalid, {400});
    in.remove_prefix(2);
  }
  Message& message = out.message;

  std::size_t at = 0;
  while (at < in.size() && tchar(in[at])) ++at;
  if (at > 32) return end(State::invalid, {501});
  if (at == in.size()) return end(State::needMore);
  if (in[at] != ' ' || at == 0) return end(State::invalid, {400});
  message.method = in.substr(0, at);
  if (message.method == "PRI") return end(State::invalid, {505});
  if (!servedMethod(message.method)) return end(State::invalid, {501});

  const std::size_t target = ++at;
  const std::size_t lineLimit = std::min(limits.requestLine, limits.headerBlock);
  const std::size_t longest = lineLimit - std::min<std::size_t>(9, lineLimit);  // " HTTP/1.1" has to fit, too
  while (at < in.size() && in[at] > ' ' && in[at] < 0x7f && in[at] != '#') ++at;
  if (at > longest) return end(State::invalid, {414});
  if (at == in.size()) return end(State::needMore);
  if (in[at] != ' ' || !readTarget(in.substr(target, at - target), message)) return end(State::invalid, {400});

  ++at;
  for (const char expected : std::string_view("HTTP/M.m\r\n")) {
    if (at == in.size()) return end(State::needMore);
    const char c = in[at++];
    if (expected == 'M' || expected == 'm' ? !digit(c) : c != expected) return end(State::invalid, {400});
    if (expected != 'm') continue;
    if (in[at - 3] != '1' || c > '1') return end(State::invalid, {505});
    message.minor = c - '0';
  }
  if (at > limits.headerBlock) return end(State::invalid, {414});

  const Block block = readBlock(in, at, limits, message);
  if (block.status != 0) return end(State::invalid, {block.status});
  if (!block.done) return end(State::needMore);
  const Meaning meaning = understand(message, bodyLimit);
  if (meaning.status != 0) return end(State::invalid, {meaning.status});

  const std::size_t head = whole - in.size() + at;
  if (!meaning.chunked) {
    message.body = in.substr(at, static_cast<std::size_t>(meaning.length));
    out.size = head + message.body.size();
    return end(message.body.size() < meaning.length ? State::needMore : State::complete);
  }
  Chunks chunks = readChunks(in.substr(at), limits, bodyLimit);
  message.body = std::move(chunks.body);
  out.size = head + chunks.consumed;
  return end(chunks.state, chunks.statuses);
}

}  // namespace artel::fuzz::reference
