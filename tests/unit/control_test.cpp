// The commands' way to the master: its form, and what a client that misbehaves costs.
#include "src/master/control.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "artel/artel.hpp"
#include "src/master/service_commands.hpp"
#include "tests/support/program.hpp"

namespace artel {
namespace {

using namespace std::chrono_literals;

TEST(ControlRequest, ThereAndBack) {
  ControlRequest request{"stop", {}};
  request.values["graceful"];
  request.values["timeout"] = "5000";
  request.values["worker"] = "two words\nand\ttwo lines";
  EXPECT_EQ(request.line(), "artel/1\tstop\tgraceful\ttimeout=5000\tworker=two words and two lines\n");
  const auto read = parseControlRequest("artel/1\tstop\tgraceful\ttimeout=5000\tempty=");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->command, "stop");
  EXPECT_TRUE(read->has("graceful"));
  EXPECT_EQ(read->number("timeout"), 5000);
  EXPECT_EQ(read->number("graceful"), std::nullopt);
  EXPECT_EQ(read->number("nothing"), std::nullopt);
}

TEST(ControlRequest, WhatIsNone) {
  for (const char* line : {"", "stop", "artel/2\tstop", "artel/1", "artel/1\t", "GET / HTTP/1.1"})
    EXPECT_FALSE(parseControlRequest(line)) << line;
}

/// A master that does nothing but answer.
class Control : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!capabilities().controlCommands) GTEST_SKIP() << capabilities().whyLimited;
    supervisor.emplace();
    ASSERT_TRUE(server.open(path));
  }
  void turn(std::chrono::milliseconds limit = 20ms) {
    std::vector<platform::NativeSocket> readers, writers;
    server.addTo(readers, writers);
    server.turn(supervisor->wait(readers, limit, writers), 0, 0);
  }
  /// What comes to `socket`, until its end.
  std::string readAll(const platform::Channel& socket) {
    std::string text;
    char buffer[4096];
    for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
      turn(1ms);
      const auto got = platform::receiveNow(socket.native(), buffer, sizeof buffer);
      if (got < 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text + " (and no end)";
  }
  platform::Channel connect() {
    auto socket = platform::connectControl(path);
    EXPECT_TRUE(socket) << socket.error().message;
    return platform::Channel(socket ? *socket : platform::noSocket);
  }
  static void send(const platform::Channel& socket, std::string_view text) {
    platform::sendNow(socket.native(), text.data(), text.size());
  }

  artel::testing::Directory directory;
  std::string path = directory.file("c.ctl");
  std::optional<platform::Supervisor> supervisor;
  std::vector<std::shared_ptr<ControlClient>> asked;
  std::string answer = "fine";
  ControlServer server{[this](const std::shared_ptr<ControlClient>& client, const ControlRequest& request) {
    asked.push_back(client);
    if (request.command == "wait") return;
    if (request.command == "pages") {
      client->more = [left = 5](ControlClient& more) mutable {
        if (left-- == 0) return more.end(0);
        more.out(std::string(100'000, 'p'));
      };
      return client->out("first");
    }
    client->out(answer);
    client->err("a warning");
    client->end(3);
  }};
};

TEST_F(Control, ARequestAndItsAnswer) {
  const auto socket = connect();
  send(socket, "artel/1\thello\n");
  EXPECT_EQ(readAll(socket), "out fine\nerr a warning\nend 3\n");
}

TEST_F(Control, ARequestInPieces) {
  const auto socket = connect();
  for (const char c : std::string("artel/1\thello\n")) {
    EXPECT_TRUE(asked.empty());
    send(socket, std::string(1, c));
    turn();
  }
  EXPECT_EQ(readAll(socket), "out fine\nerr a warning\nend 3\n");
}

TEST_F(Control, ALineStaysALine) {
  answer = "two\nlines";
  const auto socket = connect();
  send(socket, "artel/1\thello\n");
  EXPECT_EQ(readAll(socket), "out two lines\nerr a warning\nend 3\n");
}

TEST_F(Control, ALongAnswerInPieces) {
  const auto socket = connect();
  send(socket, "artel/1\tpages\n");
  const std::string all = readAll(socket);
  EXPECT_EQ(all.size(), 10 + 5 * 100'005 + 6u);
  EXPECT_TRUE(all.ends_with("\nend 0\n"));
}

TEST_F(Control, NonsenseIsAnsweredAndEnds) {
  const auto socket = connect();
  send(socket, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(readAll(socket).ends_with("end 2\n"));
  EXPECT_TRUE(asked.empty());
}

TEST_F(Control, AnEndlessRequestIsCut) {
  const auto socket = connect();
  send(socket, std::string(ControlClient::longestRequest * 2, 'x'));
  EXPECT_EQ(readAll(socket), "");
  EXPECT_TRUE(server.idle());
}

TEST_F(Control, WhoSaysNothingIsLetGo) {
  const auto silent = connect();
  turn();
  EXPECT_FALSE(server.idle());
  EXPECT_LE(server.nextLimit(), ControlServer::Clock::now() + 2s);
  EXPECT_EQ(readAll(silent), "");
  EXPECT_TRUE(server.idle());
}

TEST_F(Control, WhoTakesNothingCostsNoMoreThanItsBuffer) {
  const auto socket = connect();
  send(socket, "artel/1\twait\n");
  while (asked.empty()) turn();
  for (int i = 0; i < 100; ++i) asked[0]->out(std::string(50'000, 'x'));
  turn();
  EXPECT_TRUE(server.idle()) << "it was let go";
  EXPECT_TRUE(asked[0]->ended());
}

TEST_F(Control, WhoNeverEndsIsReadABufferInATurn) {
  const auto socket = connect();
  const std::string request = "artel/1\twait\n", noise(1024, 'x');
  send(socket, request);
  const auto fill = [&] {
    std::size_t sent = 0;
    for (std::ptrdiff_t n; (n = platform::sendNow(socket.native(), noise.data(), noise.size())) > 0;)
      sent += static_cast<std::size_t>(n);
    return sent;
  };
  const std::size_t waits = fill();  // in the kernel
  ASSERT_GT(waits, 2u * 4096);
  while (asked.empty()) turn();
  EXPECT_FALSE(server.idle());
  EXPECT_LT(fill(), waits / 2) << "what it did not read is still there";
}

TEST_F(Control, WhoCannotBeAcceptedDoesNotKeepTheMasterAwake) {
  const auto named = [this] {
    std::vector<platform::NativeSocket> readers, writers;
    server.addTo(readers, writers);
    return readers.at(0);
  };
  const auto listener = named();
  const auto file = platform::openAppend(directory.file("no-socket"));  // always readable, and accepts nobody
  ASSERT_TRUE(file);
  platform::becomeDescriptor(*file, listener);
  turn();
  EXPECT_EQ(named(), platform::noSocket) << "asked again at once";
  EXPECT_LT(server.nextLimit(), ControlServer::Clock::now() + 1s);
  const auto working = platform::openControl(path);
  ASSERT_TRUE(working);
  platform::becomeDescriptor(*working, listener);
  const auto socket = connect();
  send(socket, "artel/1\thello\n");
  EXPECT_EQ(readAll(socket), "out fine\nerr a warning\nend 3\n") << "after the pause";
}

TEST_F(Control, AClientThatLeavesIsForgotten) {
  {
    const auto socket = connect();
    send(socket, "artel/1\twait\n");
    while (asked.empty()) turn();
  }
  while (!server.idle()) turn();
  asked[0]->out("to nobody");
  asked[0]->end(0);
  turn();
}

TEST_F(Control, ManyWhoWaitDoNotKeepTheNextOneOutForEver) {
  std::vector<platform::Channel> silent;
  for (std::size_t i = 0; i < ControlServer::mostClients + 8; ++i) silent.push_back(connect());
  turn();
  const auto socket = connect();
  send(socket, "artel/1\thello\n");
  EXPECT_EQ(readAll(socket), "out fine\nerr a warning\nend 3\n");
}

TEST_F(Control, AskMasterHearsLinesAndTheCode) {
  std::string heard;
  std::optional<int> code;
  std::thread command([&] {
    const auto answered = askMaster(
        path, ControlRequest{"hello", {}},
        [&](std::string_view kind, std::string_view text) { heard.append(kind).append(":").append(text).append(";"); },
        10s);
    if (answered) code = *answered;
  });
  while (asked.empty() || !server.idle()) turn();
  command.join();
  EXPECT_EQ(heard, "out:fine;err:a warning;");
  EXPECT_EQ(code, 3);
}

TEST(NotAnswering, WhoMayNotConnectIsToldSo) {
  ServiceFiles files;
  files.name = "chat";
  files.control = "/srv/chat/chat.sock";
  const Error denied{Errc::permissionDenied, "permission denied", 13}, none{Errc::system, "no such file", 2};
  const std::string mine = notAnswering(files, "./chat", &denied).text();
  EXPECT_NE(mine.find("chat: the master does not answer at /srv/chat/chat.sock: permission denied\n"),
            std::string::npos)
      << mine;
  EXPECT_NE(mine.find("the same command as the user who started the service"), std::string::npos) << mine;
  EXPECT_EQ(mine.find("deleted"), std::string::npos) << mine;
  for (const Error* why : {&none, static_cast<const Error*>(nullptr)})
    EXPECT_NE(notAnswering(files, "./chat", why).text().find("deleted the socket"), std::string::npos);
}

TEST_F(Control, AFileThatIsNoSocketIsNotTakenAway) {
  ControlServer other([](const auto&, const auto&) {});
  ASSERT_TRUE(platform::writeFile(directory.file("precious.ctl"), "mine"));
  EXPECT_FALSE(other.open(directory.file("precious.ctl")));
  EXPECT_EQ(directory.read("precious.ctl"), "mine");
}

TEST_F(Control, ASocketIsTakenOverFromTheDeadOnly) {
  const std::string file = directory.file("taken.ctl");
  const auto served = platform::openListener(platform::SocketKind::unixStream, file, 0, {});
  ASSERT_TRUE(served) << served.error().message;
  ControlServer other([](const auto&, const auto&) {});
  const auto refused = other.open(file);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::addressInUse) << refused.error().message;
  EXPECT_TRUE(directory.has("taken.ctl"));
  platform::closeSocket(*served);
  EXPECT_TRUE(other.open(file));
  std::filesystem::remove(file);
  const auto next = platform::openListener(platform::SocketKind::unixStream, file, 0, {});
  other.close();
  EXPECT_TRUE(directory.has("taken.ctl")) << "not its own any more";
  platform::closeSocket(*next);
}

TEST_F(Control, AskMasterWithoutOne) {
  EXPECT_FALSE(askMaster(directory.file("none.ctl"), ControlRequest{"hello", {}}, nullptr, 1s));
}

TEST_F(Control, TheLockNamesItsOwner) {
  const std::string file = directory.file("x.lock");
  EXPECT_EQ(platform::ServiceLock::owner(file), std::nullopt);
  auto done = platform::openChannel();
  ASSERT_TRUE(done);
  const auto holder = platform::spawnWorker(nullptr, [&] {
    platform::ServiceLock lock;
    if (!lock.take(file)) return 1;
    static_cast<void>(done->worker.put('h'));
    while (!done->worker.take()) platform::awaitReadable(done->worker.native(), 30s);
    lock.release();
    return 0;
  });
  ASSERT_TRUE(holder);
  ASSERT_TRUE(platform::awaitReadable(done->master.native(), 10s));
  EXPECT_EQ(platform::ServiceLock::owner(file), *holder);
  platform::ServiceLock second;
  const auto taken = second.take(file);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::addressInUse);
  static_cast<void>(done->master.put('x'));
  while (platform::ServiceLock::owner(file)) turn(1ms);
  EXPECT_TRUE(second.take(file)) << "the file it took away is made anew";
  second.release();
}

}  // namespace
}  // namespace artel
