// The datagram sockets that this process has opened to talk to somebody.
#pragma once

namespace artel {

/// The process ends: they are closed without a word.
void closeUdpClients();

}  // namespace artel
