// What a start decides before it does anything, on this system and on invented ones.
#include "src/master/plan.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "artel/artel.hpp"
#include "src/worker/core.hpp"
#include "tests/support/tls.hpp"

namespace artel {
namespace {

constexpr Capabilities everything{"linux", true, true, true, true, true, true, true, ""};
constexpr Capabilities likeWindows{
    "windows", false, false, false, false, false, false, false, "Windows has one process."};

Command started(std::vector<std::string> words = {}) {
  words.insert(words.begin(), {"./chat", "start"});
  return parseCommandLine(words, everything);
}

/// The refusal of `plan`, whose exit code must be `exit`.
std::string refusal(Exit exit, const std::function<void()>& plan) {
  try {
    plan();
  } catch (const SetupError& refused) {
    EXPECT_EQ(refused.exit(), exit) << refused.text();
    return refused.text();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Plan, CountsAreClampedToOne) {
  Worker a("tcp://127.0.0.1:1"), b("tcp://127.0.0.1:2"), c;
  a.count = 0;
  b.count = -3;
  c.count = 4;
  const Plan plan = resolve({&a, &b, &c}, started(), everything);
  ASSERT_EQ(plan.workers.size(), 3u);
  EXPECT_EQ(plan.workers[0].count, 1);
  EXPECT_EQ(plan.workers[1].count, 1);
  EXPECT_EQ(plan.workers[2].count, 4);
  EXPECT_EQ(plan.processes(), 6);
  EXPECT_TRUE(plan.cluster);
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(Plan, TlsTellsApartWorkersOfAnyPort) {
  const testing::CertificateFiles files;
  Worker a("https://127.0.0.1:0"), b("https://127.0.0.1:0"), c("https://127.0.0.1:0");
  for (Worker* one : {&a, &b, &c}) one->ssl = files.options();
  for (int round = 0; round < 2; ++round) {  // restart resolves twice
    resolve({&a, &b, &c}, started(), everything);
    EXPECT_NE(a.core().tlsKey(), b.core().tlsKey());
    EXPECT_NE(a.core().tlsKey(), c.core().tlsKey());
    EXPECT_NE(b.core().tlsKey(), c.core().tlsKey());
    EXPECT_EQ(a.core().tlsScope, a.core().listenerName());
  }
}

TEST(Plan, AutomaticCounts) {
  Worker a("tcp://127.0.0.1:1"), b("tcp://127.0.0.1:2"), state("tcp://127.0.0.1:3");
  a.name = "a";
  b.count = state.count = Worker::autoCount;
  state.onlyOneProcess = "it keeps state";
  const Plan plan = resolve({&a, &b, &state}, started({"--count", "a=auto"}), everything);
  EXPECT_EQ(plan.workers[0].count, platform::usableCpus());
  EXPECT_EQ(plan.workers[1].count, platform::usableCpus());
  EXPECT_EQ(b.count, platform::usableCpus()) << "callbacks read the number";
  EXPECT_EQ(plan.workers[2].count, 1);
  Worker one("tcp://127.0.0.1:1");
  one.count = Worker::autoCount;
  const Plan windows = resolve({&one}, started(), likeWindows);
  EXPECT_EQ(windows.workers[0].count, 1);
  EXPECT_TRUE(windows.warnings.empty()) << "that is what it has";
}

TEST(Plan, NoWorkerIsRefused) {
  EXPECT_TRUE(has(refusal(Exit::configuration, [] { resolve({}, started(), everything); }), "no Worker"));
}

TEST(Plan, OverridesByName) {
  Worker web("http://127.0.0.1:1"), line("text://127.0.0.1:2");
  web.name = "web";
  line.name = "line";
  const Plan plan =
      resolve({&web, &line}, started({"--listen", "web=http://[::1]:81", "--count", "line=3"}), everything);
  EXPECT_EQ(web.listenAddress(), "http://[::1]:81");
  EXPECT_EQ(line.listenAddress(), "text://127.0.0.1:2");
  EXPECT_EQ(plan.workers[1].count, 3);
}

TEST(Plan, AnOverrideWithoutANameNeedsOneWorker) {
  Worker web("http://127.0.0.1:1"), line("text://127.0.0.1:2");
  web.name = "web";
  line.name = "line";
  const std::string text = refusal(Exit::usage, [&] { resolve({&web, &line}, started({"--count", "3"}), everything); });
  EXPECT_TRUE(has(text, "web, line")) << text;
}

TEST(Plan, TwoWorkersOnOneAddressAreNamed) {
  Worker web("http://127.0.0.1:8080"), line("text://127.0.0.1:8080");
  web.name = "web";
  line.name = "line";
  const std::string text = refusal(Exit::configuration, [&] { resolve({&web, &line}, started(), everything); });
  EXPECT_TRUE(has(text, "\"web\"") && has(text, "\"line\"")) << text;
  Worker any("tcp://127.0.0.1:0"), other("tcp://127.0.0.1:0"), datagrams("udp://127.0.0.1:8080");
  EXPECT_EQ(resolve({&any, &other, &web, &datagrams}, started(), everything).workers.size(), 4u);
}

TEST(Plan, OneProcessOnlyIsRefusedWithItsReason) {
  Worker chat("http://127.0.0.1:1");
  chat.onlyOneProcess = "rooms live in one process";
  chat.count = 2;
  const std::string text = refusal(Exit::configuration, [&] { resolve({&chat}, started(), everything); });
  EXPECT_TRUE(has(text, "rooms live in one process")) << text;
  EXPECT_EQ(resolve({&chat}, started({"--count", "1"}), everything).workers[0].count, 1);
}

TEST(Plan, HandlersMustFitTheProtocol) {
  Worker web("http://127.0.0.1:1"), raw("tcp://127.0.0.1:2"), datagrams("udp://127.0.0.1:3"),
      line("text://127.0.0.1:4");
  web.onMessage = [](TcpConnection&, std::string_view) {};
  EXPECT_TRUE(has(refusal(Exit::configuration, [&] { resolve({&web}, started(), everything); }), "http::Request"));
  raw.onMessage = [](TcpConnection&, const http::Request&) {};
  EXPECT_TRUE(has(refusal(Exit::configuration, [&] { resolve({&raw}, started(), everything); }), "std::string_view"));
  datagrams.onMessage = [](TcpConnection&, std::string_view) {};
  EXPECT_TRUE(
      has(refusal(Exit::configuration, [&] { resolve({&datagrams}, started(), everything); }), "UdpConnection"));
  line.onWebSocketMessage = [](TcpConnection&, std::string_view) {};
  EXPECT_TRUE(
      has(refusal(Exit::configuration, [&] { resolve({&line}, started(), everything); }), "onWebSocketMessage"));
  raw.onMessage = [](Connection&, std::string_view) {};
  datagrams.onMessage = [](Connection&, std::string_view) {};
  EXPECT_EQ(resolve({&raw, &datagrams}, started(), everything).workers.size(), 2u);
}

TEST(Plan, TransportAndSchemeMustAgree) {
  Worker line("text://127.0.0.1:1");
  line.transport = "carrier pigeon";
  EXPECT_TRUE(
      has(refusal(Exit::configuration, [&] { resolve({&line}, started(), everything); }), "Bad worker->transport"));
  line.transport = "ssl";
  EXPECT_TRUE(has(refusal(Exit::configuration, [&] { resolve({&line}, started(), everything); }), "TLS"));
  Worker web("http://127.0.0.1:2");
  web.transport = "udp";
  EXPECT_TRUE(has(refusal(Exit::configuration, [&] { resolve({&web}, started(), everything); }), "needs tcp"));
}

TEST(Plan, AnUnknownUserIsRefused) {
  if (!capabilities().dropPrivileges) GTEST_SKIP() << capabilities().whyLimited;
  Worker worker("tcp://127.0.0.1:1");
  worker.user = "no-such-user";
  std::string text = refusal(Exit::configuration, [&] { resolve({&worker}, started(), everything); });
  EXPECT_TRUE(has(text, "no user \"no-such-user\"")) << text;
  worker.user.clear();
  worker.group = "no-such-group";
  text = refusal(Exit::configuration, [&] { resolve({&worker}, started(), everything); });
  EXPECT_TRUE(has(text, "no group \"no-such-group\"")) << text;
}

TEST(Plan, TheBackgroundByWordOrByProperty) {
  Worker worker("tcp://127.0.0.1:1");
  EXPECT_FALSE(resolve({&worker}, started(), everything).background);
  EXPECT_TRUE(resolve({&worker}, started({"-d"}), everything).background);
  Worker::daemonize = true;
  EXPECT_TRUE(resolve({&worker}, started(), everything).background);
  EXPECT_FALSE(resolve({&worker}, started(), likeWindows).background);
  Worker::daemonize = false;
}

TEST(Plan, WindowsWarnsOfWhatHasNoEffect) {
  Worker worker("tcp://127.0.0.1:1");
  EXPECT_TRUE(resolve({&worker}, started(), likeWindows).warnings.empty());
  worker.user = "www";
  worker.group = "www";
  worker.reloadable = false;
  worker.onWorkerReload = [](Worker&) {};
  worker.maxRequests = 1;
  Worker::pidFile = "x.pid";
  Worker::stdoutFile = "x.out";
  Worker::daemonize = true;
  const Plan plan = resolve({&worker}, started(), likeWindows);
  Worker::pidFile.clear();
  Worker::stdoutFile.clear();
  Worker::daemonize = false;
  const std::vector<const char*> settings{"pidFile", "stdoutFile", "daemonize",      "user",
                                          "group",   "reloadable", "onWorkerReload", "maxRequests"};
  ASSERT_EQ(plan.warnings.size(), settings.size());
  for (std::size_t i = 0; i < settings.size(); ++i)
    EXPECT_TRUE(has(plan.warnings[i], settings[i] + std::string(" has no effect. Windows has one process.")))
        << plan.warnings[i];
}

TEST(Plan, WindowsHasOneProcessAndSaysSo) {
  Worker web("http://127.0.0.1:1");
  web.count = 4;
  web.reusePort = true;
  const Plan plan = resolve({&web}, started(), likeWindows);
  EXPECT_EQ(plan.workers[0].count, 1);
  EXPECT_FALSE(plan.cluster);
  ASSERT_EQ(plan.warnings.size(), 2u);
  EXPECT_TRUE(has(plan.warnings[0], "Windows has one process."));
  EXPECT_TRUE(has(plan.warnings[1], "reusePort"));
}

TEST(Plan, WindowsHasOneListener) {
  Worker web("http://127.0.0.1:1"), line("text://127.0.0.1:2");
  web.name = "web";
  line.name = "line";
  const std::string text = refusal(Exit::notOnThisSystem, [&] { resolve({&web, &line}, started(), likeWindows); });
  EXPECT_TRUE(has(text, "--worker web") && has(text, "Windows has one process.")) << text;
  const Plan plan = resolve({&web, &line}, started({"--worker", "line"}), likeWindows);
  ASSERT_EQ(plan.workers.size(), 1u);
  EXPECT_EQ(plan.workers[0].worker, &line);
}

}  // namespace
}  // namespace artel
