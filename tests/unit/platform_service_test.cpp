#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "platform/platform.hpp"

namespace artel::platform {
namespace {

TEST(PlatformService, SystemIsNamed) {
  const std::string name = systemName();
  EXPECT_NE(name.find(' '), std::string::npos) << name;
  EXPECT_NE(name.back(), ' ');
}

TEST(PlatformService, CapabilitiesSayWhyWhenSomethingIsMissing) {
  const Capabilities& can = capabilities();
  EXPECT_FALSE(can.platform.empty());
  const bool all = can.workerProcesses && can.manyListeners && can.daemonize && can.dropPrivileges && can.reusePort &&
                   can.controlCommands && can.unixSockets;
  EXPECT_EQ(can.whyLimited.empty(), all);
}

TEST(PlatformService, CpusAreCounted) {
  EXPECT_GE(usableCpus(), 1);
  EXPECT_LT(usableCpus(), 100'000);
}

TEST(PlatformService, ACgroupHasFewerCpusThanTheMachine) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "there are no cgroups";
  const std::string root = ::testing::TempDir() + "artel-cgroup-" + std::to_string(currentPid());
  const auto write = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root + file).parent_path());
    std::ofstream(root + file) << text << "\n";
  };
  const int all = usableCpus(root);  // without any cgroup
  EXPECT_EQ(all, usableCpus("/no/such/tree"));
  write("/proc/self/cgroup", "1:cpu:/of-version-1\n0::/service/chat");
  write("/sys/fs/cgroup/service/chat/cpu.max", "max 100000");
  EXPECT_EQ(usableCpus(root), all);
  write("/sys/fs/cgroup/service/cpu.max", "30000 100000");
  EXPECT_EQ(usableCpus(root), 1) << "a limit of one above holds as well; a part of one is one";
  write("/sys/fs/cgroup/service/cpu.max", "99900000 100000");
  EXPECT_EQ(usableCpus(root), all) << "not more than there are";
  write("/sys/fs/cgroup/cpu.max", "100000 100000");
  EXPECT_EQ(usableCpus(root), 1);
  write("/sys/fs/cgroup/cpu.max", "nonsense");
  EXPECT_EQ(usableCpus(root), all);
  std::filesystem::remove_all(root);
}

TEST(PlatformService, ACgroupOfVersionOneHasFewerToo) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "there are no cgroups";
  const std::string root = ::testing::TempDir() + "artel-cgroup1-" + std::to_string(currentPid());
  const auto write = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root + file).parent_path());
    std::ofstream(root + file) << text << "\n";
  };
  const int all = usableCpus("/no/such/tree");
  write("/proc/self/cgroup", "12:cpuset:/service\n4:cpu,cpuacct:/service/chat\n1:name=systemd:/service\n0::/");
  EXPECT_EQ(usableCpus(root), all);
  for (const std::string mount : {"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu"}) {
    write(mount + "/service/chat/cpu.cfs_quota_us", "-1");
    write(mount + "/service/chat/cpu.cfs_period_us", "100000");
    EXPECT_EQ(usableCpus(root), all) << "-1 is no limit";
    write(mount + "/service/chat/cpu.cfs_quota_us", "30000");
    EXPECT_EQ(usableCpus(root), 1) << mount;
    std::filesystem::remove_all(root + mount + "/service");
    write(mount + "/cpu.cfs_quota_us", "100000");
    write(mount + "/cpu.cfs_period_us", "100000");
    EXPECT_EQ(usableCpus(root), 1) << "in a container the group's name is of the machine outside";
    std::filesystem::remove_all(root + mount);
  }
  write("/sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "100000");
  write("/sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000");
  EXPECT_EQ(usableCpus(root), all) << "not the controller of times";
  std::filesystem::remove_all(root);
}

TEST(PlatformService, ResidentMemoryGrowsWithWhatIsTouched) {
  const std::size_t before = residentMemory();
  EXPECT_GT(before, 100U << 10);
  std::vector<char> touched(64U << 20);
  volatile char* const bytes = touched.data();  // volatile: an optimizer may leave out what nobody reads
  for (std::size_t i = 0; i < touched.size(); i += 1024) bytes[i] = 'x';
  EXPECT_GT(residentMemory(), before + (32U << 20));
}

TEST(PlatformService, OpenFilesAreRaisedAndNeverLowered) {
  const std::uint64_t now = raiseOpenFiles(1);
  EXPECT_GE(now, 1U);
  const std::uint64_t raised = raiseOpenFiles(now + 1);
  EXPECT_GE(raised, now);
  EXPECT_LE(raised, now + 1);
}

TEST(PlatformService, TerminalHasAWidth) {
  const Terminal terminal = standardOutput();
  EXPECT_GT(terminal.width, 0);
  EXPECT_TRUE(terminal.isTerminal || !terminal.colour) << "colour is for terminals only";
}

TEST(PlatformService, TitleOverwritesTheWordsAndSparesTheArguments) {
  if (capabilities().platform == "windows") GTEST_SKIP() << "a title is the console's there, not the memory of argv";
  // As the kernel lays it out: the words one behind the other. Static, because titles go there from now on.
  static char space[] = "program\0--flag\0value\0\0the end";
  static char* words[] = {space, space + 8, space + 15, nullptr};
  ASSERT_EQ(std::getenv("ARTEL_NO_SUCH_VARIABLE"), nullptr);
  const std::string path = std::getenv("PATH") == nullptr ? "" : std::getenv("PATH");
  saveProcessTitleSpace(3, words);

  setProcessTitle("artel: chat");
  EXPECT_STREQ(space, "artel: chat");
  EXPECT_EQ(arguments(3, words), (std::vector<std::string>{"program", "--flag", "value"}));
  EXPECT_EQ(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"), path);

  setProcessTitle("short");
  EXPECT_EQ(std::string(space, 20), "short" + std::string(15, '\0'));
  setProcessTitle("artel: a title that is longer than the space for it");
  EXPECT_STREQ(space, "artel: a title that ");
  EXPECT_STREQ(space + 22, "the end") << "written beyond its space";
}

}  // namespace
}  // namespace artel::platform
