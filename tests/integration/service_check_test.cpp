// check and unit (row 1.16.24).
#include <gtest/gtest.h>

#include "tests/support/background_service.hpp"

namespace artel::testing {
namespace {

TEST_F(Service, CheckDecidesAndDoesNothing) {
  const Said fine = run({"check", "--count", "3", "--", "stdout=out.txt"});
  EXPECT_EQ(fine.code, 0) << fine.err;
  EXPECT_NE(fine.out.find("worker web"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("3 processes"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("service: this could start\n"), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find(" " + directory.file("out.txt") + " "), std::string::npos) << fine.out;
  EXPECT_NE(fine.out.find("checking\n"), std::string::npos) << "Worker::checking() was asked in main";
  for (const char* file : {"service.pid", "service.pid.lock", "service.pid.ctl", "out.txt", "service.log"})
    EXPECT_FALSE(directory.has(file)) << file;
  EXPECT_EQ(run({"check", "--listen", "nope://1"}).code, 6);
  EXPECT_EQ(run({"check", "--", "user=no-such-user"}).code, 6);
  const Said file = run({"check", "--pid-file", "no-such-folder/x.pid"});
  EXPECT_EQ(file.code, 6);
  EXPECT_NE(file.err.find("pidFile cannot be written"), std::string::npos) << file.err;
  const auto port = start();
  EXPECT_EQ(run({"check"}).code, 0) << "beside a service that runs";
  const std::string taken = "web=http://127.0.0.1:" + std::to_string(port);
  const Said busy = run({"check", "--pid-file", "other.pid", "--listen", taken, "--", "hooks"});
  EXPECT_EQ(busy.code, 0) << "nothing is opened: " << busy.err;
  for (const char* of : {"start ", "stop ", "exit ", "master-"})
    EXPECT_EQ(busy.out.find(std::string("\n") + of), std::string::npos) << "a hook ran: " << busy.out;
  EXPECT_EQ(run({"stop"}).code, 0);
}

TEST_F(Service, CheckTellsThePlanToPrograms) {
  const Said fine = run({"check", "--json", "--count", "web=auto", "--", "keep"});
  EXPECT_EQ(fine.code, 0) << fine.err;
  const std::string json = fine.out.substr(fine.out.rfind('\n', fine.out.size() - 2) + 1);  // main may print before it
  EXPECT_EQ(json.substr(0, 36), "{\"schema\":1,\"app\":\"service\",\"program") << fine.out;
  EXPECT_EQ(json.find("\"count\":0"), std::string::npos) << json;
  for (const char* part : {"{\"name\":\"web\",\"listen\":\"http://127.0.0.1:0\",", "\"reloadable\":false",
                           "{\"name\":\"open files\",\"value\":\"", "{\"name\":\"OpenSSL\",\"compiled\":\"3."})
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  const Said refused = run({"check", "--json", "--", "user=no-such-user"});
  EXPECT_EQ(refused.code, 6);
  EXPECT_NE(refused.out.find("\"error\":{\"id\":\"E06\",\"message\":"), std::string::npos) << refused.out;
  EXPECT_NE(refused.err.find("error[E06]"), std::string::npos) << refused.err;
}

TEST_F(Service, MainKnowsACheckWhereverTheWordStands) {
  EXPECT_NE(run({"--count", "2", "check"}).out.find("checking\n"), std::string::npos);
  EXPECT_EQ(run({"help", "check"}).out.find("checking\n"), std::string::npos);
  EXPECT_EQ(run({"version", "--", "check"}).out.find("checking\n"), std::string::npos);
}

TEST_F(Service, AUnitForThisProgramHere) {
  const Said unit = run({"unit", "--pid-file", "my 100%.pid"});
  EXPECT_EQ(unit.code, 0);
  EXPECT_NE(unit.out.find("\nWorkingDirectory=" + directory.path() + "\n"), std::string::npos) << unit.out;
  EXPECT_NE(unit.out.find("/fixtures/service start -q --pid-file \"" + directory.file("my 100%%.pid") + "\"\n"),
            std::string::npos)
      << unit.out;
  EXPECT_NE(unit.out.find("\nTimeoutStopSec=6\n"), std::string::npos) << unit.out;
  const std::string itself = unit.out.substr(unit.out.find("\nExecStart=") + 11);
  const std::string program = itself.substr(0, itself.find(' '));
  for (const std::string& line :
       {std::string("WatchdogSec=30"), std::string("Type=notify"), std::string("KillMode=mixed"),
        std::string("LimitNOFILE=1048576"), std::string("RestartPreventExitStatus=2 4 6 7"),
        std::string("SuccessExitStatus=8"),
        "ExecReload=" + program + " reload --pid-file \"" + directory.file("my 100%%.pid") + "\""})
    EXPECT_NE(unit.out.find("\n" + line + "\n"), std::string::npos) << line << " in " << unit.out;
  EXPECT_FALSE(directory.has("my 100%.pid"));
  const Said odd = shell("mkdir 'a b%' && cd 'a b%' && exec \"$0\" unit --pid-file 'a$b.pid'");
  EXPECT_NE(odd.out.find("\nWorkingDirectory=" + directory.file("a b%%") + "\n"), std::string::npos) << odd.out;
  EXPECT_NE(odd.out.find(" start -q --pid-file \"" + directory.file("a b%%/a$$b.pid") + "\"\n"), std::string::npos)
      << odd.out;
}

TEST_F(Service, SystemdHasNothingAgainstTheUnit) {
  if (shell("command -v systemd-analyze").code != 0) GTEST_SKIP() << "there is no systemd";
  const Said said = shell("\"$0\" unit > my.service && systemd-analyze verify ./my.service");
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.err.find("my.service"), std::string::npos) << said.err;
}

}  // namespace
}  // namespace artel::testing
