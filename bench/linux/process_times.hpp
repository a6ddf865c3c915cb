// CPU time of the server, of this program and of the whole machine, from /proc.
#pragma once

#include <vector>

namespace bench {

/// Those processes and all their descendants.
std::vector<int> processTree(const std::vector<int>& roots);

/// Seconds. All threads of the processes, to the nanosecond (schedstat).
double cpuOf(const std::vector<int>& pids);
double cpuOfThisProgram();
double cpuOfTheMachine();  // in ticks of 10 ms

}  // namespace bench
