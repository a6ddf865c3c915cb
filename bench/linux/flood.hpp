#pragma once

#include "bench/linux/options.hpp"
#include "bench/linux/protocol.hpp"

namespace bench {

/// Sends options.flood MiB of requests on one connection and reads nothing. Ends early when the server takes nothing
/// for two seconds, or ends the connection. Says "FLOODED" with the bytes sent, then keeps the connection until
/// standard input ends. The program's exit code.
int flood(const Options& options, Protocol& protocol);

}  // namespace bench
