// Small parts of the worker layer that need no loop.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>

#include "artel/artel.hpp"
#include "platform/content_hash.hpp"
#include "src/worker/core.hpp"
#include "src/worker/process.hpp"
#include "src/worker/socket_text.hpp"

namespace artel {
namespace {

/// What a process sees that has so many connections, beside siblings that have these.
bool mayAccept(std::uint32_t mine, std::uint32_t a, std::uint32_t b) {
  std::array<Balance::Record, 3> records;
  records[0].connections = mine;
  records[1].connections = a;
  records[2].connections = b;
  return Balance(records, 0).mayAccept();
}

TEST(Balance, LeavesConnectionsToTheLeastLoaded) {
  EXPECT_TRUE(mayAccept(4, 0, 9));
  EXPECT_FALSE(mayAccept(5, 0, 9));
  EXPECT_TRUE(mayAccept(90, 80, 99));
  EXPECT_FALSE(mayAccept(91, 80, 99));
  EXPECT_TRUE(mayAccept(1000, Balance::notServing, Balance::notServing)) << "siblings that do not serve take nothing";
  std::array<Balance::Record, 1> alone;
  alone[0].connections = 7;
  EXPECT_TRUE(Balance(alone, 0).mayAccept());
  EXPECT_TRUE(Balance().mayAccept());
}

TEST(Balance, AsLongAsSiblingsLookTheyAreWaitedFor) {
  std::array<Balance::Record, 3> records;
  for (std::size_t i = 0; i < 3; ++i) records[i].connections = i == 0 ? 100 : 10;
  Balance balance(records, 0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(balance.mayAccept()) << i;
    if (i % 4 == 0) ++records[1].looks;
  }
}

TEST(Balance, WhoDoesNotLookIsNotWaitedForUntilItDoes) {
  std::array<Balance::Record, 3> records;
  for (std::size_t i = 0; i < 3; ++i) records[i].connections = i == 0 ? 100 : 10;
  Balance balance(records, 0);
  int refused = 0;
  while (!balance.mayAccept() && refused < 100) ++refused;
  EXPECT_EQ(refused, Balance::patience);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(balance.mayAccept()) << "waited for once, not for each connection";
  ++records[2].looks;
  EXPECT_FALSE(balance.mayAccept()) << "it is back";
  records[2].connections = 95;
  EXPECT_TRUE(balance.mayAccept()) << "and has its share";
}

TEST(Balance, EachLookIsToldToTheSiblings) {
  std::array<Balance::Record, 2> records;
  Balance one(records, 0), other(records, 1);
  one.holds(9);
  other.holds(0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(one.mayAccept());
    EXPECT_TRUE(other.mayAccept());
  }
  other.stops();
  EXPECT_TRUE(one.mayAccept());
}

TEST(Hex, RoundTripOfEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(fromHex(toHex(all)), all);
  EXPECT_EQ(toHex("\x01\xff"), "01ff");
  EXPECT_EQ(fromHex("01FF"), "\x01\xff");
  EXPECT_EQ(fromHex("abc"), std::nullopt);
  EXPECT_EQ(fromHex("zz"), std::nullopt);
  EXPECT_EQ(fromHex(""), "");
}

TEST(Address, WhatPeopleRead) {
  sockaddr_storage address{};
  uv_ip4_addr("203.0.113.7", 5000, reinterpret_cast<sockaddr_in*>(&address));
  EXPECT_EQ(ipText(address), "203.0.113.7");
  EXPECT_EQ(portOf(address), 5000);
  uv_ip6_addr("::ffff:203.0.113.7", 80, reinterpret_cast<sockaddr_in6*>(&address));
  EXPECT_EQ(ipText(address), "203.0.113.7");
  uv_ip6_addr("2001:db8::1", 80, reinterpret_cast<sockaddr_in6*>(&address));
  EXPECT_EQ(joinAddress(ipText(address), portOf(address)), "[2001:db8::1]:80");
  EXPECT_EQ(ipText(sockaddr_storage{}), "");
}

TEST(SetupErrorText, HasIdReasonAndHints) {
  const SetupError error(Exit::cannotListen, "busy", {{"held by", "nginx (pid 812)"}, {"try", "another"}});
  EXPECT_EQ(error.text(),
            "error[E05] busy\n  held by: nginx (pid 812)\n  try:     another\n  read:    docs/errors.md#e05\n");
}

TEST(Version, IsNotEmpty) {
  EXPECT_EQ(std::count(version().begin(), version().end(), '.'), 2);
  EXPECT_GE(buildId().size(), 4u);
}

TEST(ProgramId, IsOfTheFileThatRuns) {
  EXPECT_EQ(programId().size(), 8u);  // not "?"
  EXPECT_EQ(programId(), platform::programId(platform::currentPid()));
}

TEST(ProgramId, TellsContentsApart) {
  const auto hash = [](const std::string& content) {
    std::istringstream file(content);
    return platform::contentHash(file);
  };
  std::string content(70'000, 'x');  // two blocks, and a part of a word
  std::set<std::string> seen{hash(content), hash(content + '\0'), hash(content.substr(1)), hash("")};
  std::size_t different = seen.size();
  EXPECT_EQ(different, 4u);
  for (std::size_t at = 0; at < content.size(); at += 997) {
    content[at] ^= 0x40;
    seen.insert(hash(content));
    content[at] ^= 0x40;
    ++different;
  }
  content.back() = 'y';
  seen.insert(hash(content));
  EXPECT_EQ(seen.size(), different + 1);
}

}  // namespace
}  // namespace artel
