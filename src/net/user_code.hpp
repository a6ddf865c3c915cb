// The one way into user code. Exceptions stop here: they never cross the loop or a C callback. What happens then is the
// worker layer's business (Worker::onException, exit code 250).
#pragma once

#include <exception>
#include <utility>

#include "artel/connection.hpp"

namespace artel::net {

/// Set once by the worker layer.
inline void (*exceptionLeftCallback)(const std::exception_ptr&, Connection*) = nullptr;

/// In a catch block.
inline void exceptionLeft(Connection* connection) noexcept {
  if (exceptionLeftCallback == nullptr) std::terminate();
  exceptionLeftCallback(std::current_exception(), connection);
}

template <class F>
void userCode(Connection* connection, F&& call) noexcept {
  try {
    std::forward<F>(call)();
  } catch (...) {
    exceptionLeft(connection);
  }
}

}  // namespace artel::net
