// What the shells and man make of what `completion` and `man` print.
#include <gtest/gtest.h>

#include <cstdlib>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

const std::string binDir = std::getenv("ARTEL_BIN") != nullptr ? std::getenv("ARTEL_BIN") : ARTEL_BIN_DIR;

class Completion : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().workerProcesses) GTEST_SKIP() << "needs a shell";
  }
  struct Said {
    int code;
    std::string out, err;
  };
  Said shell(const std::string& line, const std::string& program = "/bin/sh") {
    Program run(program, {"-c", line, binDir + "/fixtures/service"}, &directory);
    const int code = run.wait(15s);
    return {code, run.out(), run.err()};
  }
  bool installed(const std::string& command) { return shell("command -v " + command).code == 0; }
  /// What bash offers when the tab key is hit behind the last word.
  std::string bash(const std::string& words) {
    const Said said = shell("eval \"$(\"$0\" completion bash)\"; COMP_WORDS=(service " + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _artel_service; "
                                "echo \"${COMPREPLY[*]}\"",
                            "/bin/bash");
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(said.err, "");
    return said.out;
  }
  Directory directory;
};

TEST_F(Completion, BashCompletes) {
  if (!installed("bash")) GTEST_SKIP() << "there is no bash";
  EXPECT_EQ(bash("re"), "restart reload\n");
  EXPECT_EQ(bash("--pid-file x st"), "start stop status\n") << "the value of an option is no command";
  EXPECT_EQ(bash("reload --"), "--graceful --timeout --no-wait --exec --pid-file --json\n");
  EXPECT_EQ(bash("start --log-level d"), "debug\n");
  EXPECT_EQ(bash("start --listen ''"), "web=\n");
  EXPECT_EQ(bash("start --count ''"), "web= auto\n");
  EXPECT_EQ(bash("status --worker w"), "web\n");
  EXPECT_EQ(bash("completion z"), "zsh\n");
  EXPECT_EQ(bash("help un"), "unit\n");
  EXPECT_EQ(bash("stop -t ''"), "\n");
  EXPECT_EQ(bash("start -- st"), "\n") << "the application's own words";
  shell("touch some.pid");
  EXPECT_EQ(bash("stop --pid-file so"), "some.pid\n");
  EXPECT_EQ(shell("eval \"$(\"$0\" completion bash)\"; complete -p service", "/bin/bash").out,
            "complete -F _artel_service service\n");
}

TEST_F(Completion, ZshCompletes) {
  if (!installed("zsh")) GTEST_SKIP() << "there is no zsh";
  // Its own functions are stubs that say what they were given: the real ones need a terminal.
  const auto zsh = [&](const std::string& words) {
    return shell(
        "cat > stubs <<'E'\ncompdef() { :; }\n_describe() { [[ $1 == -o ]] && shift; print -rl -- \"${(@P)2}\"; "
        "}\ncompadd() { [[ $1 == -S ]] && shift 2; shift; print -r -- \"$@\"; }\nE\n"
        "\"$0\" completion zsh > script; zsh -fc 'source ./stubs; source ./script; words=(service " +
        words + "); CURRENT=$#words; _artel_service'");
  };
  const Said commands = zsh("\"\"");
  EXPECT_EQ(commands.err, "");
  EXPECT_NE(commands.out.find("start:serve until Ctrl+C; -d in the background\n"), std::string::npos) << commands.out;
  EXPECT_NE(zsh("reload \"\"").out.find("--no-wait:do not wait until it is done\n"), std::string::npos);
  EXPECT_EQ(zsh("start --listen \"\"").out, "web=\n");
  EXPECT_EQ(zsh("completion \"\"").out, "bash zsh fish\n");
}

TEST_F(Completion, FishCompletes) {
  if (!installed("fish")) GTEST_SKIP() << "there is no fish";
  const auto fish = [&](const std::string& line) {
    return shell("HOME=$PWD; export HOME; \"$0\" completion fish > script; fish -N -c 'source script; complete -C \"" +
                 line + "\"'");
  };
  EXPECT_NE(fish("service re").out.find("reload\tnew workers in place of the old, no gap\n"), std::string::npos);
  EXPECT_NE(fish("service reload --").out.find("--no-wait\tdo not wait until it is done\n"), std::string::npos);
  EXPECT_NE(fish("service start --worker ").out.find("web\t"), std::string::npos);
}

TEST_F(Completion, TheManualPageIsOne) {
  if (!installed("groff")) GTEST_SKIP() << "there is no groff";
  const Said page = shell("\"$0\" man | groff -man -ww -Tascii -P-c | sed 's/.\\x08//g'");
  EXPECT_EQ(page.err, "") << "groff warns of nothing";
  for (const char* text : {"SERVICE(1)", "service - a service built with artel", "-g, --graceful", "--no-wait",
                           "Taken by stop, restart, reload.", "service.pid.ctl"})
    EXPECT_NE(page.out.find(text), std::string::npos) << text << " in\n" << page.out;
}

}  // namespace
}  // namespace artel::testing
