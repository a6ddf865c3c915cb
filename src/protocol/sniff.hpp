// Recognises what a stranger speaks, so that a wrong protocol on a port becomes one helpful sentence instead of
// silence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/protocol/http_response.hpp"

namespace artel::protocols {

enum class Spoken : std::uint8_t { unknown, needMore, http, webSocketHello, tls };

/// Of the first bytes of a connection. needMore: still possibly HTTP or TLS, too short to tell.
Spoken sniff(std::string_view firstBytes);

/// One sentence for the log: what came, what the port speaks, what to type. Empty for unknown and needMore.
/// `speaks` is a scheme ("text"), `listenAddress` what the worker listens on ("text://0.0.0.0:5678").
std::string wrongProtocolHint(Spoken spoken, std::string_view listenAddress, std::string_view speaks);

/// The same for plain bytes where a TLS hello should have been. "an HTTP request reached https://..., which speaks TLS;
/// open https://HOST:8443/".
std::string plainOnTlsHint(std::string_view firstBytes, std::string_view listenAddress, std::string_view speaks);
/// The beginning of a request line, however little of it has come.
bool beginsLikeHttp(std::string_view firstBytes);

/// 426 with a small HTML page that says what this port speaks; its Upgrade header names it (RFC 9110 section 15.5.22).
void appendWrongProtocolPage(std::string_view speaks, std::string_view listenAddress, const http::ReplyContext& context,
                             std::string& out);

}  // namespace artel::protocols
