// What people get for what they type: exit codes and texts.
#include <gtest/gtest.h>

#include <csignal>

#include "artel/artel.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

struct Case {
  const char* program;
  std::vector<std::string> words;
  int code;
  std::vector<const char*> texts;  ///< all of them on stderr
};

class Refused : public ::testing::TestWithParam<Case> {};

TEST_P(Refused, SaysWhy) {
  const Case& expected = GetParam();
  Program program(expected.program, expected.words);
  EXPECT_EQ(program.wait(), expected.code);
  for (const char* text : expected.texts)
    EXPECT_TRUE(program.errHas(text)) << "no \"" << text << "\" in:\n" << program.err();
  EXPECT_EQ(program.out(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Start, Refused,
    ::testing::Values(Case{"http_hello", {"strat"}, 2, {"error[E02]", "Did you mean \"start\"?"}},
                      Case{"http_hello", {"start", "--lisen", "x"}, 2, {"error[E02]", "--listen"}},
                      Case{"http_hello", {"start", "--count", "four"}, 2, {"error[E02]", "four"}},
                      Case{"http_hello",
                           {"start", "--listen", "nobody=http://127.0.0.1:0"},
                           2,
                           {"error[E02]", "nobody", "http_hello"}},
                      Case{"http_hello", {"start", "--listen", "127.0.0.1:80"}, 6, {"error[E06]", "\"://\""}},
                      Case{"http_hello",
                           {"start", "--listen", "nope://127.0.0.1:0"},
                           6,
                           {"error[E06]", "unknown scheme \"nope\"", "websocket"}},
                      Case{"http_hello", {"start", "--listen", "http://127.0.0.1:65536"}, 6, {"error[E06]", "65536"}},
                      Case{"http_hello",
                           {"start", "--listen", "text://127.0.0.1:0"},
                           6,
                           {"error[E06]", "onMessage", "http::Request"}},
                      Case{"http_hello",
                           {"start", "--listen", "http://192.0.2.77:1"},
                           5,
                           {"error[E05]", "http://192.0.2.77:1", "0.0.0.0"}},
                      Case{"http_hello", {"start", "--listen", "https://127.0.0.1:0"}, 6, {"error[E06]", "TLS"}},
                      Case{"chat", {"start", "--count", "2"}, 6, {"error[E06]", "one process"}}));

TEST(Start, ABusyPortNamesItsHolder) {
  Program first("http_hello", {"start", "--listen", "http://127.0.0.1:0"});
  const std::string address = "http://127.0.0.1:" + std::to_string(first.port());
  Program second("http_hello", {"start", "--listen", address});
  EXPECT_EQ(second.wait(), 5);
  EXPECT_TRUE(second.errHas("error[E05]")) << second.err();
  EXPECT_TRUE(second.errHas(address)) << second.err();
  if (capabilities().platform != "linux") return;
  EXPECT_TRUE(second.errHas("held by: http_hello (pid ")) << second.err();
}

TEST(Start, ASecondOneInTheSameDirectorySaysWhoRuns) {
  Directory directory;
  const auto start = [&](const std::string& worker, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"start"};
    if (!capabilities().manyListeners) words.insert(words.end(), {"--worker", worker});
    words.insert(words.end(), more.begin(), more.end());
    return std::make_unique<Program>("fixtures/pair", words, &directory);
  };
  const auto first = start("left");
  ASSERT_NE(first->port(), 0);
  const auto second = start("left");
  EXPECT_EQ(second->wait(), 4);
  const std::string who = capabilities().workerProcesses ? "master " : "process ";
  EXPECT_TRUE(second->errHas("error[E04] pair is already running: " + who + std::to_string(first->pid())))
      << second->err();
  EXPECT_TRUE(second->errHas("start --pid-file FILE")) << second->err();
  const auto beside = start("left", {"--pid-file", "other.pid"});
  EXPECT_NE(beside->port(), 0);
  EXPECT_TRUE(capabilities().manyListeners || start("right")->port() != 0) << "a Worker of its own";
  ASSERT_TRUE(first->askToStop());
  EXPECT_EQ(first->wait(), 0) << first->err();
  const auto third = start("left");
  EXPECT_NE(third->port(), 0);
  third->kill();  // without a word to anybody
  third->wait();
  EXPECT_NE(start("left")->port(), 0);
}

TEST(Start, AnswersAndStops) {
  Program program("http_hello", {"start", "--listen", "http://127.0.0.1:0"});
  EXPECT_EQ(bodyOf(get(program.port())), "hello world");
  if (capabilities().workerProcesses) {
    program.signal(SIGINT);
    EXPECT_EQ(program.wait(), 0);
  }
}

TEST(Start, QuietPrintsNothing) {
  Directory directory;
  const std::uint16_t port = [&] {
    Program holder("http_hello", {"start", "--listen", "http://127.0.0.1:0"}, &directory);
    const auto taken = holder.port();
    EXPECT_TRUE(holder.askToStop());
    holder.wait();
    return taken;
  }();
  Program program("http_hello", {"start", "-q", "--listen", "http://127.0.0.1:" + std::to_string(port)}, &directory);
  // Asked again until it hears it: what answers first may be another program that was given this port in between.
  program.until([&] { return !get(port, "/", 200ms).empty() && program.askToStop(); });
  program.wait();
  EXPECT_EQ(program.out(), "");
}

TEST(Start, WithoutACommand) {
  Program program("http_hello", {});
  if (!capabilities().controlCommands) GTEST_SKIP() << "no command means start here";
  EXPECT_EQ(program.wait(), 2);
  EXPECT_TRUE(program.errHas("usage: ")) << program.err();
}

TEST(Start, WithoutAWorker) {
  Program program("fixtures/service", {"start", "--", "nothing"});
  EXPECT_EQ(program.wait(), 6);
  EXPECT_TRUE(program.errHas("error[E06]")) << program.err();
}

TEST(Start, HelpAndVersion) {
  Program help("http_hello", {"help"});
  EXPECT_EQ(help.wait(), 0);
  EXPECT_NE(help.out().find("--listen [NAME=]ADDRESS"), std::string::npos);
  Program version("http_hello", {"version"});
  EXPECT_EQ(version.wait(), 0);
  EXPECT_EQ(version.out().substr(0, 6), "artel ");
  EXPECT_NE(version.out().find("\nprogram "), std::string::npos);
}

TEST(Start, CheckCompletionAndManWorkEverywhere) {
  Program check("http_hello", {"check", "--json", "--listen", "http://127.0.0.1:0"});
  EXPECT_EQ(check.wait(), 0) << check.err();
  const std::string platform = "\"platform\":\"" + std::string(capabilities().platform) + "\"";
  EXPECT_NE(check.out().find(platform), std::string::npos) << check.out();
  EXPECT_NE(check.out().find("\"listen\":\"http://127.0.0.1:0\""), std::string::npos) << check.out();
  Program misfit("http_hello", {"check", "--listen", "text://127.0.0.1:0"});
  EXPECT_EQ(misfit.wait(), 6);
  Program completion("http_hello", {"completion", "bash"});
  EXPECT_EQ(completion.wait(), 0) << completion.err();
  EXPECT_NE(completion.out().find("complete -F _artel_http_hello 'http_hello'"), std::string::npos) << completion.out();
  Program man("http_hello", {"man"});
  EXPECT_EQ(man.wait(), 0) << man.err();
  EXPECT_NE(man.out().find(".TH \"HTTP_HELLO\" 1 "), std::string::npos) << man.out();
}

}  // namespace
}  // namespace artel::testing
