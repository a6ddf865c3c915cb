// What clients with the same TLS options share: certificates and authorities are read once for all of them.
#pragma once

#include <memory>

#include "artel/error.hpp"
#include "artel/ssl.hpp"
#include "src/net/tls.hpp"

namespace artel {

/// Read anew when one of the files has changed. The message names the file.
Result<std::shared_ptr<net::TlsContext>> clientTls(const SslOptions& options, bool webSocket);

}  // namespace artel
