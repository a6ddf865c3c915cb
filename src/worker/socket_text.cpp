#include "src/worker/socket_text.hpp"

namespace artel {

namespace {
std::uint16_t hostOrder(std::uint16_t network) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&network);
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}
}  // namespace

std::string ipText(const sockaddr_storage& address) {
  char text[64] = "";
  if (address.ss_family == AF_INET)
    uv_ip4_name(reinterpret_cast<const sockaddr_in*>(&address), text, sizeof text);
  else if (address.ss_family == AF_INET6)
    uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(&address), text, sizeof text);
  std::string ip = text;
  if (ip.rfind("::ffff:", 0) == 0 && ip.find('.') != std::string::npos) ip.erase(0, 7);
  return ip;
}

std::uint16_t portOf(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) return hostOrder(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return hostOrder(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

std::string joinAddress(const std::string& ip, std::uint16_t port) {
  return (ip.find(':') != std::string::npos ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

}  // namespace artel
