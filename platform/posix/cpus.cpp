#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "platform/platform.hpp"
#include "platform/posix/procfs.hpp"

namespace artel::platform {
namespace {

int affinity() {
#ifdef __linux__
  // The kernel refuses a set smaller than its own; 1024 CPUs are not the limit everywhere.
  for (std::size_t cpus = 1024; cpus <= 1U << 20; cpus *= 4) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(cpus);
    const int failed = ::sched_getaffinity(0, size, set);
    const int count = failed == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

/// "200000 100000" is two CPUs; "max 100000" and what cannot be read are no limit.
std::optional<double> quotaIn(const std::string& file) {
  std::istringstream line(procfs::firstLine(file));
  double quota = 0, period = 0;
  if (!(line >> quota >> period) || !(quota > 0) || !(period > 0)) return std::nullopt;
  return quota / period;
}

/// The folder of this process in cgroup version 2; in a container it is mostly "/".
std::string cgroupOf(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("0::/", 0) == 0) return line.substr(3);
  }
  return "";
}

/// The least of what the process's own cgroup and those above it have.
std::optional<double> quota(const std::string& root) {
  std::string group = cgroupOf(root);
  if (group.empty()) return std::nullopt;
  std::optional<double> least;
  for (;;) {
    if (group == "/") group.clear();
    const auto here = quotaIn(root + "/sys/fs/cgroup" + group + "/cpu.max");
    if (here && (!least || *here < *least)) least = here;
    if (group.empty()) return least;
    group.erase(group.rfind('/'));
  }
}

}  // namespace

int usableCpus(const std::string& root) {
  const int cpus = affinity();
  const auto limit = quota(root);
  if (!limit || *limit >= cpus) return cpus;
  return std::max(1, static_cast<int>(std::ceil(*limit)));
}

}  // namespace artel::platform
