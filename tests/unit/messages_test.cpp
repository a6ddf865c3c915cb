// What commands say in a line or two: outcomes, help, errors. They are the same on every terminal and in a pipe; an
// error is not broken into lines, since it carries commands to copy.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "artel/artel.hpp"
#include "src/master/command_line.hpp"
#include "src/master/outcome.hpp"
#include "src/master/plan.hpp"
#include "src/master/service_commands.hpp"
#include "src/master/single.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/screen.hpp"

namespace artel {
namespace {

using testing::expectGolden;
using testing::widest;

constexpr Capabilities everything{"linux", true, true, true, true, true, true, true, ""};
constexpr Capabilities likeWindows{
    "windows", false, false, false, false, false, false, false, "Windows has one process."};

TEST(Messages, WhatStopAndReloadHaveDone) {
  std::string text;
  for (const StopOutcome& one :
       {StopOutcome{4, 0}, StopOutcome{4, 1}, StopOutcome{1, 1}, StopOutcome{2, 0, 1}, StopOutcome{2, 1, 3}})
    text += "chat: " + inWords(one) + "\n";
  for (const ReloadOutcome& one :
       {ReloadOutcome{"", 4, 0, 0, 0, 0}, ReloadOutcome{"", 1, 0, 0, 0, 0}, ReloadOutcome{"", 0, 0, 0, 2, 0},
        ReloadOutcome{"c56572c0 -> b61de6c9", 4, 0, 0, 0, 0}, ReloadOutcome{"c56572c0 -> b61de6c9", 3, 2, 1, 1, 1, 2}})
    text += "chat: " + inWords(one) + "\n";
  expectGolden("outcomes", text);
}

TEST(Messages, HelpFitsAScreen) {
  const std::string help = helpText("./chat");
  const std::string rest = help.substr(help.find('\n') + 1);  // the first line has the version
  expectGolden("help", rest);
  EXPECT_LE(widest(help), 80u);
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 24);
  std::string all;
  for (const CommandRow& command : commandTable()) {
    const std::string text = helpText("./chat", command);
    EXPECT_LE(widest(text), 80u) << text;
    all += text + "\n";
  }
  expectGolden("help_commands", all);
}

TEST(Messages, Errors) {
  std::string all;
  const auto refused = [&](const std::function<void()>& call) {
    try {
      call();
      ADD_FAILURE() << "nothing was refused";
    } catch (const SetupError& error) {
      all += error.text() + "\n";
    }
  };
  const auto typed = [&](std::vector<std::string> words, const Capabilities& can = everything) {
    words.insert(words.begin(), "./chat");
    refused([&] { parseCommandLine(words, can); });
  };
  typed({"strat"});
  typed({"start", "--cuont", "4"});
  typed({"start", "--log-level", "loud"});
  typed({"reload", "-d"});
  typed({"status"}, likeWindows);
  typed({"start", "-d"}, likeWindows);
  const ServiceFiles files{"chat",
                           "/srv/no-such-folder/chat.pid",
                           "/srv/no-such-folder/chat.pid.lock",
                           "/srv/no-such-folder/chat.pid.ctl",
                           "/srv/no-such-folder/chat",
                           "",
                           ""};
  const Error denied{Errc::permissionDenied, "Permission denied", 13},
      refusedError{Errc::system, "Connection refused", 111};
  for (const SetupError& error : {notRunning(files, "./chat"), notAnswering(files, "./chat", &denied),
                                  notAnswering(files, "./chat", &refusedError), notAnswering(files, "./chat", nullptr),
                                  alreadyRunning(files, "./chat")})
    all += error.text() + "\n";
  Plan one;
  one.name = "chat";
  one.program = "chat.exe";
  all += runsAlready(one, 812).text() + "\n" + runsAlready(one, 0).text() + "\n";
  const auto planned = [&](std::vector<Worker*> workers, std::vector<std::string> words = {},
                           const Capabilities& can = everything) {
    words.insert(words.begin(), {"./chat", "start"});
    refused([&] { resolve(workers, parseCommandLine(words, can), can); });
  };
  planned({});
  Worker web("http://127.0.0.1:8080"), same("text://127.0.0.1:8080"), other("text://127.0.0.1:8081");
  web.name = "web";
  same.name = "same";
  other.name = "other";
  web.onMessage = [](TcpConnection&, const http::Request&) {};
  planned({&web, &same});
  planned({&web, &other}, {}, likeWindows);
  planned({&web}, {"--count", "four"});
  other.transport = "smoke";
  planned({&other});
  // An option changes its Worker, so these are the last.
  planned({&web}, {"--listen", "nope://127.0.0.1:1"});
  planned({&web}, {"--listen", "127.0.0.1:1"});
  planned({&web}, {"--listen", "http://127.0.0.1:65536"});
  expectGolden("errors", all);
}

}  // namespace
}  // namespace artel
