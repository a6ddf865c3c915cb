// A chunked body, read the slow way (RFC 9112 section 7.1): what is there is looked at as a whole.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "artel/http.hpp"
#include "fuzz/reference/syntax.hpp"

namespace artel::fuzz::reference {

struct Chunks {
  enum class State { needMore, complete, invalid, anything };
  /// anything: a chunk extension that has not ended; it may already be wrong.
  State state = State::needMore;
  std::set<int> statuses;  ///< invalid: one of these
  std::string body;
  std::size_t consumed = 0;
};

/// *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), a whole one.
inline bool chunkExtensions(std::string_view text) {
  const auto spaces = [&] {
    while (!text.empty() && ows(text[0])) text.remove_prefix(1);
  };
  const auto word = [&] {
    std::size_t size = 0;
    while (size < text.size() && tchar(text[size])) ++size;
    text.remove_prefix(size);
    return size > 0;
  };
  while (!text.empty()) {
    spaces();
    if (text.empty() || text[0] != ';') return false;
    text.remove_prefix(1);
    spaces();
    if (!word()) return false;
    const auto before = text;
    spaces();
    if (text.empty() || text[0] != '=') {
      text = before;
      continue;
    }
    text.remove_prefix(1);
    spaces();
    if (text.empty() || text[0] != '"') {
      if (!word()) return false;
      continue;
    }
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i >= text.size() || !fieldChar(text[i])) return false;
    }
    if (i >= text.size()) return false;
    text.remove_prefix(i + 1);
  }
  return true;
}

/// `in` begins with the first chunk line. Inputs are too short to reach the limit of all chunk lines together.
inline Chunks readChunks(std::string_view in, const http::Limits& limits, std::size_t bodyLimit) {
  using State = Chunks::State;
  Chunks out;
  std::size_t at = 0, extensions = 0, trailer = 0;
  const auto end = [&](State state, std::set<int> statuses = {}) {
    out.state = state;
    out.statuses = std::move(statuses);
    return out;
  };
  // -1: not there yet; 0: another byte is there; 1: it is there, and eaten.
  const auto eat = [&](char wanted) {
    if (at == in.size()) return -1;
    if (in[at] != wanted) return 0;
    ++at;
    return 1;
  };
  for (;;) {  // a chunk
    unsigned long long size = 0;
    std::size_t digits = 0;
    for (; at < in.size() && hexDigit(in[at]); ++at) {
      if (++digits > 16) return end(State::invalid, {400});
      size = size * 16 + std::stoull(std::string(1, in[at]), nullptr, 16);
    }
    if (at == in.size()) return end(State::needMore);
    if (digits == 0) return end(State::invalid, {400});
    if (size > bodyLimit - out.body.size()) return end(State::invalid, {413});
    const auto lineEnd = in.find('\r', at);
    const auto text = in.substr(at, lineEnd - at);
    extensions += text.size();
    std::set<int> wrong;
    if (extensions > limits.chunkExtensions) wrong = {413, 400};  // which one is said depends on what comes first
    if (lineEnd == std::string_view::npos) {
      return end(wrong.empty() ? State::anything : State::invalid, wrong.empty() ? std::set<int>{400, 413} : wrong);
    }
    if (wrong.empty() && !chunkExtensions(text)) wrong = {400};
    if (!wrong.empty()) return end(State::invalid, wrong);
    at = lineEnd + 1;
    if (const int there = eat('\n'); there < 1) return end(there < 0 ? State::needMore : State::invalid, {400});
    if (size == 0) break;
    const auto data = in.substr(at, static_cast<std::size_t>(std::min<unsigned long long>(size, in.size())));
    out.body += data;
    at += data.size();
    if (data.size() < size) return end(State::needMore);
    if (const int there = eat('\r'); there < 1) return end(there < 0 ? State::needMore : State::invalid, {400});
    if (const int there = eat('\n'); there < 1) return end(there < 0 ? State::needMore : State::invalid, {400});
  }
  for (;;) {  // a trailer line
    if (at == in.size()) return end(State::needMore);
    const bool last = in[at] == '\r';
    bool colon = false;
    for (std::size_t start = at;; ++at) {
      if (at == in.size()) return end(State::needMore);
      if (!last && ++trailer > limits.trailerBlock) return end(State::invalid, {431});
      if (in[at] == '\r' && (last || colon)) break;
      if (!colon && in[at] == ':' && at > start) {
        colon = true;
      } else if (colon ? !fieldChar(in[at]) : !tchar(in[at])) {
        return end(State::invalid, {400});
      }
    }
    ++at;
    if (at == in.size()) return end(State::needMore);
    if (!last && ++trailer > limits.trailerBlock) return end(State::invalid, {431});
    if (in[at++] != '\n') return end(State::invalid, {400});
    if (!last) continue;
    out.consumed = at;
    return end(State::complete);
  }
}

}  // namespace artel::fuzz::reference
