#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "platform/platform.hpp"

namespace artel::platform {
namespace {

using namespace std::chrono_literals;
constexpr auto longEnough = 30s;  // a deadline for the broken case; every test waits for what it expects

class PlatformProcess : public testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().workerProcesses) GTEST_SKIP() << capabilities().whyLimited;
  }

  static Pid spawn(const std::function<int()>& body, const std::function<void()>& childFirst = nullptr) {
    const auto pid = spawnWorker(childFirst, body);
    EXPECT_TRUE(pid) << pid.error().message;
    return pid ? *pid : 0;
  }
  /// Any wait may hear of any exit: keep them until somebody asks.
  Wakeup wait(Supervisor& supervisor, const std::vector<NativeSocket>& channels) {
    Wakeup wakeup = supervisor.wait(channels, 1s);
    exits_.insert(exits_.end(), wakeup.exits.begin(), wakeup.exits.end());
    return wakeup;
  }
  std::string endOf(Supervisor& supervisor, Pid pid) {
    const auto deadline = std::chrono::steady_clock::now() + longEnough;
    for (;;) {
      for (const ChildExit& exit : exits_) {
        if (exit.pid == pid) return describe(exit);
      }
      if (std::chrono::steady_clock::now() > deadline) return "nothing";
      wait(supervisor, {});
    }
  }
  /// What comes from a channel: `count` messages, or all before its end.
  std::string read(Supervisor& supervisor, const Channel& channel, std::size_t count) {
    std::string messages;
    const auto deadline = std::chrono::steady_clock::now() + longEnough;
    while (messages.size() < count && std::chrono::steady_clock::now() < deadline) {
      if (wait(supervisor, {channel.native()}).readable.empty()) continue;
      const auto message = channel.take();
      if (message && message->kind == 0) return messages + ".";
      if (message) messages += message->kind;
    }
    return messages;
  }
  std::string readAll(Supervisor& supervisor, const Channel& channel) { return read(supervisor, channel, 1000); }
  /// Until the other end is gone, without a poll of the system's.
  static void awaitEnd(const Channel& channel) {
    killSelfAfter(longEnough);
    for (;;) {
      const auto message = channel.take();
      if (message && message->kind == 0) return;
      std::this_thread::yield();
    }
  }
  /// A worker that does not end by itself; should its test have failed, it still must not outlive it for long.
  [[noreturn]] static void stay() {
    killSelfAfter(longEnough);
    for (;;) std::this_thread::yield();
  }
  std::string lifeWithoutParent(Supervisor& supervisor, bool late);

 private:
  std::vector<ChildExit> exits_;
};

TEST_F(PlatformProcess, ExitCodeComesBack) {
  Supervisor supervisor;
  EXPECT_EQ(endOf(supervisor, spawn([] { return 0; })), "code 0");
  EXPECT_EQ(endOf(supervisor, spawn([] { return 250; })), "code 250");
}

TEST_F(PlatformProcess, ExceptionEndsAWorkerWith70) {
  Supervisor supervisor;
  EXPECT_EQ(endOf(supervisor, spawn([]() -> int { throw std::runtime_error("meant by the test"); })), "code 70");
  EXPECT_EQ(endOf(supervisor, spawn([]() -> int { throw 1; })), "code 70");
}

TEST_F(PlatformProcess, SignalThatEndedAWorkerIsNamed) {
  Supervisor supervisor;
  EXPECT_EQ(endOf(supervisor, spawn([] { return hearNotices(), std::raise(SIGTERM); })), "signal TERM");
  const Pid stays = spawn([]() -> int { stay(); });
  EXPECT_TRUE(killNow(stays));
  EXPECT_EQ(endOf(supervisor, stays), "signal KILL");
  EXPECT_EQ(describe({.pid = 1, .code = 0, .signal = SIGSEGV, .coreDumped = true}), "signal SEGV (core dumped)");
}

TEST_F(PlatformProcess, WakesForAnExit) {
  Supervisor supervisor;
  const auto before = std::chrono::steady_clock::now();
  const Pid pid = spawn([] { return 3; });
  const Wakeup wakeup = supervisor.wait({}, longEnough);
  EXPECT_LT(std::chrono::steady_clock::now() - before, longEnough / 2);
  ASSERT_EQ(wakeup.exits.size(), 1U);
  EXPECT_EQ(wakeup.exits[0].pid, pid);
  EXPECT_EQ(wakeup.exits[0].code, 3);
}

TEST_F(PlatformProcess, WakesAtTheDeadlineWithNothing) {
  Supervisor supervisor;
  const auto before = std::chrono::steady_clock::now();
  const Wakeup wakeup = supervisor.wait({}, 20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_FALSE(wakeup.notice);
  EXPECT_TRUE(wakeup.exits.empty());
  EXPECT_TRUE(wakeup.readable.empty());
}

TEST_F(PlatformProcess, MasterReadsMessagesAndTheEnd) {
  Supervisor supervisor;
  auto pair = openChannel();
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->master.take().error().code, Errc::wouldBlock);
  const Pid pid =
      spawn([&] { return pair->worker.put('r') && pair->worker.put('!') ? 0 : 1; }, [&] { pair->master.close(); });
  pair->worker.close();
  EXPECT_EQ(readAll(supervisor, pair->master), "r!.");
  EXPECT_EQ(pair->master.put('x').error().code, Errc::sendFail) << "nobody is there, and no signal tells so";
  EXPECT_EQ(endOf(supervisor, pid), "code 0");
}

TEST_F(PlatformProcess, AMessageCarriesWordsAndADescriptor) {
  auto pair = openChannel();
  auto other = openChannel();
  ASSERT_TRUE(pair && other);
  ASSERT_TRUE(pair->master.put('a', "one"));
  ASSERT_TRUE(pair->master.put('b', "", other->master.native()));
  ASSERT_TRUE(pair->master.put('c', std::string(Channel::maxBody, 'x')));
  EXPECT_EQ(pair->worker.take()->body, "one");
  auto second = pair->worker.take();
  EXPECT_EQ(second->kind, 'b');
  ASSERT_NE(second->descriptor, noSocket);
  const Channel passed(second->descriptor);
  ASSERT_TRUE(passed.put('!'));
  EXPECT_EQ(other->worker.take()->kind, '!');
  EXPECT_EQ(pair->worker.take()->body.size(), Channel::maxBody);
  EXPECT_EQ(pair->worker.take().error().code, Errc::wouldBlock);
}

TEST_F(PlatformProcess, WorkerSeesTheEndOfItsMaster) {
  Supervisor supervisor;
  auto pair = openChannel();
  ASSERT_TRUE(pair) << pair.error().message;
  const Pid pid = spawn(
      [&] {
        awaitEnd(pair->worker);
        return 5;
      },
      [&] { pair->master.close(); });
  pair->master.close();
  EXPECT_EQ(endOf(supervisor, pid), "code 5");
}

TEST_F(PlatformProcess, LastWordsOfWhoLeavesSomethingUnreadAreHeard) {
  auto pair = openChannel();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(pair->master.put('h', "never read"));
  ASSERT_TRUE(pair->worker.put('l', "last words"));
  pair->worker.close();
  const auto last = pair->master.take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->kind, 'l');
  EXPECT_EQ(last->body, "last words");
  EXPECT_EQ(pair->master.take()->kind, 0);
}

TEST_F(PlatformProcess, OtherChannelsStayUntouched) {
  Supervisor supervisor;
  auto quiet = openChannel();
  auto loud = openChannel();
  ASSERT_TRUE(quiet && loud);
  ASSERT_TRUE(loud->worker.put('x'));
  const Wakeup wakeup = supervisor.wait({quiet->master.native(), loud->master.native()}, longEnough);
  EXPECT_EQ(wakeup.readable, std::vector<std::size_t>{1});
}

TEST_F(PlatformProcess, RefusesToForkBesideOtherThreads) {
  std::atomic<bool> ended{false};
  {
    std::jthread first([&] { ended.wait(false); }), second([&] { ended.wait(false); });
    const auto pid = spawnWorker(nullptr, [] { return 0; });
    ASSERT_FALSE(pid);
    const std::string& message = pid.error().message;
    const std::string before = "cannot fork with ";
    ASSERT_TRUE(message.starts_with(before)) << message;
    // A sanitizer may have a thread of its own beside these three.
    const int count = std::stoi(message.substr(before.size()));
    EXPECT_GE(count, 3) << message;
    EXPECT_LE(count, 4) << message;
    ended = true;
    ended.notify_all();
  }
  Supervisor supervisor;
  EXPECT_EQ(endOf(supervisor, spawn([] { return 4; })), "code 4") << "joined threads are no obstacle";
}

TEST_F(PlatformProcess, MemoryIsShared) {
  auto memory = SharedMemory::create(sizeof(std::atomic<int>));
  ASSERT_TRUE(memory) << memory.error().message;
  auto& number = *static_cast<std::atomic<int>*>(memory->data());
  EXPECT_EQ(number, 0);
  Supervisor supervisor;
  const Pid pid = spawn([&] {
    number = 42;
    return 0;
  });
  EXPECT_EQ(endOf(supervisor, pid), "code 0");
  EXPECT_EQ(number, 42);
}

TEST_F(PlatformProcess, SharedMemoryKeepsItsSize) {
  auto memory = SharedMemory::create(4096);
  ASSERT_TRUE(memory);
  if (memory->native() == noSocket) GTEST_SKIP() << "it has no file here";
  const std::filesystem::path file = "/proc/self/fd/" + std::to_string(memory->native());
  std::error_code failed;
  for (const std::uintmax_t size : {0, 8192}) {
    std::filesystem::resize_file(file, size, failed);
    EXPECT_TRUE(failed) << size;
  }
  static_cast<char*>(memory->data())[4095] = 'x';
}

TEST_F(PlatformProcess, BufferedOutputIsWrittenOnceAndWhole) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::fputs("before ", file);
  Supervisor supervisor;
  const Pid pid = spawn([&] { return std::fputs("inside", file) < 0 ? 1 : 0; });
  EXPECT_EQ(endOf(supervisor, pid), "code 0");
  std::rewind(file);
  char text[64] = "";
  EXPECT_NE(std::fgets(text, sizeof text, file), nullptr);
  EXPECT_STREQ(text, "before inside");
  std::fclose(file);
}

TEST_F(PlatformProcess, SecondStopMeansNow) {
  Supervisor supervisor;
  ASSERT_EQ(std::raise(SIGTERM), 0);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_EQ(supervisor.wait({}, longEnough).notice, Notice::stop);
  EXPECT_EQ(supervisor.wait({}, longEnough).notice, Notice::stopNow);
  ASSERT_EQ(std::raise(SIGINT), 0);
  EXPECT_EQ(supervisor.wait({}, longEnough).notice, Notice::stopNow);
}

TEST_F(PlatformProcess, NoticesKeepTheirMeaningAndOrder) {
  Supervisor supervisor;
  for (const Notice sent : {Notice::reload, Notice::reloadGracefully, Notice::stopGracefully, Notice::stop}) {
    ASSERT_TRUE(notify(currentPid(), sent));
  }
  for (const Notice expected : {Notice::reload, Notice::reloadGracefully, Notice::stopGracefully, Notice::stop}) {
    EXPECT_EQ(supervisor.wait({}, longEnough).notice, expected);
  }
  EXPECT_EQ(notify(0, Notice::stop).error().code, Errc::system) << "0 would mean the whole process group";
  EXPECT_EQ(notify(-1, Notice::stop).error().code, Errc::system) << "-1 would mean everybody";
}

TEST_F(PlatformProcess, HangupOfANohupStartReopensLogs) {
  const Pid pid = spawn([] {
    std::signal(1, SIG_IGN);  // as nohup does
    Supervisor supervisor;
    if (!notify(currentPid(), Notice::reopenLogs)) return 1;
    return supervisor.wait({}, longEnough).notice == Notice::reopenLogs ? 0 : 2;
  });
  Supervisor supervisor;
  EXPECT_EQ(endOf(supervisor, pid), "code 0");
}

TEST_F(PlatformProcess, SignalsAreGivenBack) {
  const auto before = std::signal(SIGTERM, SIG_DFL);
  { const Supervisor supervisor; }
  EXPECT_EQ(std::signal(SIGTERM, before), SIG_DFL);
}

TEST_F(PlatformProcess, WorkerStartsWithDefaultSignals) {
  Supervisor supervisor;
  const auto body = [] { return std::signal(SIGTERM, SIG_DFL) == SIG_DFL ? 0 : 1; };
  EXPECT_EQ(endOf(supervisor, spawn(body)), "code 0");
  EXPECT_EQ(endOf(supervisor, spawn(body, [&] { supervisor.leaveInChild(); })), "code 0");
}

TEST_F(PlatformProcess, ANoticeAtAWorkersBirthWaitsUntilItIsHeard) {
  static std::atomic<int> heard{0};
  Supervisor supervisor;
  for (const auto& [number, notice] : noticeSignals()) {
    const auto body = [signal = number] {
      if (std::raise(signal) != 0 || heard != 0) return 1;
      std::signal(signal, [](int came) { heard = came; });
      hearNotices();
      return heard == signal ? 0 : 2;
    };
    EXPECT_EQ(endOf(supervisor, spawn(body)), "code 0") << number;
  }
}

TEST_F(PlatformProcess, WorkerMaySuperviseAfterLeaving) {
  Supervisor supervisor;
  const Pid pid = spawn(
      [] {
        Supervisor own;
        const auto grandchild = spawnWorker(nullptr, [] { return 6; });
        if (!grandchild) return 1;
        const Wakeup wakeup = own.wait({}, longEnough);
        return wakeup.exits.size() == 1 && wakeup.exits[0].code == 6 ? 0 : 2;
      },
      [&] { supervisor.leaveInChild(); });
  EXPECT_EQ(endOf(supervisor, pid), "code 0");
}

TEST_F(PlatformProcess, KernelTimerKillsAWorkerThatHangs) {
  Supervisor supervisor;
  const Pid pid = spawn([]() -> int {
    killSelfAfter(20ms);
    for (;;) std::this_thread::yield();
  });
  EXPECT_EQ(endOf(supervisor, pid), "signal KILL");
}

TEST_F(PlatformProcess, KernelTimerIsDisarmedByZero) {
  Supervisor supervisor;
  const Pid pid = spawn([] {
    killSelfAfter(200ms);
    killSelfAfter(0ms);
    // Nothing can be waited for: that nothing happens takes time.
    const auto end = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return 3;
  });
  EXPECT_EQ(endOf(supervisor, pid), "code 3");
}

/// Kills the parent of a child that said it is ready, and answers what the child said until it ended. `late`: the child
/// calls dieWithParent only when the parent is gone.
std::string PlatformProcess::lifeWithoutParent(Supervisor& supervisor, bool late) {
  auto toChild = openChannel();
  auto family = openChannel();  // from parent to child: its end tells the child that the parent is gone
  if (!toChild || !family) return "no channels";
  const auto child = [&] {
    hearNotices();
    if (!late) dieWithParent();
    if (!toChild->worker.put('r')) return 1;
    if (late) {
      awaitEnd(family->worker);
      dieWithParent();
    }
    stay();
  };
  const auto parent = [&] {
    const auto pid = spawnWorker([&] { family->master.close(); }, child);
    family->worker.close();
    toChild->worker.close();
    if (!pid) return 1;
    stay();
  };
  const Pid pid = spawn(parent, [&] {
    supervisor.leaveInChild();
    toChild->master.close();
  });
  family->master.close();
  family->worker.close();
  toChild->worker.close();
  const std::string said = read(supervisor, toChild->master, 1);
  EXPECT_TRUE(killNow(pid));
  EXPECT_EQ(endOf(supervisor, pid), "signal KILL");
  return said + readAll(supervisor, toChild->master);
}

TEST_F(PlatformProcess, EndsWithItsParent) {
  if (capabilities().platform != "linux") GTEST_SKIP() << "only Linux tells a process that its parent died";
  Supervisor supervisor;
  EXPECT_EQ(lifeWithoutParent(supervisor, false), "r.");
}

TEST_F(PlatformProcess, EndsWithAParentThatDiedBefore) {
  Supervisor supervisor;
  EXPECT_EQ(lifeWithoutParent(supervisor, true), "r.");
}

TEST(PlatformProcessLimits, MissingProcessesAreRefusedWithTheReason) {
  if (capabilities().workerProcesses) GTEST_SKIP() << "this system has them";
  for (const Error& error : {spawnWorker(nullptr, [] { return 0; }).error(), openChannel().error(),
                             notify(currentPid(), Notice::reload).error()}) {
    EXPECT_EQ(error.code, Errc::unsupported);
    EXPECT_EQ(error.message, capabilities().whyLimited);
  }
  auto memory = SharedMemory::create(64);
  ASSERT_TRUE(memory);
  EXPECT_EQ(static_cast<const char*>(memory->data())[63], 0);
}

TEST(PlatformProcessLimits, ExitIsDescribed) {
  EXPECT_EQ(describe({.pid = 1, .code = 250}), "code 250");
  EXPECT_GT(currentPid(), 0);
  ASSERT_FALSE(noticeSignals().empty());
  EXPECT_EQ(noticeSignals()[0].number, SIGINT);
  EXPECT_EQ(noticeSignals()[0].notice, Notice::stop);
}

/// Console events by Windows' numbers: Ctrl+C, Ctrl+Break, close, log-off, shutdown.
constexpr unsigned interrupt = 0, breakKey = 1, closed = 2, logOff = 5, shutdown = 6;

TEST(PlatformNotices, ConsoleEvents) {
  if (capabilities().platform != "windows") GTEST_SKIP() << "there are none here";
  EXPECT_FALSE(consoleEvent(shutdown)) << "nobody asked for it";
  std::atomic<int> told{0};
  onNotice([&](Notice notice) { told += notice == Notice::stop ? 1 : 100; });
  for (const unsigned event : {interrupt, breakKey, closed}) EXPECT_FALSE(consoleEvent(event)) << "libuv's";
  EXPECT_FALSE(consoleEvent(3));
  EXPECT_EQ(told, 0);
  for (const unsigned event : {logOff, shutdown}) EXPECT_TRUE(consoleEvent(event));
  EXPECT_EQ(told, 2);
  onNotice([&](Notice notice) { told += notice == Notice::stop ? 1 : 100; }, true);
  for (const unsigned event : {interrupt, breakKey, closed, logOff, shutdown}) EXPECT_TRUE(consoleEvent(event));
  EXPECT_EQ(told, 7);
  onNotice(nullptr);
  EXPECT_FALSE(consoleEvent(shutdown));
  EXPECT_EQ(told, 7);
}

TEST(PlatformNotices, TheStopEventIsHeardEachTime) {
  if (capabilities().platform != "windows") GTEST_SKIP() << "signals do it here";
  EXPECT_FALSE(notify(currentPid(), Notice::stop)) << "nobody would hear it";
  std::atomic<int> told{0};
  onNotice([&](Notice notice) { told += notice == Notice::stop ? 1 : 100; });
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(notify(currentPid(), Notice::stop));
    const auto deadline = std::chrono::steady_clock::now() + longEnough;
    while (told < i && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(told, i);
  }
  onNotice(nullptr);
  EXPECT_FALSE(notify(currentPid(), Notice::stop));
}

}  // namespace
}  // namespace artel::platform
