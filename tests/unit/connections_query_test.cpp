// The master's side of `connections` (row 1.14.3): who is asked when, and what becomes of those who do not answer.
#include "src/master/connections_query.hpp"

#include <gtest/gtest.h>

namespace artel {
namespace {

using namespace std::chrono_literals;

struct Desk {
  explicit Desk(std::vector<ConnectionsQuery::Source> sources, std::uint64_t limit = 0)
      : query(
            [] {
              PageRequest filter;
              filter.query = 42;
              return filter;
            }(),
            limit, sources,
            {[this](platform::Pid pid, const std::string& request) {
               if (pid == deaf) return false;
               asked.emplace_back(pid, PageRequest::parse(request).value());
               return true;
             },
             [this](std::string_view line) { said.emplace_back(line); }}) {}
  void answer(platform::Pid pid, std::uint64_t rows, bool last, std::uint64_t id = 42) {
    after += rows;
    Page page{id, 0, after, last, {}};
    for (std::uint64_t i = 0; i < rows; ++i) page.rows.push_back("r");
    query.heard(pid, page, now);
  }
  std::size_t rows() const {
    return static_cast<std::size_t>(
        std::count_if(said.begin(), said.end(), [](const std::string& line) { return line.rfind("row\t", 0) == 0; }));
  }
  platform::Pid deaf = 0;
  std::vector<std::pair<platform::Pid, PageRequest>> asked;
  std::vector<std::string> said;
  ConnectionsQuery::Clock::time_point now{};
  std::uint64_t after = 0;
  ConnectionsQuery query;
};

TEST(ConnectionsQuery, EverybodyIsAskedAtOnceThenPageByPage) {
  Desk desk({{1, "a"}, {2, "b"}});
  desk.query.begin(desk.now);
  ASSERT_EQ(desk.asked.size(), 2u);
  EXPECT_EQ(desk.asked[0].second.rows, ConnectionsQuery::firstRows);
  desk.answer(1, 32, false);
  desk.answer(2, 32, false);
  EXPECT_EQ(desk.asked.size(), 2u) << "the command has not taken the first rows yet";
  desk.query.taken(desk.now);
  ASSERT_EQ(desk.asked.size(), 3u) << "one page at a time";
  EXPECT_EQ(desk.asked[2].second.after, 32u);
  EXPECT_EQ(desk.asked[2].second.rows, PageRequest::mostRows);
  desk.answer(1, 256, true);
  desk.query.taken(desk.now);
  ASSERT_EQ(desk.asked.size(), 4u);
  EXPECT_EQ(desk.asked[3].first, 2);
  EXPECT_FALSE(desk.query.done());
  desk.answer(2, 10, true);
  EXPECT_TRUE(desk.query.done());
  EXPECT_EQ(desk.rows(), 330u);
  EXPECT_EQ(desk.said.back(), "total\t330");
}

TEST(ConnectionsQuery, AStuckWorkerIsMissingAndHoldsUpNobody) {
  Desk desk({{1, "stuck\tone"}, {2, "b"}});
  desk.query.begin(desk.now);
  desk.answer(2, 32, false);
  desk.query.taken(desk.now);
  ASSERT_EQ(desk.asked.size(), 3u) << "the second page of the other one, though the first is silent";
  desk.answer(2, 5, true);
  EXPECT_EQ(desk.query.due(), desk.now + 500ms);
  desk.query.timePasses(desk.now + 499ms);
  EXPECT_FALSE(desk.query.done());
  desk.query.timePasses(desk.now + 500ms);
  EXPECT_TRUE(desk.query.done());
  EXPECT_EQ(desk.said[desk.said.size() - 2], "missing\t1\tstuck one\tit did not answer within 500 ms");
  EXPECT_EQ(desk.said.back(), "total\t37");
  desk.answer(1, 3, true);
  EXPECT_EQ(desk.said.back(), "total\t37") << "too late";
  EXPECT_EQ(desk.query.due(), ConnectionsQuery::Clock::time_point::max());
}

TEST(ConnectionsQuery, TheLimitEndsIt) {
  Desk desk({{1, "a"}, {2, "b"}}, 10);
  desk.query.begin(desk.now);
  desk.answer(1, 32, false);
  EXPECT_TRUE(desk.query.done());
  EXPECT_EQ(desk.rows(), 10u);
  EXPECT_EQ(desk.said.back(), "total\t10");
}

TEST(ConnectionsQuery, EmptyPagesGoOnWithoutWaitingForTheCommand) {
  Desk desk({{1, "a"}});
  desk.query.begin(desk.now);
  desk.after = 4096;
  desk.answer(1, 0, false);
  ASSERT_EQ(desk.asked.size(), 2u);
  EXPECT_EQ(desk.asked[1].second.after, 4096u);
  desk.answer(1, 0, true);
  EXPECT_TRUE(desk.query.done());
}

TEST(ConnectionsQuery, TheGoneTheDeafAndStrangers) {
  Desk desk({{1, "a"}, {2, "b"}, {3, "c"}});
  desk.deaf = 3;
  desk.query.begin(desk.now);
  EXPECT_EQ(desk.said.back(), "missing\t3\tc\tit cannot be asked");
  desk.answer(7, 5, true);
  desk.answer(1, 5, true, 41);
  EXPECT_EQ(desk.rows(), 0u) << "a stranger, and an answer to another question";
  desk.query.gone(1, desk.now);
  EXPECT_EQ(desk.said.back(), "missing\t1\ta\tit has ended");
  desk.answer(2, 1, true);
  EXPECT_TRUE(desk.query.done());
  Desk none({});
  none.query.begin(none.now);
  EXPECT_TRUE(none.query.done());
  EXPECT_EQ(none.said.back(), "total\t0");
}

}  // namespace
}  // namespace artel
