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

std::optional<double> cpusOf(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return std::nullopt;
  return quota / period;
}

/// Version 2: "200000 100000" is two CPUs; "max 100000" and what cannot be read are no limit.
std::optional<double> quotaIn(const std::string& folder) {
  std::istringstream line(procfs::firstLine(folder + "/cpu.max"));
  double quota = 0, period = 0;
  line >> quota >> period;
  return cpusOf(quota, period);
}

/// Version 1 has two files; a quota of -1 is no limit.
std::optional<double> oldQuotaIn(const std::string& folder) {
  std::istringstream first(procfs::firstLine(folder + "/cpu.cfs_quota_us"));
  std::istringstream second(procfs::firstLine(folder + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  first >> quota;
  second >> period;
  return cpusOf(quota, period);
}

/// The least of what a group and those above it have. In a container the group is often named as the machine outside
/// sees it, and only the last step, the mount itself, is there.
template <class QuotaIn>
std::optional<double> leastUpwards(const std::string& mount, std::string group, QuotaIn&& quotaIn) {
  std::optional<double> least;
  for (;;) {
    if (group == "/") group.clear();
    const auto here = quotaIn(mount + group);
    if (here && (!least || *here < *least)) least = here;
    if (group.empty()) return least;
    group.erase(group.rfind('/'));
  }
}

/// Whether "cpu" is one of "cpu,cpuacct".
bool hasCpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string one; std::getline(list, one, ',');) {
    if (one == "cpu") return true;
  }
  return false;
}

/// Of the groups that this process is in: version 2 is the line "0::/group", version 1 "4:cpu,cpuacct:/group" with
/// a mount of that name, or the short one. A machine may have both; the controller is in one of them only.
std::optional<double> quota(const std::string& root) {
  const std::string cgroups = root + "/sys/fs/cgroup";
  std::ifstream file(root + "/proc/self/cgroup");
  std::optional<double> least;
  const auto take = [&](const std::optional<double>& found) {
    if (found && (!least || *found < *least)) least = found;
  };
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (group.empty() || group.front() != '/') continue;
    if (controllers.empty()) {
      take(leastUpwards(cgroups, group, quotaIn));
    } else if (hasCpu(controllers)) {
      take(leastUpwards(cgroups + "/" + controllers, group, oldQuotaIn));
      if (controllers != "cpu") take(leastUpwards(cgroups + "/cpu", group, oldQuotaIn));
    }
  }
  return least;
}

}  // namespace

int usableCpus(const std::string& root) {
  const int cpus = affinity();
  const auto limit = quota(root);
  if (!limit || *limit >= cpus) return cpus;
  return std::max(1, static_cast<int>(std::ceil(*limit)));
}

}  // namespace artel::platform
