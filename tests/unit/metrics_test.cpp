// The text of http::serveMetrics, and how a worker asks for it.
#include <gtest/gtest.h>

#include <deque>

#include "platform/platform.hpp"
#include "src/master/metrics_text.hpp"
#include "src/worker/service_numbers.hpp"

namespace artel {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

MetricsReport::Group group(const std::string& name, std::uint64_t requests) {
  MetricsReport::Group one;
  one.worker = name;
  one.wanted = 4;
  one.processes = 3;
  one.connections = 7;
  one.totals.requests = requests;
  return one;
}

TEST(MetricsText, SaysEveryNumberOnce) {
  MetricsReport report{"0.1.0", "3f2a", 1764300000, 2, {group("web", 12), group("a \"b\"\\\n", 1)}};
  report.groups[0].sendQueue = 4096;
  report.groups[0].totals.bytesIn = 100;
  report.groups[0].totals.bytesOut = 200;
  report.groups[0].ended = {{"signal SEGV", 2}};
  const std::string text = metricsText(report);
  for (const char* line :
       {"\n# TYPE artel_requests_total counter\n", "\nartel_requests_total{worker=\"web\"} 12\n",
        "\nartel_build_info{version=\"0.1.0\",build=\"3f2a\"} 1\n", "\nartel_start_time_seconds 1764300000\n",
        "\nartel_reloads_total 2\n", "\nartel_processes{worker=\"web\"} 3\n",
        "\nartel_processes_wanted{worker=\"web\"} 4\n", "\nartel_connections{worker=\"web\"} 7\n",
        "\nartel_bytes_total{worker=\"web\",direction=\"in\"} 100\n",
        "\nartel_bytes_total{worker=\"web\",direction=\"out\"} 200\n", "\n# TYPE artel_send_queue_bytes gauge\n",
        "\nartel_send_queue_bytes{worker=\"web\"} 4096\n",
        "\nartel_process_exits_total{worker=\"web\",reason=\"signal SEGV\"} 2\n",
        "\nartel_requests_total{worker=\"a \\\"b\\\"\\\\\\n\"} 1\n"})
    EXPECT_TRUE(has(text, line)) << line << " in\n" << text;
  EXPECT_EQ(text.back(), '\n');
}

TEST(MetricsText, WorkersOfOneNameAreOneSeries) {
  MetricsReport report{"", "", 0, 0, {group("none", 1), group("web", 2), group("none", 4)}};
  report.groups[0].ended = {{"code 1", 1}};
  report.groups[2].ended = {{"code 1", 2}, {"code 250", 5}};
  const std::string text = metricsText(report);
  EXPECT_TRUE(has(text, "\nartel_requests_total{worker=\"none\"} 5\nartel_requests_total{worker=\"web\"} 2\n# "))
      << text;
  EXPECT_TRUE(has(text, "{worker=\"none\",reason=\"code 1\"} 3\n"));
  EXPECT_TRUE(has(text, "{worker=\"none\",reason=\"code 250\"} 5\n"));
}

TEST(MetricsText, DurationsAreCumulative) {
  MetricsReport report{"", "", 0, 0, {group("web", 0)}};
  auto& counts = report.groups[0].totals.callbacks;
  counts[net::Histogram::bucketOf(300)] = 64;             // below 1.024 us
  counts[net::Histogram::bucketOf(1'000'000)] = 2;        // below 1.048576 ms
  counts[net::Histogram::bucketOf(100'000'000'000)] = 1;  // beyond the last edge
  const std::string text = metricsText(report), name = "\nartel_callback_seconds_bucket{worker=\"web\",le=\"";
  EXPECT_TRUE(has(text, name + "1.024e-06\"} 64\n")) << text;
  EXPECT_TRUE(has(text, name + "0.000262144\"} 64\n")) << text;
  EXPECT_TRUE(has(text, name + "0.001048576\"} 66\n")) << text;
  EXPECT_TRUE(has(text, name + "17.179869184\"} 66\n")) << text;
  EXPECT_TRUE(has(text, name + "+Inf\"} 67\n")) << text;
  EXPECT_TRUE(has(text, "\nartel_callback_seconds_count{worker=\"web\"} 67\n")) << text;
}

TEST(MetricsText, ABlockOfAnotherBuildAddsNothingButItself) {
  auto memory = platform::SharedMemory::create(sizeof(net::StatisticsBlock));
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(memory->data()), memory->size());
  auto* block = net::StatisticsBlock::prepare(memory->data(), "x");
  block->requests.store(5);
  block->connections.store(2);
  block->sendQueue.store(70);
  MetricsReport::Group one;
  addProcess(one, bytes, 1, 1000);
  EXPECT_EQ(one.totals.requests, 5u);
  EXPECT_EQ(one.connections, 2u);
  EXPECT_EQ(one.sendQueue, 70u);
  block->version.store(99);
  addProcess(one, bytes, 1, 1000);
  addProcess(one, {}, 1, 1000);
  EXPECT_EQ(one.totals.requests, 5u);
  EXPECT_EQ(one.processes, 3u);
  EXPECT_EQ(one.memory, 3000u);
}

struct Asker {
  std::deque<std::function<void()>> turns;
  std::vector<std::string> questions, answers;
  bool reachable = true;
  ServiceNumbers numbers{{[this](std::function<void()> f) { turns.push_back(std::move(f)); },
                          [this](const std::string& question) { return questions.push_back(question), reachable; },
                          nullptr}};
  void want() {
    numbers.want([this](const std::string* text) { answers.push_back(text != nullptr ? *text : "(nothing)"); });
  }
  void turn() {
    for (auto now = std::exchange(turns, {}); auto& f : now) f();
  }
};
using Texts = std::vector<std::string>;

TEST(ServiceNumbers, OneQuestionForAllWhoAskInATurn) {
  Asker asker;
  asker.want();
  asker.want();
  EXPECT_TRUE(asker.questions.empty()) << "not before the turn is over, whose numbers shall be in it";
  asker.turn();
  EXPECT_EQ(asker.questions, Texts{"1"});
  asker.numbers.heard("1\t1\nfirst ");
  EXPECT_TRUE(asker.answers.empty());
  asker.numbers.heard("1\t0\nsecond");
  EXPECT_EQ(asker.answers, (Texts{"first second", "first second"}));
}

TEST(ServiceNumbers, WhoAsksLaterGetsALaterAnswer) {
  Asker asker;
  asker.want();
  asker.turn();
  asker.want();
  asker.turn();
  EXPECT_EQ(asker.questions, Texts{"1"}) << "one at a time";
  asker.numbers.heard("1\t0\nold");
  EXPECT_EQ(asker.answers, Texts{"old"});
  asker.turn();
  EXPECT_EQ(asker.questions, (Texts{"1", "2"}));
  asker.numbers.heard("1\t0\nold again");  // nobody waits for it any more
  asker.numbers.heard("nonsense");
  asker.numbers.heard("");
  asker.numbers.heard("2\t0\nnew");
  EXPECT_EQ(asker.answers, (Texts{"old", "new"}));
}

TEST(ServiceNumbers, NoAnswerIsGivenUp) {
  Asker asker;
  asker.want();
  asker.turn();
  const auto now = ServiceNumbers::Clock::now();
  asker.numbers.timePasses(now);
  EXPECT_TRUE(asker.answers.empty());
  asker.numbers.timePasses(now + ServiceNumbers::patience);
  EXPECT_EQ(asker.answers, Texts{"(nothing)"});
  asker.numbers.heard("1\t0\ntoo late");
  EXPECT_EQ(asker.answers.size(), 1u);
  asker.reachable = false;
  asker.want();
  asker.turn();
  EXPECT_EQ(asker.answers.size(), 2u) << "at once when it cannot even be asked";
}

TEST(ServiceNumbers, WithoutAMasterTheyAreHere) {
  std::vector<std::string> answers;
  ServiceNumbers numbers({[](std::function<void()> f) { f(); }, nullptr, [] { return std::string("here"); }});
  numbers.want([&](const std::string* text) { answers.push_back(*text); });
  EXPECT_EQ(answers, Texts{"here"});
}

TEST(ServiceNumbers, LongAnswersComeInPieces) {
  const std::string text(2 * ServiceNumbers::pieceSize + 5, 'x');
  const auto pieces = ServiceNumbers::piecesOf("7", text);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].substr(0, 4), "7\t1\n");
  EXPECT_EQ(pieces[2], "7\t0\nxxxxx");
  EXPECT_EQ(ServiceNumbers::piecesOf("7", ""), Texts{"7\t0\n"});
  for (const auto& piece : pieces) EXPECT_LE(piece.size(), platform::Channel::maxBody);
}

}  // namespace
}  // namespace artel
