// Who the client is when a proxy speaks for it (manual 1.16.38).
#include <uv.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "src/protocol/http_syntax.hpp"
#include "src/worker/conn.hpp"
#include "src/worker/core.hpp"

namespace artel::http {

namespace {

bool isPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), syntax::isDigit);
}

/// As getRemoteIp shows it; empty when it is no address. Some proxies add the port.
std::string addressIn(std::string_view text) {
  const bool bracketed = !text.empty() && text.front() == '[';
  if (bracketed) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !isPort(rest.substr(1)))) return {};
    text = text.substr(1, end - 1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    if (!isPort(text.substr(colon + 1))) return {};
    text = text.substr(0, colon);
  }
  if (text.find('%') != std::string_view::npos) return {};  // a zone means something to one machine only
  const std::string word(text);
  char bytes[16];
  const bool four = !bracketed && uv_inet_pton(AF_INET, word.c_str(), bytes) == 0;
  if (!four && uv_inet_pton(AF_INET6, word.c_str(), bytes) != 0) return {};
  char shown[64] = "";
  uv_inet_ntop(four ? AF_INET : AF_INET6, bytes, shown, sizeof shown);
  std::string ip = shown;
  if (ip.rfind("::ffff:", 0) == 0 && ip.find('.') != std::string::npos) ip.erase(0, 7);
  return ip;
}

}  // namespace

std::string clientIp(const TcpConnection& connection, const Request& request) {
  const Conn& self = Conn::of(connection);
  std::string client = self.getRemoteIp();
  Worker* worker = self.isDialled() ? nullptr : self.acceptedBy();
  if (worker == nullptr || !worker->core().trusts(self)) return client;
  std::string_view hops = request.header("X-Forwarded-For");
  if (hops.empty()) {
    const std::string real = addressIn(syntax::trim(request.header("X-Real-IP")));
    return real.empty() ? client : real;
  }
  // Each proxy adds its peer behind what it was told: from the end on as far as those go who are believed.
  while (!hops.empty()) {
    const auto comma = hops.rfind(',');
    const std::string hop = addressIn(syntax::trim(comma == std::string_view::npos ? hops : hops.substr(comma + 1)));
    if (hop.empty()) return client;
    client = hop;
    if (!worker->core().trusts(hop) || comma == std::string_view::npos) return client;
    hops = hops.substr(0, comma);
  }
  return client;
}

}  // namespace artel::http
