#include "src/worker/client_tls.hpp"

#include <map>
#include <string>

#include "src/worker/tls_files.hpp"

namespace artel {

namespace {

/// All that makes a context; what each connection says for itself (peerName, verifyPeerName) is left out.
std::string keyOf(const SslOptions& options, bool webSocket) {
  std::string key;
  const auto add = [&](const std::string& part) { key.append(std::to_string(part.size())).append(":").append(part); };
  add(options.localCert);
  add(options.localPk);
  add(options.passphrase);
  add(options.caFile);
  add(options.ciphers);
  for (const std::string& one : options.alpnProtocols) add(one);
  add(std::to_string(options.verifyDepth) + (options.allowSelfSigned ? "s" : "") + (webSocket ? "w" : "") +
      std::to_string(options.verifyPeer.kind()));
  add(TlsFiles::identity(options));
  return key;
}

}  // namespace

Result<std::shared_ptr<net::TlsContext>> clientTls(const SslOptions& options, bool webSocket) {
  constexpr std::size_t most = 64;  // files that change all the time must not fill the memory
  static std::map<std::string, std::shared_ptr<net::TlsContext>> made;
  const std::string key = keyOf(options, webSocket);
  if (const auto found = made.find(key); found != made.end()) return found->second;
  try {
    auto context = net::TlsContext::client(TlsFiles::readForClient(options, "a client", webSocket).settings);
    if (!context) return context.error();
    if (made.size() >= most) made.clear();
    return made[key] = *context;
  } catch (const SetupError& e) {
    return Error{Errc::connectFail, e.what(), 0};
  }
}

}  // namespace artel
