// What `connections` says between processes (row 1.14.3): it comes back as it was, and nonsense is refused.
#include "src/worker/connection_rows.hpp"

#include <gtest/gtest.h>

namespace artel {
namespace {

using namespace std::chrono_literals;

ConnectionRow row() {
  ConnectionRow row;
  row.worker = "gateway";
  row.id = 1093;
  row.transport = "tcp";
  row.protocol = "websocket";
  row.status = "ESTABLISHED";
  row.ipv4 = row.paused = true;
  row.receiveQueue = 12;
  row.sendQueue = 1'048'576;
  row.bytesRead = 18'637;
  row.bytesWritten = 1'468'006;
  row.idle = 4s;
  row.local = "10.0.0.4:7272";
  row.remote = "203.0.113.7:51822";
  row.tls = "1.3";
  row.age = 7980s;
  return row;
}

TEST(ConnectionRows, ARowComesBackAsItWas) {
  const auto back = parseRow(encodeRow(row()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->worker, "gateway");
  EXPECT_EQ(back->id, 1093u);
  EXPECT_EQ(back->transport, "tcp");
  EXPECT_EQ(back->protocol, "websocket");
  EXPECT_EQ(back->status, "ESTABLISHED");
  EXPECT_TRUE(back->ipv4);
  EXPECT_FALSE(back->ipv6);
  EXPECT_TRUE(back->paused);
  EXPECT_EQ(back->receiveQueue, 12u);
  EXPECT_EQ(back->sendQueue, 1'048'576u);
  EXPECT_EQ(back->bytesRead, 18'637u);
  EXPECT_EQ(back->bytesWritten, 1'468'006u);
  EXPECT_EQ(back->idle, 4s);
  EXPECT_EQ(back->local, "10.0.0.4:7272");
  EXPECT_EQ(back->remote, "203.0.113.7:51822");
  EXPECT_EQ(back->tls, "1.3");
  EXPECT_EQ(back->age, 7980s);
}

TEST(ConnectionRows, NothingInAFieldBreaksTheLine) {
  ConnectionRow evil = row();
  evil.worker = "a\tb\nc";
  evil.remote.clear();
  const std::string line = encodeRow(evil);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = parseRow(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->worker, "a?b?c");
  EXPECT_EQ(back->remote, "");
}

TEST(ConnectionRows, WhatIsNoRowIsRefused) {
  const std::string whole = encodeRow(row());
  const std::string line = whole.substr(0, whole.rfind('\t', whole.rfind('\t') - 1));
  EXPECT_TRUE(parseRow(line)) << "of an earlier build, without the last two";
  for (std::size_t size = 0; size < line.rfind('\t') + 2; ++size)
    EXPECT_FALSE(parseRow(std::string_view(line).substr(0, size)) && size <= line.rfind('\t')) << size;
  EXPECT_FALSE(parseRow("a\tx\ttcp"));
  EXPECT_FALSE(parseRow("gateway\t99999999999999999999\ttcp\ttcp\t0\t0\t0\t0\t0\tE\t0\t-\t-")) << "beyond 64 bits";
  EXPECT_TRUE(parseRow(whole + "\tmore")) << "of a later build";
}

TEST(ConnectionRows, RequestsAndPagesComeBack) {
  PageRequest request;
  request.query = 7;
  request.worker = 1;
  request.after = 900;
  request.rows = 100'000;
  request.status = "CLOSING";
  request.peer = "10.0.0.0/8";
  const auto back = PageRequest::parse(request.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->query, 7u);
  EXPECT_EQ(back->after, 900u);
  EXPECT_EQ(back->rows, PageRequest::mostRows) << "no page is larger";
  EXPECT_EQ(back->status, "CLOSING");
  EXPECT_EQ(back->peer, "10.0.0.0/8");
  EXPECT_EQ(back->workerName, "");
  EXPECT_FALSE(PageRequest::parse(""));
  EXPECT_FALSE(PageRequest::parse("1\t2\t3"));
  EXPECT_FALSE(PageRequest::parse("x\t0\t0\t1\t-\t-\t-"));

  Page page{7, 1, 1093, true, {"one", "two"}};
  const auto same = Page::parse(page.encode());
  ASSERT_TRUE(same);
  EXPECT_EQ(same->after, 1093u);
  EXPECT_TRUE(same->last);
  EXPECT_EQ(same->rows, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(Page::parse("7\t0\t0\t0")->rows.empty());
  EXPECT_FALSE(Page::parse("7\t0"));
  EXPECT_FALSE(Page::parse(""));
}

TEST(ConnectionRows, PeerFilters) {
  const auto matches = [](std::string_view filter, std::string_view ip, std::string_view address) {
    const auto parsed = PeerFilter::parse(filter);
    return parsed && parsed->matches(ip, address);
  };
  EXPECT_TRUE(matches("", "", ""));
  EXPECT_TRUE(matches("203.0.113.7", "203.0.113.7", "203.0.113.7:5"));
  EXPECT_FALSE(matches("203.0.113.7", "203.0.113.70", "203.0.113.70:5")) << "an address is no beginning";
  EXPECT_TRUE(matches("203.0.113.0/24", "203.0.113.70", "203.0.113.70:5"));
  EXPECT_FALSE(matches("203.0.113.0/25", "203.0.113.200", "203.0.113.200:5"));
  EXPECT_TRUE(matches("0.0.0.0/0", "1.2.3.4", "1.2.3.4:5"));
  EXPECT_FALSE(matches("0.0.0.0/0", "::1", "[::1]:5"));
  EXPECT_TRUE(matches("2001:db8::/33", "2001:db8:7fff::1", "[2001:db8:7fff::1]:5"));
  EXPECT_FALSE(matches("2001:db8::/33", "2001:db8:8000::1", "[2001:db8:8000::1]:5"));
  EXPECT_TRUE(matches("203.0.", "203.0.113.7", "203.0.113.7:5"));
  EXPECT_TRUE(matches("203.0.113.7:5", "203.0.113.7", "203.0.113.7:51822"));
  EXPECT_FALSE(matches("10.0.0.0/8", "", "")) << "a Unix socket has no address";
  EXPECT_FALSE(PeerFilter::parse("10.0.0.0/33"));
  EXPECT_FALSE(PeerFilter::parse("10.0.0.0/"));
  EXPECT_FALSE(PeerFilter::parse("somewhere/8"));
  EXPECT_FALSE(PeerFilter::parse("10.0.0.0/-1"));
}

}  // namespace
}  // namespace artel
