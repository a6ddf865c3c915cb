#include "bench/linux/options.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>
#include <string_view>

namespace bench {
namespace {

constexpr const char* help =
    R"(artel-load MODE --port PORT [options]: loads a server, checks every answer, prints one line of JSON

modes
  http, text, tcp, websocket   closed loop; with --rate open loop: latency counts from when a request was due,
                               so a server that stalls cannot hide those it kept from being sent
  connect                      connect, one HTTP request, reset; over and over
  broadcast                    WebSocket; the first connection speaks, every connection must hear each message
  hold                         one request per connection, then "READY" and nothing until the end of standard input
  flood                        one connection sends --flood MiB and reads nothing; then the same

options (defaults)
  --protocol P (http)          hold, flood: http, text, tcp, websocket
  --host A (127.0.0.1)   --port N   --connections N (64)   --sources N (1) client addresses from 127.0.0.2
  --pipeline N (1)             requests in flight per connection; in broadcast, messages
  --size N (64)                bytes of a message, for text with its newline
  --big N (0)                  hold: then one message of N bytes per connection; with http a POST
  --tls full|resumed           TLS 1.3; resumed: with the session of an earlier connection, which must be accepted
  --urls N (1)                 http: distinct targets, in turn
  --body TEXT                  http: the body that every answer must have (else: that of the first)
  --seconds N (5)   --warmup N (0.3)   --rate N (0) requests/s; flood: MiB/s   --flood N (256)
  --requests N                 instead of a time: exactly so many answers, from the first
  --pids A,B                   the server's processes, for its CPU time

exit code: 0 measured, 1 a wrong answer came, 2 usage, 3 the connections or the answers did not come
)";

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "artel-load: %s; see artel-load --help\n", why.c_str());
  std::exit(2);
}

double number(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || value < 0) refuse(name + " needs a number, not '" + text + "'");
  return value;
}

std::vector<int> numbers(const std::string& name, const std::string& text) {
  std::vector<int> found;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) found.push_back(static_cast<int>(number(name, part)));
  return found;
}

bool oneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Options parseOptions(int argc, char** argv) {
  Options options;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || oneOf(words[0], {"help", "-h", "--help"})) {
    std::fputs(help, words.empty() ? stderr : stdout);
    std::exit(words.empty() ? 2 : 0);
  }
  options.mode = words[0];

  std::map<std::string, std::function<void(const std::string&, const std::string&)>> known;
  auto text = [&](const char* name, std::string& to) { known[name] = [&to](auto&, auto& value) { to = value; }; };
  auto count = [&]<class T>(const char* name, T& to) {
    known[name] = [&to](auto& option, auto& value) { to = static_cast<T>(number(option, value)); };
  };
  text("--protocol", options.protocol);
  text("--host", options.host);
  text("--body", options.body);
  text("--tls", options.tls);
  count("--port", options.port);
  count("--connections", options.connections);
  count("--pipeline", options.pipeline);
  count("--size", options.size);
  count("--big", options.big);
  count("--urls", options.urls);
  count("--sources", options.sources);
  count("--seconds", options.seconds);
  count("--warmup", options.warmup);
  count("--rate", options.rate);
  count("--requests", options.requests);
  count("--flood", options.flood);
  known["--pids"] = [&](auto& option, auto& value) { options.pids = numbers(option, value); };

  for (std::size_t i = 1; i < words.size(); i += 2) {
    const auto found = known.find(words[i]);
    if (found == known.end()) refuse("unknown option " + words[i]);
    if (i + 1 == words.size()) refuse(words[i] + " needs a value");
    found->second(words[i], words[i + 1]);
  }

  if (oneOf(options.mode, {"http", "text", "tcp", "websocket"}))
    options.protocol = options.mode;
  else if (options.mode == "broadcast")
    options.protocol = "websocket";
  else if (options.mode == "connect")
    options.protocol = "http";
  else if (!oneOf(options.mode, {"hold", "flood"}))
    refuse("unknown mode " + options.mode);
  if (options.protocol.empty()) options.protocol = "http";
  if (!oneOf(options.protocol, {"http", "text", "tcp", "websocket"})) refuse("unknown protocol " + options.protocol);
  if (!oneOf(options.tls, {"", "full", "resumed"})) refuse("--tls is full or resumed");
  if (!options.tls.empty() && options.mode == "flood") refuse("flood knows no TLS");
  if (options.port == 0) refuse("--port is missing");
  if (options.connections == 0 || options.pipeline == 0 || options.size == 0 || options.urls == 0)
    refuse("--connections, --pipeline, --size and --urls begin at 1");
  return options;
}

}  // namespace bench
