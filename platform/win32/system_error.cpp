#include "platform/win32/system_error.hpp"

#include <winsock2.h>
// winsock2.h comes before windows.h
#include <windows.h>

#include <iterator>

#include "artel/capabilities.hpp"

namespace artel::platform {
namespace {

struct Known {
  int number;
  Errc code;
  const char* text;
};
constexpr Known knownErrors[] = {
    {WSAEACCES, Errc::permissionDenied, "permission denied (10013 WSAEACCES)"},
    {WSAEADDRINUSE, Errc::addressInUse, "address already in use (10048 WSAEADDRINUSE)"},
    {WSAEADDRNOTAVAIL, Errc::addressNotAvailable, "cannot assign requested address (10049 WSAEADDRNOTAVAIL)"},
    {WSAEAFNOSUPPORT, Errc::addressNotAvailable, "address family not supported (10047 WSAEAFNOSUPPORT)"},
    {WSAECONNRESET, Errc::sendFail, "connection reset by peer (10054 WSAECONNRESET)"},
    {WSAECONNABORTED, Errc::sendFail, "connection aborted (10053 WSAECONNABORTED)"},
    {WSAEMFILE, Errc::outOfDescriptors, "too many open sockets (10024 WSAEMFILE)"},
    {WSAENOBUFS, Errc::outOfDescriptors, "no buffer space available (10055 WSAENOBUFS)"},
    {WSAETIMEDOUT, Errc::timedOut, "timed out (10060 WSAETIMEDOUT)"},
    {WSAEWOULDBLOCK, Errc::wouldBlock, "operation would block (10035 WSAEWOULDBLOCK)"},
    {WSAHOST_NOT_FOUND, Errc::badAddress, "host not found (11001 WSAHOST_NOT_FOUND)"},
    {WSATRY_AGAIN, Errc::badAddress, "temporary failure in name resolution (11002 WSATRY_AGAIN)"},
    {WSANO_DATA, Errc::badAddress, "no address of the requested kind (11004 WSANO_DATA)"},
};

const Known* find(int number) {
  for (const Known& known : knownErrors) {
    if (known.number == number) return &known;
  }
  return nullptr;
}

}  // namespace

std::string toUtf8(std::wstring_view text) {
  const int length = static_cast<int>(text.size());
  const int size = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), length, nullptr, 0, nullptr, nullptr);
  std::string utf8(static_cast<std::size_t>(size), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), length, utf8.data(), size, nullptr, nullptr);
  return utf8;
}

std::wstring toWide(std::string_view utf8) {
  const int length = static_cast<int>(utf8.size());
  const int size = ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), length, nullptr, 0);
  std::wstring text(static_cast<std::size_t>(size), L'\0');
  ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), length, text.data(), size);
  return text;
}

std::string systemText(int number) {
  // Own words for the common ones: Windows' are in the language of the user and end with a full stop and a line break.
  if (const Known* known = find(number)) return known->text;
  wchar_t words[512];
  const DWORD size =
      ::FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                       nullptr, static_cast<DWORD>(number), 0, words, static_cast<DWORD>(std::size(words)), nullptr);
  std::string text = toUtf8({words, size});
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return (text.empty() ? "Windows error" : text) + " (" + std::to_string(number) + ")";
}

Error systemError(int number) {
  const Known* known = find(number);
  return Error{known != nullptr ? known->code : Errc::system, systemText(number), number};
}

Error unsupported() { return Error{Errc::unsupported, std::string(capabilities().whyLimited), 0}; }

}  // namespace artel::platform
