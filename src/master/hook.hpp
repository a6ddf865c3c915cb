// The user's code in the master: what it throws must not end the service.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "artel/log.hpp"

namespace artel {

template <class F>
void hook(const char* name, F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const std::exception& e) {
    log::error(std::string("an exception left ") + name + ": " + e.what());
  } catch (...) {
    log::error(std::string("an exception of an unknown type left ") + name);
  }
}

}  // namespace artel
