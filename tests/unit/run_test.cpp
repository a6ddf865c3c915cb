// What artel-run is made of, without a process.
#include <gtest/gtest.h>

#include "artel/artel.hpp"
#include "src/master/check_report.hpp"
#include "src/master/command_json.hpp"
#include "src/run/answer.hpp"
#include "src/run/json_reader.hpp"
#include "src/run/lines.hpp"
#include "src/run/options.hpp"
#include "src/run/pace.hpp"

namespace artel::run {
namespace {

TEST(RunJson, ReadsWhatIsWritten) {
  const auto json = parseJson(R"( {"a":[1,-2.5,true,false,null],"b":{"c":"\"\\\n\u00e9\ud83d\ude00"},"d":{},"e":[]} )");
  ASSERT_TRUE(json);
  ASSERT_EQ((*json)["a"].items.size(), 5u);
  EXPECT_EQ((*json)["a"].items[1].number, -2.5);
  EXPECT_TRUE((*json)["a"].items[2].truth);
  EXPECT_EQ((*json)["a"].items[4].kind, Json::Kind::null);
  EXPECT_EQ((*json)["b"]["c"].text, "\"\\\n\u00e9\U0001F600");
  EXPECT_EQ((*json)["none"]["of"].kind, Json::Kind::null);
}

TEST(RunJson, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "{\"a\"}", "[1,]", "tru", "\"open", "1 2", "{\"a\":1}}", "\"\\ud800\"",
                           "\"\\udc00\"", "\"\\u12\"", "inf", "-nan"})
    EXPECT_FALSE(parseJson(text)) << text;
  EXPECT_FALSE(parseJson(std::string(1000, '['))) << "deeper than anything sensible";
}

TEST(RunLines, AreWholeHoweverTheBytesAreCut) {
  Lines lines("web", 5, 0);
  EXPECT_EQ(lines.add("one\ntw"), "web   | one\n");
  EXPECT_EQ(lines.add("o\r\n\nthree"), "web   | two\nweb   | \n");
  EXPECT_EQ(lines.rest(), "web   | three\n");
  EXPECT_EQ(lines.rest(), "");
  EXPECT_EQ(lines.add(std::string(Lines::longest, 'x')), "web   | " + std::string(Lines::longest, 'x') + "\n");
  EXPECT_EQ(Lines("web", 0, 36).add("x\n"), "\x1b[36mweb | \x1b[0mx\n");
}

TEST(RunOptions, ProgramsAndWords) {
  const Options options = parseOptions({"artel-run", "./a", "b", "--", "-x", "./a"});
  EXPECT_EQ(options.programs, (std::vector<std::string>{"./a", "b"}));
  EXPECT_EQ(options.words, (std::vector<std::string>{"-x", "./a"}));
  EXPECT_TRUE(parseOptions({"artel-run", "--help"}).help);
  EXPECT_TRUE(parseOptions({"artel-run", "--version"}).version);
  for (const auto& words : {std::vector<std::string>{"artel-run"}, {"artel-run", "-x"}, {"artel-run", "a", "a"}}) {
    try {
      parseOptions(words);
      ADD_FAILURE() << words.size();
    } catch (const SetupError& refused) {
      EXPECT_EQ(refused.exit(), Exit::usage);
    }
  }
}

TEST(RunOptions, NamesOfPrograms) {
  EXPECT_EQ(namesOf({"./bin/web", "C:\\bin\\line.exe"}), (std::vector<std::string>{"web", "line"}));
  EXPECT_EQ(namesOf({"a/web", "b/web", "c"}), (std::vector<std::string>{"a/web", "b/web", "c"}));
}

TEST(RunPace, LongerAndLongerWhileItEndsYoung) {
  using std::chrono::seconds;
  Pace pace;
  Pace::Clock::time_point now{};
  for (const int wanted : {1, 2, 4, 8, 16, 30, 30}) {
    pace.started(now);
    EXPECT_EQ(pace.ended(now += seconds(1)), seconds(wanted));
  }
  pace.started(now);
  EXPECT_EQ(pace.ended(now += seconds(10)), seconds(1)) << "it lived";
}

/// What `text` is refused with, "" when it is not.
std::string refusal(Exit exit, const std::string& text) {
  try {
    parseAnswer("web", text);
  } catch (const SetupError& refused) {
    EXPECT_EQ(refused.exit(), exit) << refused.text();
    return refused.text();
  }
  return "";
}

TEST(RunAnswer, OfAProgramThatWouldStart) {
  const Answer answer = parseAnswer(
      "web",
      "main prints\r\n{\"schema\":1,\"background\":false,\"workers\":[{\"name\":\"a\",\"listen\":\"http://[::1]:1\","
      "\"count\":4},{\"name\":\"b\",\"listen\":\"none\",\"count\":1e300}]}\r\n");
  ASSERT_EQ(answer.rows.size(), 2u);
  EXPECT_EQ(answer.rows[0].worker, "a");
  EXPECT_EQ(answer.rows[0].listen, "http://[::1]:1");
  EXPECT_EQ(answer.rows[0].processes, 4);
  EXPECT_EQ(answer.rows[1].processes, 1'000'000) << "what an int can hold, whatever it says";
  EXPECT_TRUE(answer.oneByOne.empty());
}

TEST(RunAnswer, OneByOneWhereThatIsAllThereIs) {
  Worker a("tcp://127.0.0.1:1"), b("tcp://127.0.0.1:2");
  a.name = "a";
  b.name = "b";
  const SetupError limited(Exit::notOnThisSystem, "one Worker per process");
  EXPECT_EQ(parseAnswer("web", errorJson("web", limited, {&a, &b})).oneByOne, (std::vector<std::string>{"a", "b"}));
  b.name = "a";
  EXPECT_NE(refusal(Exit::configuration, errorJson("web", limited, {&a, &b})).find("two Workers named \"a\""),
            std::string::npos);
}

TEST(RunAnswer, OfAProgramThatWouldNotStart) {
  const SetupError busy(Exit::cannotListen, "no \"x\"", {{"try", "y"}});
  const std::string text = refusal(Exit::cannotListen, errorJson("web", busy, {}) + "error[E05] no\n");
  EXPECT_NE(text.find("web would not start: no \"x\""), std::string::npos) << text;
  EXPECT_NE(text.find("try:     y"), std::string::npos) << text;
  EXPECT_NE(refusal(Exit::configuration, "usage: other\n").find("it said: usage: other"), std::string::npos);
  EXPECT_NE(refusal(Exit::configuration, "{\"schema\":1,\"background\":true,\"workers\":[]}").find("background"),
            std::string::npos);
}

}  // namespace
}  // namespace artel::run
