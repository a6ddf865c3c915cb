// What the parsers cost without a socket. Build with the preset `release`, then: build/release/bin/bench_parsers
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/protocol/http_parser.hpp"
#include "src/protocol/websocket_frames.hpp"

namespace {

using namespace artel;

constexpr std::string_view shortRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view browserRequest =
    "GET /articles/today?page=2&sort=new HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Cache-Control: max-age=0\r\n\r\n";

void httpRequest(benchmark::State& state, std::string_view text) {
  std::string bytes(text);
  const http::Limits limits;
  http::Parser parser;
  for (auto _ : state) {
    parser.reset(limits, 1 << 20);
    const auto outcome = parser.parse(bytes);
    if (outcome.state != http::Parser::State::complete) state.SkipWithError("not a whole request");
    benchmark::DoNotOptimize(parser.request(bytes.data()).path());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(httpRequest, short_, shortRequest);
BENCHMARK_CAPTURE(httpRequest, browser, browserRequest);

// A mask of zeros: the frame is the same after it was unmasked in place.
std::string textFrame(std::size_t size) {
  std::string frame = "\x81";
  if (size < 126) {
    frame += static_cast<char>(0x80 | size);
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(size >> 8);
    frame += static_cast<char>(size);
  }
  return frame + std::string(4, '\0') + std::string(size, 'a');
}

void webSocketText(benchmark::State& state) {
  std::string bytes = textFrame(static_cast<std::size_t>(state.range(0)));
  websocket::Reader reader(websocket::Role::server);
  for (auto _ : state) {
    websocket::Event event;
    if (reader.takeWhole(bytes, 1 << 20, event) != bytes.size()) state.SkipWithError("not a whole message");
    benchmark::DoNotOptimize(event);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(webSocketText)->Arg(20)->Arg(16384);

}  // namespace

BENCHMARK_MAIN();
