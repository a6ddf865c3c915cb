#include "bench/linux/process_times.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace bench {
namespace {

// The entries of a folder of /proc that are numbers. A process may end at any time: then there are none.
std::vector<int> numbersIn(const std::string& folder) {
  std::vector<int> found;
  std::error_code gone;
  for (std::filesystem::directory_iterator i(folder, gone), end; !gone && i != end; i.increment(gone)) {
    const auto name = i->path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

int parentOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name = line.rfind(") ");  // the name of a program may contain anything
  if (name == std::string::npos || name + 4 >= line.size()) return 0;
  return std::atoi(line.c_str() + name + 4);
}

}  // namespace

std::vector<int> processTree(const std::vector<int>& roots) {
  std::map<int, int> parents;
  for (int pid : numbersIn("/proc")) parents[pid] = parentOf(pid);
  std::vector<int> tree = roots;
  for (std::size_t i = 0; i < tree.size(); ++i)
    for (const auto& [pid, parent] : parents)
      if (parent == tree[i] && std::find(tree.begin(), tree.end(), pid) == tree.end()) tree.push_back(pid);
  return tree;
}

double cpuOf(const std::vector<int>& pids) {
  double seconds = 0;
  for (int pid : pids) {
    const auto tasks = "/proc/" + std::to_string(pid) + "/task";
    for (int task : numbersIn(tasks)) {
      double nanoseconds = 0;
      std::ifstream(tasks + "/" + std::to_string(task) + "/schedstat") >> nanoseconds;
      seconds += nanoseconds / 1e9;
    }
  }
  return seconds;
}

double cpuOfThisProgram() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double cpuOfTheMachine() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupts = 0, soft = 0, steal = 0;
  file >> cpu >> user >> nice >> system >> idle >> wait >> interrupts >> soft >> steal;
  return (user + nice + system + interrupts + soft + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace bench
