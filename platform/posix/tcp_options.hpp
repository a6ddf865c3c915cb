// Options of a listening TCP socket that its connections inherit.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <climits>

#include "platform/platform.hpp"

namespace artel::platform {

inline bool set(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

inline bool hasUserTimeout(const ListenOptions& options) {
  return options.sendTimeout.count() > 0 && options.sendTimeout.count() <= INT_MAX;
}

/// Accepted sockets inherit these: set once here, they cost a new connection no call.
inline void setTcpOptions(int socket, const ListenOptions& options) {
  if (options.noDelay) set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef TCP_USER_TIMEOUT
  // What waits in the kernel is nothing that we could look at for each connection once a second.
  if (hasUserTimeout(options))
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.sendTimeout.count()));
#endif
  if (!options.keepAlive.on) return;
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, options.keepAlive.idleSeconds);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, options.keepAlive.intervalSeconds);
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, options.keepAlive.probes);
#endif
}

}  // namespace artel::platform
