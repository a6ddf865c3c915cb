// Completion scripts and the manual page: both from the command table, so that no command is forgotten. Whether bash
// completes with it: Completion.Bash... in tests/integration.
#include "src/master/completion.hpp"

#include <gtest/gtest.h>

#include "artel/error.hpp"
#include "src/master/commands.hpp"
#include "src/master/manual_page.hpp"

namespace artel {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Completion, EveryShellKnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completionScript(shell, "chat", {"web", "none", "two words", "$(rm)"});
    for (const CommandRow& row : commandTable()) EXPECT_TRUE(has(script, row.name)) << shell << " " << row.name;
    for (const OptionRow& row : optionTable())
      EXPECT_TRUE(has(script, row.longName().substr(shell == std::string("fish") ? 2 : 0))) << shell << row.longName();
    EXPECT_TRUE(has(script, "web")) << shell;
    EXPECT_FALSE(has(script, "none=")) << shell;
    EXPECT_FALSE(has(script, "two words")) << shell;
    EXPECT_FALSE(has(script, "$(rm)")) << shell;
  }
}

TEST(Completion, HelpKnowsEveryCommand) {
  for (const CommandRow& row : commandTable()) {
    if (row.verb == Verb::help) continue;
    EXPECT_TRUE(has(rowOf(Verb::help).words, row.name)) << row.name;
  }
}

TEST(Completion, AnUnknownShellIsRefused) {
  for (const char* shell : {"", "tcsh"}) {
    try {
      completionScript(shell, "chat", {});
      ADD_FAILURE() << shell;
    } catch (const SetupError& refused) {
      EXPECT_EQ(refused.exit(), Exit::usage);
      EXPECT_TRUE(has(refused.text(), "completion bash, zsh or fish")) << refused.text();
    }
  }
}

TEST(ManualPage, HasEveryCommandAndOption) {
  const std::string page = manualPage("chat");
  for (const CommandRow& row : commandTable()) EXPECT_TRUE(has(page, "\n.TP\n\\fB" + std::string(row.name) + "\\fR"));
  EXPECT_TRUE(has(page, "\n\\fB\\-g\\fR, \\fB\\-\\-graceful\\fR\n")) << page;
  EXPECT_TRUE(has(page, "\n\\fB\\-\\-no\\-wait\\fR\n")) << page;
  for (const char* section : {"NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "EXIT STATUS", "SIGNALS", "FILES", "SEE ALSO"})
    EXPECT_TRUE(has(page, "\n.SH " + std::string(section) + "\n")) << section;
}

TEST(ManualPage, NoTextIsAnInstruction) {
  const std::string page = manualPage(".so\\");
  EXPECT_FALSE(has(page, "\n.so")) << page;
  EXPECT_TRUE(has(page, "\n\\&.so\\(rs \\- a service")) << page;
}

}  // namespace
}  // namespace artel
