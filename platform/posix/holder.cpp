// Who has a port, and which addresses this machine has: for the words of errors and banners only.
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "platform/platform.hpp"
#include "platform/posix/procfs.hpp"

namespace artel::platform {
namespace {

/// The inodes of the sockets on `port` in one table of /proc/net, whose lines are
///   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 INODE ...
/// with state 0A = listening (tcp) and 07 = not connected (udp).
std::set<std::string> socketsOn(std::uint16_t port, const char* table, const char* wantedState) {
  std::set<std::string> inodes;
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (state != wantedState || colon == std::string::npos) continue;
    if (std::stoul("0" + local.substr(colon + 1), nullptr, 16) == port) inodes.insert("socket:[" + inode + "]");
  }
  return inodes;
}

bool holdsOneOf(const std::set<std::string>& sockets, const std::string& process) {
  const std::string folder = process + "/fd";
  for (const std::string& descriptor : procfs::entries(folder)) {
    std::error_code failed;
    const auto target = std::filesystem::read_symlink(folder + "/" + descriptor, failed);
    if (!failed && sockets.contains(target.string())) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> portHolder(std::uint16_t port) {
  std::set<std::string> sockets;
  sockets.merge(socketsOn(port, "/proc/net/tcp", "0A"));
  sockets.merge(socketsOn(port, "/proc/net/tcp6", "0A"));
  if (sockets.empty()) {
    sockets.merge(socketsOn(port, "/proc/net/udp", "07"));
    sockets.merge(socketsOn(port, "/proc/net/udp6", "07"));
  }
  if (sockets.empty()) return std::nullopt;

  std::vector<long> pids;
  for (const std::string& name : procfs::entries("/proc")) {
    if (name.find_first_not_of("0123456789") == std::string::npos) pids.push_back(std::stol(name));
  }
  // Workers share their master's listener; the oldest, which has the lowest number as a rule, is the one to name.
  std::sort(pids.begin(), pids.end());
  for (const long pid : pids) {
    const std::string process = "/proc/" + std::to_string(pid);
    if (!holdsOneOf(sockets, process)) continue;
    const std::string name = procfs::firstLine(process + "/comm");
    return (name.empty() ? "a process" : name) + " (pid " + std::to_string(pid) + ")";
  }
  return std::nullopt;
}

std::vector<std::string> localAddresses() {
  std::vector<std::string> addresses;
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) != 0) return addresses;
  for (const ifaddrs* entry = interfaces; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_LOOPBACK) != 0) {
      continue;
    }
    socklen_t size = 0;
    if (entry->ifa_addr->sa_family == AF_INET) {
      size = sizeof(sockaddr_in);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      size = sizeof(sockaddr_in6);
      // fe80::1%eth0 means nothing to another machine, and no browser takes it.
      const auto& in6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&in6)) continue;
    } else {
      continue;
    }
    char text[NI_MAXHOST];
    if (::getnameinfo(entry->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  ::freeifaddrs(interfaces);
  return addresses;
}

}  // namespace artel::platform
