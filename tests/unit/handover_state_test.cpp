#include "src/master/handover_state.hpp"

#include <gtest/gtest.h>

#include "src/master/handover_check.hpp"

namespace artel {
namespace {

HandoverState filled() {
  HandoverState state;
  state.programs = {1, "0a1b2c3d", "4e5f6071"};
  state.files.name = "chat";
  state.files.pid = "/srv/a folder/with\ttab and\nline.pid";
  state.lock = 5;
  state.control = 6;
  state.background = true;
  state.startedAt = 1'790'000'000;
  state.generation = 7;
  state.timeout = 2000;
  state.clients = {11, 12};
  state.socketFiles = {{"/run/chat.sock", "8:15"}};
  state.hangupStops = false;
  state.listeners = {{"tcp 0.0.0.0:80", {3, 4}, false}, {"unix /run/chat.sock", {8}, true}};
  state.crews = {{"web\ttcp 0.0.0.0:80", 2, 9, {{"signal SEGV", 3, 1234}}, std::string("\0\1", 2), "keys", 3'600'000}};
  state.runTime = {{"web\ttcp 0.0.0.0:80", 1, "tcp 127.0.0.1:5688", 10}};
  state.certificates = {{"web\ttcp 0.0.0.0:80", 4096, 15}};
  HandoverState::Process process;
  process.worker = "web\ttcp 0.0.0.0:80";
  process.id = 1;
  process.place = HandoverState::Place::predecessor;
  process.pid = 4711;
  process.channel = 13;
  process.statistics = 14;
  process.deadline = INT64_MAX;
  process.told = true;
  state.processes = {process, HandoverState::Process{}};
  return state;
}

TEST(HandoverStateForm, WhatIsWrittenIsRead) {
  const auto read = HandoverState::parse(filled().text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(), filled().text());
  EXPECT_EQ(read->programs.tried, "4e5f6071");
  EXPECT_EQ(read->files.pid, "/srv/a folder/with\ttab and\nline.pid");
  EXPECT_TRUE(read->background);
  EXPECT_FALSE(read->hangupStops);
  ASSERT_EQ(read->socketFiles.size(), 1u);
  EXPECT_EQ(read->socketFiles[0].path, "/run/chat.sock");
  EXPECT_EQ(read->socketFiles[0].identity, "8:15");
  ASSERT_EQ(read->listeners.size(), 2u);
  EXPECT_EQ(read->listeners[0].sockets, (std::vector<platform::NativeSocket>{3, 4}));
  ASSERT_EQ(read->runTime.size(), 1u);
  EXPECT_EQ(read->runTime[0].name, "tcp 127.0.0.1:5688");
  ASSERT_EQ(read->certificates.size(), 1u);
  EXPECT_EQ(read->certificates[0].size, 4096u);
  ASSERT_EQ(read->crews.size(), 1u);
  EXPECT_EQ(read->crews[0].past, std::string("\0\1", 2));
  EXPECT_EQ(read->crews[0].tickets, "keys");
  EXPECT_EQ(read->crews[0].ticketsRotated, 3'600'000);
  EXPECT_TRUE(read->listeners[1].inherited);
  EXPECT_EQ(read->crews[0].ended[0].reason, "signal SEGV");
  ASSERT_EQ(read->processes.size(), 2u);
  EXPECT_EQ(read->processes[0].pid, 4711);
  EXPECT_EQ(read->processes[0].deadline, INT64_MAX);
  EXPECT_EQ(read->processes[0].place, HandoverState::Place::predecessor);
  EXPECT_TRUE(read->processes[0].told);
  EXPECT_FALSE(read->processes[1].told);
}

TEST(HandoverStateForm, EveryDescriptorIsNamedOnce) {
  EXPECT_EQ(filled().descriptors(), (std::vector<platform::NativeSocket>{5, 6, 11, 12, 3, 4, 8, 10, 15, 9, 13, 14}));
}

TEST(HandoverStateForm, APartOfItOrAnotherVersionIsNothing) {
  const std::string whole = filled().text();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(HandoverState::parse(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(HandoverState::parse(whole + "1 x"));
  std::string other = whole;
  const std::string version = "1 " + std::to_string(HandoverState::version);
  other.replace(other.find(version), version.size(), "1 9");
  EXPECT_FALSE(HandoverState::parse(other));
}

TEST(HandoverCheckForm, ListenersAndPrograms) {
  const auto one = HandoverCheck::listenerIn(HandoverCheck::listener(4, "unix /a folder/x"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->count, 4u);
  EXPECT_EQ(one->address, "unix /a folder/x");
  EXPECT_FALSE(HandoverCheck::listenerIn("x"));
  EXPECT_FALSE(HandoverCheck::listenerIn("4"));
  const auto both = HandoverCheck::programsIn(HandoverCheck::program("aa", "bb"));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->version, HandoverState::version);
  EXPECT_EQ(both->running + both->tried, "aabb");
  EXPECT_FALSE(HandoverCheck::programsIn("1 aa"));
}

}  // namespace
}  // namespace artel
