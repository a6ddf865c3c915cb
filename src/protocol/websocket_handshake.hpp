// The opening handshake: of servers (RFC 6455 section 4.2), and of clients (section 4.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "artel/http.hpp"
#include "src/protocol/http_response.hpp"
#include "src/protocol/websocket_deflate.hpp"

namespace artel::websocket {

/// 101: the request may be accepted; else the status to refuse it with.
struct Check {
  int status = 101;
  std::string_view reason;
};
Check checkHandshake(const http::Request& request);

/// Appends the 101 answer. `subprotocol`: empty, or one the client offered. `extra` lines must be valid headers.
/// `extension`: empty, or what was chosen of those offered.
/// False: refused, nothing appended (a subprotocol that was not offered or is no token, an invalid header line).
bool appendAccept(const http::Request& request, std::string_view subprotocol, const http::Headers& extra,
                  std::string& out, std::string_view extension = {});

/// Appends the answer to a refused check; 426 carries Upgrade and Sec-WebSocket-Version: 13 (section 4.4).
void appendRefusal(const Check& check, const http::ReplyContext& context, std::string& out);

/// In the client's order; views into the request.
std::vector<std::string_view> offeredSubprotocols(const http::Request& request);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string acceptKey(std::string_view key);

// ---- clients --------------------------------------------------------------------------------------------------------

/// 16 random bytes in base64.
std::string newKey();

struct UpgradeRequest {
  std::string_view host;  ///< as in the Host line
  std::string_view uri = "/";
  std::string_view key;
  std::string_view origin;        ///< empty: none
  std::string_view subprotocols;  ///< a list; empty: none
  bool deflate = false;           ///< deflateOffer goes with it
};
/// Appends the request. `extra` lines go with it; a Host among them takes the place of ours. What is wrong with them,
/// as a sentence; then nothing was appended. Empty: nothing is.
std::string appendUpgrade(const UpgradeRequest& request, const http::Headers& extra, std::string& out);

/// What the server made of it.
struct UpgradeAnswer {
  std::string refused;  ///< why the connection must be failed, the middle of a sentence; empty: it speaks WebSocket now
  std::optional<DeflateAgreement> deflate;
};
UpgradeAnswer checkAnswer(const UpgradeRequest& request, const http::Answer& answer);

}  // namespace artel::websocket
