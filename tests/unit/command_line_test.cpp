#include "src/master/command_line.hpp"

#include <gtest/gtest.h>

#include "artel/error.hpp"

namespace artel {
namespace {

constexpr Capabilities linux_{"linux", true, true, true, true, true, true, true, ""};
constexpr Capabilities windows_{"windows", false, false, false, false, false, false, false, "one process"};

Command parse(std::vector<std::string> words, const Capabilities& can = linux_) {
  words.insert(words.begin(), "./chat");
  return parseCommandLine(words, can);
}

std::string refused(std::vector<std::string> words) {
  try {
    parse(std::move(words));
  } catch (const SetupError& error) {
    EXPECT_EQ(error.exit(), Exit::usage);
    return error.text();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(CommandLine, Start) {
  const Command command = parse({"start", "-q", "--listen", "web=http://0.0.0.0:1", "--listen", "tcp://[::]:2",
                                 "--count", "4", "--worker", "web", "--log-level", "debug"});
  EXPECT_EQ(command.verb, Command::Verb::start);
  EXPECT_TRUE(command.quiet);
  ASSERT_EQ(command.listen.size(), 2u);
  EXPECT_EQ(command.listen[0].worker, "web");
  EXPECT_EQ(command.listen[0].value, "http://0.0.0.0:1");
  EXPECT_EQ(command.listen[1].worker, "");
  EXPECT_EQ(command.listen[1].value, "tcp://[::]:2");
  ASSERT_EQ(command.count.size(), 1u);
  EXPECT_EQ(command.count[0].value, "4");
  EXPECT_EQ(command.onlyWorker, "web");
  EXPECT_EQ(command.logLevel, log::Level::debug);
}

TEST(CommandLine, OptionsMayComeFirst) {
  const Command command = parse({"--count", "2", "start"});
  EXPECT_EQ(command.verb, Command::Verb::start);
  EXPECT_EQ(command.count.size(), 1u);
}

TEST(CommandLine, TheApplicationsWordsAreLeftAlone) {
  const Command command = parse({"start", "--", "--count", "stop", "-x"});
  EXPECT_EQ(command.arguments, (std::vector<std::string>{"--count", "stop", "-x"}));
  EXPECT_TRUE(command.count.empty());
}

TEST(CommandLine, NearMisses) {
  EXPECT_NE(refused({"sart"}).find("Did you mean \"start\"?"), std::string::npos);
  EXPECT_NE(refused({"stauts"}).find("Did you mean \"status\"?"), std::string::npos);  // not "start"
  EXPECT_NE(refused({"start", "--cuont", "3"}).find("Did you mean \"--count\"?"), std::string::npos);
  EXPECT_EQ(refused({"frobnicate"}).find("Did you mean"), std::string::npos);
  EXPECT_NE(refused({"start", "extra"}).find("\"--\""), std::string::npos);
  EXPECT_EQ(refused({"start", "--count"}).find("error[E02] --count needs a value\n"), 0u);
  EXPECT_EQ(refused({"start", "--listen", ""}).find("error[E02] --listen needs a value\n"), 0u);
  EXPECT_EQ(refused({"stop", "--pid-file", ""}).find("error[E02] --pid-file needs a value\n"), 0u);
  EXPECT_EQ(refused({"stop", "-t", "1", "-t", "2"}).find("error[E02] --timeout can be given once only\n"), 0u);
  EXPECT_NE(refused({"start", "--log-level", "loud"}).find("loud"), std::string::npos);
}

TEST(CommandLine, WithoutACommand) {
  EXPECT_NE(refused({}).find("usage:"), std::string::npos);
  EXPECT_EQ(parse({}, windows_).verb, Command::Verb::start);
  EXPECT_EQ(parse({"-q"}, windows_).verb, Command::Verb::start);
}

TEST(CommandLine, EachCommandTakesItsOwnOptions) {
  const Command stop = parse({"stop", "-g", "-t", "1.5", "--pid-file", "/run/a.pid"});
  EXPECT_EQ(stop.verb, Verb::stop);
  EXPECT_TRUE(stop.graceful);
  EXPECT_EQ(stop.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(stop.pidFile, "/run/a.pid");
  EXPECT_EQ(parse({"stop"}).timeout, std::nullopt);
  const Command restart = parse({"restart", "-d", "-g"});
  EXPECT_TRUE(restart.daemon && restart.graceful);
  EXPECT_FALSE(parse({"reload", "--no-wait"}).wait);
  EXPECT_TRUE(parse({"reload"}).wait);
  EXPECT_TRUE(parse({"status", "--json", "-d"}).json);
  EXPECT_TRUE(parse({"check", "--json"}, windows_).json);
  EXPECT_EQ(parse({"connections", "--pid", "12", "--limit", "all"}).pid, 12);
  EXPECT_EQ(parse({"trace", "12"}).pid, 12);
  EXPECT_NE(refused({"trace"}).find("trace: of which process?"), std::string::npos);
  EXPECT_NE(refused({"trace", "x"}).find("trace: \"x\" is not a number"), std::string::npos);
  EXPECT_NE(refused({"stop", "-d"}).find("\"--daemon\" is no option of \"stop\""), std::string::npos);
  EXPECT_NE(refused({"start", "--json"}).find("help start"), std::string::npos);
  EXPECT_NE(refused({"stop", "-t", "soon"}).find("soon"), std::string::npos);
  EXPECT_NE(refused({"stop", "-t", "-1"}).find("seconds"), std::string::npos);
  EXPECT_NE(refused({"realod"}).find("Did you mean \"reload\"?"), std::string::npos);
}

TEST(CommandLine, WindowsRefusesWhatNeedsAMaster) {
  for (const char* verb : {"stop", "restart", "reload", "status", "connections", "trace"}) {
    try {
      parse({verb}, windows_);
      ADD_FAILURE() << verb;
    } catch (const SetupError& error) {
      EXPECT_EQ(error.exit(), Exit::notOnThisSystem);
      EXPECT_NE(error.text().find("is not available on Windows"), std::string::npos) << error.text();
    }
  }
  try {
    parse({"start", "-d"}, windows_);
    ADD_FAILURE() << "start -d";
  } catch (const SetupError& error) {
    EXPECT_EQ(error.exit(), Exit::notOnThisSystem);
  }
  EXPECT_EQ(parse({"version"}, windows_).verb, Verb::version);
  EXPECT_EQ(parse({"completion", "bash"}, windows_).topic, "bash");
  EXPECT_EQ(parse({"man"}, windows_).verb, Verb::man);
  EXPECT_EQ(parse({"help"}, windows_).verb, Verb::help);
}

TEST(CommandLine, HelpAboutOneCommand) {
  EXPECT_EQ(parse({"help", "reload"}).topic, "reload");
  EXPECT_EQ(parse({"reload", "--help"}).topic, "reload");
  const std::string text = helpText("./chat", rowOf(Verb::reload));
  EXPECT_NE(text.find("--no-wait"), std::string::npos) << text;
  EXPECT_EQ(text.find("--listen"), std::string::npos) << text;
}

TEST(CommandLine, HelpFitsAScreen) {
  const std::string help = helpText("./chat");
  for (const CommandRow& row : commandTable()) EXPECT_NE(help.find(row.name), std::string::npos) << row.name;
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 24);
  std::size_t begin = 0;
  for (std::size_t end = help.find('\n'); end != std::string::npos; begin = end + 1, end = help.find('\n', begin))
    EXPECT_LE(end - begin, 80u) << help.substr(begin, end - begin);
}

}  // namespace
}  // namespace artel
