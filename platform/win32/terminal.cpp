// No command stays and draws here: there is no master that it could ask.
#include "platform/platform.hpp"

namespace artel::platform {

LiveTerminal::LiveTerminal(std::string_view, std::string_view) {}

LiveTerminal::~LiveTerminal() {}

std::vector<NativeSocket> LiveTerminal::sockets() const { return {}; }

LiveTerminal::News LiveTerminal::take() { return {}; }

bool LiveTerminal::foreground() { return true; }

}  // namespace artel::platform
