#include "platform/posix/system_error.hpp"

#include <cctype>
#include <cerrno>
#include <system_error>

namespace artel::platform {
namespace {

const char* symbol(int number) {
  switch (number) {
#define ARTEL_SYMBOL(name) \
  case name:               \
    return #name
    ARTEL_SYMBOL(EACCES);
    ARTEL_SYMBOL(EADDRINUSE);
    ARTEL_SYMBOL(EADDRNOTAVAIL);
    ARTEL_SYMBOL(EAFNOSUPPORT);
    ARTEL_SYMBOL(EAGAIN);
    ARTEL_SYMBOL(EBADF);
    ARTEL_SYMBOL(ECHILD);
    ARTEL_SYMBOL(ECONNABORTED);
    ARTEL_SYMBOL(ECONNREFUSED);
    ARTEL_SYMBOL(ECONNRESET);
    ARTEL_SYMBOL(EEXIST);
    ARTEL_SYMBOL(EINTR);
    ARTEL_SYMBOL(EINVAL);
    ARTEL_SYMBOL(EIO);
    ARTEL_SYMBOL(EISDIR);
    ARTEL_SYMBOL(ELOOP);
    ARTEL_SYMBOL(EMFILE);
    ARTEL_SYMBOL(ENAMETOOLONG);
    ARTEL_SYMBOL(ENETDOWN);
    ARTEL_SYMBOL(ENFILE);
    ARTEL_SYMBOL(ENOBUFS);
    ARTEL_SYMBOL(ENODEV);
    ARTEL_SYMBOL(ENOENT);
    ARTEL_SYMBOL(ENOMEM);
    ARTEL_SYMBOL(ENOSPC);
    ARTEL_SYMBOL(ENOTDIR);
    ARTEL_SYMBOL(ENOTSOCK);
    ARTEL_SYMBOL(EOPNOTSUPP);
    ARTEL_SYMBOL(EPERM);
    ARTEL_SYMBOL(EPIPE);
    ARTEL_SYMBOL(EPROTO);
    ARTEL_SYMBOL(EPROTOTYPE);
    ARTEL_SYMBOL(EROFS);
    ARTEL_SYMBOL(ESRCH);
    ARTEL_SYMBOL(ETIMEDOUT);
#undef ARTEL_SYMBOL
    default:
      return "";
  }
}

Errc meaning(int number) {
  switch (number) {
    case EADDRINUSE:
      return Errc::addressInUse;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:  // IPv6 is switched off here
    case ENODEV:        // fe80::1%eth7 without such an interface
      return Errc::addressNotAvailable;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permissionDenied;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return Errc::badAddress;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Errc::outOfDescriptors;
    case EAGAIN:
      return Errc::wouldBlock;
    case EPIPE:
    case ECONNRESET:
      return Errc::sendFail;
    case ETIMEDOUT:
      return Errc::timedOut;
    default:
      return Errc::system;
  }
}

}  // namespace

std::string lowerFirst(std::string text) {
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string systemText(int number) {
  std::string text = lowerFirst(std::generic_category().message(number));
  text += " (" + std::to_string(number);
  if (const char* name = symbol(number); *name != '\0') text.append(" ").append(name);
  return text + ")";
}

Error systemError(int number) {
  if (number == EAGAIN) return Error{Errc::wouldBlock, {}, number};
  return Error{meaning(number), systemText(number), number};
}

Error systemError(const std::string& what, int number) {
  return Error{meaning(number), what + ": " + systemText(number), number};
}

}  // namespace artel::platform
