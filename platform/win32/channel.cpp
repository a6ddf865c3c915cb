// Without worker processes there is nothing to tie together: a Channel is never open here.
#include <utility>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {

Channel::Channel(Channel&& other) noexcept : end_(std::exchange(other.end_, noSocket)) {}

Channel& Channel::operator=(Channel&& other) noexcept {
  std::swap(end_, other.end_);
  return *this;
}

Channel::~Channel() { close(); }

void Channel::close() { closeSocket(std::exchange(end_, noSocket)); }

Result<void> Channel::put(char, std::string_view, NativeSocket) const { return unsupported(); }

bool Channel::tryPut(char, std::string_view) const noexcept { return false; }

Result<ChannelMessage> Channel::take() const { return unsupported(); }

Result<ChannelPair> openChannel() { return unsupported(); }

bool awaitReadable(NativeSocket, std::chrono::milliseconds) { return false; }

}  // namespace artel::platform
