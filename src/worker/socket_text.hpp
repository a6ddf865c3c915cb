// Socket addresses as people read them.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>

namespace artel {

/// Without brackets; IPv4 seen through an IPv6 socket is shown as IPv4; empty for anything else.
std::string ipText(const sockaddr_storage& address);
std::uint16_t portOf(const sockaddr_storage& address) noexcept;
/// "1.2.3.4:5", "[::1]:5".
std::string joinAddress(const std::string& ip, std::uint16_t port);

}  // namespace artel
