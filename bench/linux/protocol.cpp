#include "bench/linux/protocol.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace bench {
namespace {

// The key and the answer of the example in RFC 6455 section 1.3.
constexpr std::string_view upgrade =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view acceptKey = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

// RFC 6455 section 5.2: one final text frame; masked when it comes from a client.
std::string frame(std::string_view payload, bool masked) {
  std::string out = "\x81";
  const unsigned mark = masked ? 0x80 : 0;
  auto put = [&](std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  };
  if (payload.size() < 126) {
    put(mark | payload.size(), 1);
  } else if (payload.size() < 65536) {
    put(mark | 126, 1);
    put(payload.size(), 2);
  } else {
    put(mark | 127, 1);
    put(payload.size(), 8);
  }
  if (!masked) return out.append(payload);
  constexpr std::array<char, 4> mask = {0x37, 0x7a, 0x21, 0x3d};
  out.append(mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

Exchange makeExchange(const std::string& protocol, std::size_t size) {
  if (protocol == "websocket") return {frame(letters(size), true), frame(letters(size), false)};
  if (protocol == "tcp") return {letters(size), letters(size)};
  const std::string line = letters(size - 1) + "\n";
  return {line, line};
}

std::string get(const Options& options, const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: " + options.host + "\r\n\r\n";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

Protocol::Protocol(const Options& options)
    : http_(options.protocol == "http"), body_(options.body), bodyKnown_(!options.body.empty()) {
  std::vector<std::string> requests;
  if (http_) {
    exchange_.request = get(options, "/");
    big_.request = "POST / HTTP/1.1\r\nHost: " + options.host + "\r\nContent-Length: " + std::to_string(options.big) +
                   "\r\n\r\n" + letters(options.big);
    for (std::size_t i = 0; options.urls > 1 && i < options.urls; ++i)
      requests.push_back(get(options, "/?id=" + std::to_string(10'000'000 + i)));
  } else {
    exchange_ = makeExchange(options.protocol, options.size);
    big_ = makeExchange(options.protocol, std::max<std::size_t>(options.big, 1));
  }
  if (requests.empty()) requests = {exchange_.request};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    std::string batch;
    for (std::size_t k = 0; k < options.pipeline; ++k) batch += requests[(i * options.pipeline + k) % requests.size()];
    batches_.push_back(std::move(batch));
  }
  if (options.protocol == "websocket") handshake_ = upgrade;
}

std::ptrdiff_t Protocol::handshakeAnswer(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const auto head = bytes.substr(0, end);
  if (!head.starts_with("HTTP/1.1 101") || head.find(acceptKey) == std::string_view::npos) return -1;
  return static_cast<std::ptrdiff_t>(end + 4);
}

int Protocol::read(Reading& reading, const Exchange& expected, std::string_view bytes) {
  if (http_) return readHttp(reading, bytes);
  const std::string_view answer = expected.answer;
  int whole = 0;
  while (!bytes.empty()) {
    const auto part = answer.substr(reading.offset, bytes.size());
    if (!bytes.starts_with(part)) return -1;
    bytes.remove_prefix(part.size());
    reading.offset += part.size();
    if (reading.offset == answer.size()) {
      reading.offset = 0;
      ++whole;
    }
  }
  return whole;
}

int Protocol::readHttp(Reading& reading, std::string_view bytes) {
  const bool joined = !reading.rest.empty();
  if (joined) bytes = reading.rest.append(bytes);
  int whole = 0;
  while (!bytes.empty()) {
    const auto size = httpAnswer(bytes);
    if (size < 0) return -1;
    if (size == 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(size));
    ++whole;
  }
  if (joined)
    reading.rest.erase(0, reading.rest.size() - bytes.size());
  else
    reading.rest = bytes;
  return whole;
}

// The size of the answer at the start of `bytes`; 0: not complete; -1: not a 200 with the right body.
std::ptrdiff_t Protocol::httpAnswer(std::string_view bytes) {
  constexpr std::string_view ok = "HTTP/1.1 200";
  const auto size = usualHead_ + body_.size();
  if (usualHead_ && bytes.size() >= size && bytes.starts_with(ok) && bytes.substr(usualHead_ - 4, 4) == "\r\n\r\n" &&
      bytes.substr(usualHead_, body_.size()) == body_)
    return static_cast<std::ptrdiff_t>(size);

  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return bytes.size() > 65536 ? -1 : 0;
  if (!bytes.starts_with(ok)) return -1;
  const auto head = lower(bytes.substr(0, end + 2));
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto at = head.find(name);
  if (at == std::string::npos) return -1;
  const char* first = head.data() + at + name.size();
  while (*first == ' ') ++first;
  std::size_t length = 0;
  if (std::from_chars(first, head.data() + head.size(), length).ec != std::errc()) return -1;
  if (bytes.size() < end + 4 + length) return 0;
  const auto body = bytes.substr(end + 4, length);
  if (!bodyKnown_) {
    body_ = body;
    bodyKnown_ = true;
  }
  if (body != body_) return -1;
  usualHead_ = end + 4;
  return static_cast<std::ptrdiff_t>(end + 4 + length);
}

}  // namespace bench
