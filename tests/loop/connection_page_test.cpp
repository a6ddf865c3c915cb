// The worker's side of `connections` (row 1.14.3).
#include <gtest/gtest.h>

#include <algorithm>

#include "src/worker/connection_rows.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

std::vector<ConnectionRow> rowsOf(const Page& page) {
  std::vector<ConnectionRow> rows;
  for (const std::string& line : page.rows) rows.push_back(parseRow(line).value());
  return rows;
}

TEST(ConnectionPage, ARowForEachConnectionWithAllItsColumns) {
  Worker worker("text://127.0.0.1:0");
  worker.name = "lines";
  worker.onMessage = [](TcpConnection& c, std::string_view line) {
    line == "pause" ? c.pauseRecv() : void(c.send(line));
  };
  World world(worker);
  Client one(world), two(world);
  one.send("hello\nhalf");
  two.send("pause\n");
  world.until([&] { return one.received == "hello\n" && worker.connections().size() == 2; });
  world.until([&] { return rowsOf(connectionPage({}))[1].paused; });
  const Page page = connectionPage({});
  EXPECT_TRUE(page.last);
  const auto rows = rowsOf(page);
  ASSERT_EQ(rows.size(), 2u);
  const auto first = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return !row.paused; });
  ASSERT_NE(first, rows.end());
  EXPECT_EQ(first->worker, "lines");
  EXPECT_EQ(first->transport, "tcp");
  EXPECT_EQ(first->protocol, "text");
  EXPECT_EQ(first->status, "ESTABLISHED");
  EXPECT_TRUE(first->ipv4);
  EXPECT_FALSE(first->ipv6);
  EXPECT_EQ(first->receiveQueue, 4u);
  EXPECT_EQ(first->bytesRead, 10u);
  EXPECT_EQ(first->bytesWritten, 6u);
  EXPECT_EQ(first->local, "127.0.0.1:" + std::to_string(world.port()));
  EXPECT_EQ(first->remote, "127.0.0.1:" + std::to_string(one.localPort()));
}

TEST(ConnectionPage, PagesFollowEachOtherWithoutGapsOrDoubles) {
  Worker worker("text://127.0.0.1:0"), other("text://127.0.0.1:0");
  World world(worker);
  other.listen();
  std::vector<std::unique_ptr<Client>> clients;
  const auto portOf = [](const Worker& w) {
    const auto& address = w.listenAddress();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  };
  for (int i = 0; i < 25; ++i) clients.push_back(std::make_unique<Client>(world, portOf(i % 5 == 0 ? other : worker)));
  world.until([&] { return worker.connections().size() == 20 && other.connections().size() == 5; });
  PageRequest request;
  request.rows = 4;
  std::vector<std::uint64_t> ids;
  int pages = 0;
  for (bool last = false; !last && pages < 50; ++pages) {
    const Page page = connectionPage(request);
    EXPECT_LE(page.rows.size(), 4u);
    for (const auto& row : rowsOf(page)) ids.push_back(row.id);
    request.worker = page.worker;
    request.after = page.after;
    last = page.last;
  }
  EXPECT_EQ(pages, 7);
  EXPECT_EQ(ids.size(), 25u);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST(ConnectionPage, Filters) {
  Worker worker("text://127.0.0.1:0");
  worker.name = "lines";
  World world(worker);
  Client one(world), two(world);
  world.until([&] { return worker.connections().size() == 2; });
  PageRequest request;
  request.peer = "127.0.0.1:" + std::to_string(one.localPort());
  EXPECT_EQ(connectionPage(request).rows.size(), 1u);
  request.peer = "127.0.0.0/8";
  EXPECT_EQ(connectionPage(request).rows.size(), 2u);
  request.peer = "10.0.0.0/8";
  EXPECT_EQ(connectionPage(request).rows.size(), 0u);
  request.peer.clear();
  request.status = "CLOSING";
  EXPECT_EQ(connectionPage(request).rows.size(), 0u);
  request.status = "ESTABLISHED";
  EXPECT_EQ(connectionPage(request).rows.size(), 2u);
  request.workerName = "others";
  EXPECT_EQ(connectionPage(request).rows.size(), 0u);
  EXPECT_TRUE(connectionPage(request).last);
  request.worker = 1000;  // a cursor of a Worker that is gone
  EXPECT_TRUE(connectionPage(request).last);
}

}  // namespace
}  // namespace artel::testing
