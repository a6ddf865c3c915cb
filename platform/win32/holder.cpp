// Who has a port, and which addresses this machine has: for the words of errors and banners only.
#include <winsock2.h>
#include <ws2tcpip.h>
// winsock2.h comes before these
#include <iphlpapi.h>
#include <windows.h>

#include <cstddef>

#include "platform/platform.hpp"
#include "platform/win32/system_error.hpp"

namespace artel::platform {
namespace {

/// The owner of the row with this port in a table that `fill(buffer, &size)` delivers; 0 when there is none.
template <class Table, class Fill>
DWORD ownerIn(std::uint16_t port, const Fill& fill) {
  DWORD size = 0;
  std::vector<std::max_align_t> memory;
  DWORD answer = fill(nullptr, &size);
  // It may grow between asking for the size and fetching it.
  for (int attempt = 0; answer == ERROR_INSUFFICIENT_BUFFER && attempt < 5; ++attempt) {
    memory.resize(size / sizeof(std::max_align_t) + 1);
    size = static_cast<DWORD>(memory.size() * sizeof(std::max_align_t));
    answer = fill(memory.data(), &size);
  }
  if (answer != NO_ERROR || memory.empty()) return 0;
  const auto* table = reinterpret_cast<const Table*>(memory.data());
  for (DWORD i = 0; i < table->dwNumEntries; ++i) {
    const auto& row = table->table[i];
    if (ntohs(static_cast<u_short>(row.dwLocalPort)) == port) return row.dwOwningPid;
  }
  return 0;
}

DWORD tcpOwner(std::uint16_t port) {
  const auto fill = [](ULONG family) {
    return [family](void* buffer, DWORD* size) {
      return ::GetExtendedTcpTable(buffer, size, FALSE, family, TCP_TABLE_OWNER_PID_LISTENER, 0);
    };
  };
  const DWORD owner = ownerIn<MIB_TCPTABLE_OWNER_PID>(port, fill(AF_INET));
  return owner != 0 ? owner : ownerIn<MIB_TCP6TABLE_OWNER_PID>(port, fill(AF_INET6));
}

DWORD udpOwner(std::uint16_t port) {
  const auto fill = [](ULONG family) {
    return [family](void* buffer, DWORD* size) {
      return ::GetExtendedUdpTable(buffer, size, FALSE, family, UDP_TABLE_OWNER_PID, 0);
    };
  };
  const DWORD owner = ownerIn<MIB_UDPTABLE_OWNER_PID>(port, fill(AF_INET));
  return owner != 0 ? owner : ownerIn<MIB_UDP6TABLE_OWNER_PID>(port, fill(AF_INET6));
}

std::string programOf(DWORD pid) {
  const HANDLE process = ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
  if (process == nullptr) return "a process";
  std::wstring path(32768, L'\0');
  auto size = static_cast<DWORD>(path.size());
  const bool known = ::QueryFullProcessImageNameW(process, 0, path.data(), &size) != 0;
  ::CloseHandle(process);
  if (!known) return "a process";
  path.resize(size);
  return toUtf8(path.substr(path.find_last_of(L"\\/") + 1));
}

}  // namespace

std::optional<std::string> portHolder(std::uint16_t port) {
  DWORD owner = tcpOwner(port);
  if (owner == 0) owner = udpOwner(port);
  if (owner == 0) return std::nullopt;
  return programOf(owner) + " (pid " + std::to_string(owner) + ")";
}

std::vector<std::string> localAddresses() {
  std::vector<std::string> addresses;
  constexpr ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  ULONG size = 16 * 1024;
  std::vector<std::max_align_t> memory;
  ULONG answer = ERROR_BUFFER_OVERFLOW;
  IP_ADAPTER_ADDRESSES* adapters = nullptr;
  for (int attempt = 0; answer == ERROR_BUFFER_OVERFLOW && attempt < 5; ++attempt) {
    memory.resize(size / sizeof(std::max_align_t) + 1);
    adapters = reinterpret_cast<IP_ADAPTER_ADDRESSES*>(memory.data());
    answer = ::GetAdaptersAddresses(AF_UNSPEC, flags, nullptr, adapters, &size);
  }
  if (answer != NO_ERROR) return addresses;
  for (; adapters != nullptr; adapters = adapters->Next) {
    if (adapters->OperStatus != IfOperStatusUp || adapters->IfType == IF_TYPE_SOFTWARE_LOOPBACK) continue;
    for (const auto* entry = adapters->FirstUnicastAddress; entry != nullptr; entry = entry->Next) {
      const sockaddr* address = entry->Address.lpSockaddr;
      char text[INET6_ADDRSTRLEN] = "";
      if (address->sa_family == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
      } else if (address->sa_family == AF_INET6) {
        const auto& in6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
        // fe80::1%12 means nothing to another machine, and no browser takes it.
        if (!IN6_IS_ADDR_LINKLOCAL(&in6)) ::inet_ntop(AF_INET6, &in6, text, sizeof text);
      }
      if (*text != '\0') addresses.emplace_back(text);
    }
  }
  return addresses;
}

}  // namespace artel::platform
