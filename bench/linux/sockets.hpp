#pragma once

#include <cstddef>

#include "bench/linux/options.hpp"

namespace bench {

/// A non-blocking socket on its way to the server, without Nagle's delay. With several sources the nth address is its
/// own, so that more than 28,000 connections find ports. -1 and errno on failure.
int startConnecting(const Options& options, std::size_t n);

/// 0: connected.
int connectError(int fd);

/// The next close sends a reset, so that the port is free at once.
void resetOnClose(int fd);

}  // namespace bench
