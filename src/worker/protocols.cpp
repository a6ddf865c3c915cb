// From scheme names to protocols: ours, and those that users register.
#include <algorithm>
#include <cctype>
#include <map>

#include "artel/codec.hpp"
#include "src/protocol/frame.hpp"
#include "src/protocol/text.hpp"
#include "src/worker/core.hpp"
#include "src/worker/http_codec.hpp"
#include "src/worker/websocket_client_codec.hpp"

namespace artel {

namespace {

class HttpFactory final : public detail::CodecFactory {
 public:
  explicit HttpFactory(HttpCodec::Mode mode) : mode_(mode) {}
  Made make() const override { return {new HttpCodec(mode_), true}; }

 private:
  HttpCodec::Mode mode_;
};

class WebsocketClientFactory final : public detail::CodecFactory {
 public:
  Made make() const override { return {new WebsocketClientCodec, true}; }
};

using Factories = std::map<std::string, std::shared_ptr<const detail::CodecFactory>>;

const Factories& builtins() {
  static const Factories table{
      {"frame", protocol<protocols::Frame>().factory()},
      {"http", std::make_shared<HttpFactory>(HttpCodec::Mode::http)},
      {"text", protocol<protocols::Text>().factory()},
      {"websocket", std::make_shared<HttpFactory>(HttpCodec::Mode::websocketOnly)},
  };
  return table;
}

Factories& registered() {
  static Factories table;
  return table;
}

std::string lower(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

bool isBuiltin(const Protocol& protocol, std::string_view name) {
  const auto ours = builtins().find(std::string(name));
  return ours != builtins().end() && protocol.factory() == ours->second;
}

void registerProtocol(std::string scheme, const Protocol& protocol) {
  scheme = lower(std::move(scheme));
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto letterOrDigit = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  if (scheme.empty() || !letter(scheme[0]) || !std::all_of(scheme.begin(), scheme.end(), letterOrDigit))
    throw SetupError(Exit::configuration,
                     "registerProtocol: \"" + scheme + "\" is no scheme (a letter, then letters and digits)");
  for (const char* own : {"tcp", "udp", "unix", "ssl", "tls", "ws", "wss", "https"}) {
    if (scheme == own)
      throw SetupError(Exit::configuration,
                       "registerProtocol: \"" + scheme + "\" says what a protocol travels over, and stays that");
  }
  registered()[scheme] = resolveProtocol(protocol);
}

std::vector<std::string> protocolNames() {
  std::vector<std::string> names{"tcp", "udp", "unix"};
  for (const auto& [name, factory] : builtins()) names.push_back(name);
  for (const auto& [name, factory] : registered()) names.push_back(name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::shared_ptr<const detail::CodecFactory> resolveProtocol(const Protocol& protocol) {
  if (protocol.factory()) return protocol.factory();
  const std::string name = lower(protocol.name());
  if (name == "tcp" || name == "udp" || name == "unix" || name.empty()) return nullptr;
  if (const auto own = registered().find(name); own != registered().end()) return own->second;
  if (const auto ours = builtins().find(name); ours != builtins().end()) return ours->second;
  if (name == "ws") throw SetupError(Exit::configuration, "\"ws\" is the scheme of clients", {{"try", "websocket://"}});
  std::string known;
  for (const auto& one : protocolNames()) known += (known.empty() ? "" : ", ") + one;
  throw SetupError(
      Exit::configuration, "unknown scheme \"" + name + "\"",
      {{"known", known}, {"try", "registerProtocol(\"" + name + "\", protocol<YourProtocol>()) before runAll"}});
}

Protocol clientProtocol(const std::string& given, const RemoteAddress& address) {
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    throw SetupError(Exit::configuration, "cannot connect to \"" + given + "\": " + why, {{"try", remedy}});
  };
  const std::string& scheme = address.scheme;
  if (address.kind == platform::SocketKind::unixStream && !capabilities().unixSockets)
    throw SetupError(Exit::notOnThisSystem,
                     "cannot connect to \"" + given + "\": " + std::string(capabilities().whyLimited),
                     {{"try", "tcp://127.0.0.1:PORT"}});
  if (scheme == "udp") refuse("that is no connection", "AsyncUdpConnection::to(\"" + given + "\")");
  if (address.plainScheme() == "http") refuse("http is spoken by servers only", "tcp:// with a request of your own");
  if (scheme == "websocket") refuse("\"websocket\" is the scheme of servers", "ws" + given.substr(scheme.size()));
  if (scheme == "ws" || scheme == "wss") {
    static const auto webSocket = std::make_shared<WebsocketClientFactory>();
    return {"ws", webSocket};
  }
  const Protocol protocol(address.bare() ? "tcp" : scheme);
  return {protocol.name(), resolveProtocol(protocol)};
}

}  // namespace artel
