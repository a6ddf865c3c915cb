#include "platform/platform.hpp"

namespace artel::platform {

NativeSocket inheritedListener(SocketKind, const std::string&, std::uint16_t, const ListenOptions&) { return noSocket; }

std::vector<std::string> unclaimedListeners() { return {}; }

}  // namespace artel::platform
